"""Rows that hide behind others: with keys and constraints dropped, a table may hold two rows of one number.

A reader may then be given either. So the check must name them, also when the row that it takes is the true one.
"""

from functools import partial

import pytest
from django.db import connection, models

from archive.models import Checkpoint, Document, Entry, Head, Leaf, RecordKey, Stream
from tests.archive.samples import record_conversations
from tests.archive.tampering import Attack, Parameter, first_bad, report_after, run

pytestmark = pytest.mark.django_db
VICTIM = 6
FORGED: list[tuple[type[models.Model], str, Parameter]] = [
    (Leaf, "data", b"{}"),
    (Leaf, "hash", bytes(32)),
    (Entry, "ciphertext", b"forged"),
    (Entry, "kind", "message.removed"),
    (RecordKey, "wrapped", b"forged"),
    (Document, "text", "what was never said"),
]


@pytest.fixture(autouse=True)
def history() -> None:
    record_conversations(12)


def names(model: type[models.Model]) -> str:
    return ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields)


def drop_keys(model: type[models.Model]) -> None:
    """Let the table hold any row twice."""
    table = model._meta.db_table
    if connection.vendor == "postgresql":
        run("SET CONSTRAINTS ALL IMMEDIATE")
        run(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey CASCADE")
        for constraint in model._meta.constraints:
            run(f"ALTER TABLE {table} DROP CONSTRAINT {constraint.name}")
        return
    run(f"CREATE TABLE loose AS SELECT {names(model)} FROM {table}")  # noqa: S608 (names of the models)
    run(f"DROP TABLE {table}")
    run(f"ALTER TABLE loose RENAME TO {table}")


def forge_before(model: type[models.Model], column: str, value: Parameter, *, key: str, number: int) -> None:
    """Put a forged row of that number before the true one."""
    table = model._meta.db_table
    drop_keys(model)
    true_row = f"SELECT {names(model)} FROM {table} WHERE {key} = {number}"  # noqa: S608 (names of the models)
    run(f"CREATE TEMPORARY TABLE true_row AS {true_row}")
    run(f"UPDATE {table} SET {column} = %s WHERE {key} = {number}", value)  # noqa: S608 (as above)
    run(f"INSERT INTO {table} ({names(model)}) SELECT {names(model)} FROM true_row")  # noqa: S608 (as above)


@pytest.mark.parametrize(("model", "column", "value"), FORGED)
def test_a_forged_row_before_the_true_one_is_named(model: type[models.Model], column: str, value: Parameter) -> None:
    seq, what = first_bad(partial(forge_before, model, column, value, key="seq", number=VICTIM))
    assert (seq, "two rows" in what) == (VICTIM, True), what


def test_a_second_checkpoint_of_one_size_is_named() -> None:
    seq, what = first_bad(partial(forge_before, Checkpoint, "note", "forged", key="size", number=VICTIM + 1))
    assert (seq, "two rows" in what) == (VICTIM, True), what


def second_stream() -> None:
    run("SET CONSTRAINTS ALL IMMEDIATE")
    run("ALTER TABLE archive_stream DROP CONSTRAINT archive_stream_pkey CASCADE")
    run(f"CREATE TEMPORARY TABLE twin AS SELECT {names(Stream)} FROM archive_stream WHERE name = 'system'")  # noqa: S608
    run("UPDATE archive_stream SET name = 'system ' WHERE name = 'system'")
    run(f"INSERT INTO archive_stream ({names(Stream)}) SELECT {names(Stream)} FROM twin")  # noqa: S608 (our names)


@pytest.mark.backend("postgres")
def test_a_second_row_of_a_stream_is_found() -> None:
    assert "two rows" in first_bad(second_stream)[1]


def further_head() -> None:
    copied = names(Head).replace('"id"', "0")
    if connection.vendor == "postgresql":
        run("ALTER TABLE archive_head DROP CONSTRAINT archive_head_is_one_row")
    else:
        run("PRAGMA ignore_check_constraints = ON")
    run(f"INSERT INTO archive_head ({names(Head)}) SELECT {copied} FROM archive_head")  # noqa: S608 (our names)
    run("UPDATE archive_head SET size = 1000000 WHERE id = 0")
    if connection.vendor == "sqlite":
        run("PRAGMA ignore_check_constraints = OFF")


def test_a_second_head_is_found() -> None:
    assert "another head" in first_bad(further_head)[1]


def test_control_tables_without_keys_and_with_true_rows_raise_no_alarm() -> None:
    attacks: list[Attack] = [partial(drop_keys, model) for model in (Leaf, Entry, RecordKey, Checkpoint)]
    assert all(report_after(attack).is_sound for attack in attacks)


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize("table", ["archive_entry", "archive_document"])
def test_a_time_of_another_type_is_named_though_its_letters_are_the_same(table: str) -> None:
    statement = f"UPDATE {table} SET at = CAST(at AS BLOB) WHERE seq = {VICTIM}"  # noqa: S608 (our tables)
    assert first_bad(partial(run, statement))[0] == VICTIM


def test_a_line_that_was_added_to_a_stored_checkpoint_is_named() -> None:
    statement = f"UPDATE archive_checkpoint SET note = note || %s WHERE size = {VICTIM + 1}"  # noqa: S608 (a number)
    assert first_bad(partial(run, statement, "— stranger.example/x AAAAAAAAAAAA\n"))[0] == VICTIM
