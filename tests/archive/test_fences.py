"""The fences: the database itself refuses to change, delete or replace what the record consists of."""
# ruff: noqa: S608 (statements are made of the names of tables, which stand in this file)

from collections.abc import Iterator

import pytest
from django.db import DatabaseError, connection, transaction

from archive import ledger
from archive.fences import fences_lifted
from archive.models import Checkpoint, Entry, Leaf, Mailed, Stamped, Tile, Witnessed
from tests.archive.record_reset import FENCED_TABLES, fences_down, reset_record
from tests.archive.samples import NOON, record, said

pytestmark = pytest.mark.django_db
REFUSED = "the record is insert-only"
TABLES = {model._meta.db_table: model for model in (Leaf, Entry, Checkpoint, Tile, Witnessed, Stamped, Mailed)}


@pytest.fixture(autouse=True)
def entries() -> None:
    record(*(said(f"message {i}") for i in range(256)))
    Witnessed.objects.create(size=256, witness="auditor.example/witness", cosignature="— a line\n", at=NOON)
    Stamped.objects.create(size=256, note="a note", authority="CN=Stamps", reply=b"reply", at=NOON)
    Mailed.objects.create(size=256, at=NOON)
    if connection.vendor == "postgresql":
        run("SET CONSTRAINTS ALL IMMEDIATE")  # checks that wait would refuse a TRUNCATE before the fence does


def run(statement: str) -> None:
    """Run a statement past SQLite's authorizer, which would refuse it before the triggers do."""
    with fences_lifted(connection), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def counts() -> dict[str, int]:
    return {table: model._default_manager.count() for table, model in TABLES.items()}


def test_every_table_of_the_record_is_fenced() -> None:
    assert set(FENCED_TABLES) == set(TABLES)
    assert all(counts().values())


def change(table: str) -> Iterator[str]:
    column = {
        "archive_leaf": "hash",
        "archive_entry": "kind",
        "archive_checkpoint": "note",
        "archive_tile": "root",
        "archive_witnessed": "cosignature",
        "archive_stamped": "reply",
        "archive_mailed": "at",
    }[table]
    yield f"UPDATE {table} SET {column} = {column}"
    yield f"DELETE FROM {table}"
    if connection.vendor == "postgresql":
        yield f"TRUNCATE {table} CASCADE"
        yield f"SET LOCAL session_replication_role = replica; DELETE FROM {table}"
    else:
        yield f"UPDATE OR REPLACE {table} SET {column} = {column}"
        yield f"INSERT OR REPLACE INTO {table} SELECT * FROM {table} LIMIT 1"
        yield f"REPLACE INTO {table} SELECT * FROM {table} LIMIT 1"


@pytest.mark.parametrize("table", FENCED_TABLES)
def test_no_statement_changes_the_record(table: str) -> None:
    before = counts()
    for statement in change(table):
        with pytest.raises(DatabaseError, match=REFUSED):
            run(statement)
    assert counts() == before
    assert ledger.check().is_sound


@pytest.mark.backend("sqlite")
def test_a_new_number_cannot_push_out_an_entry_of_the_same_place() -> None:
    places = {
        "archive_entry": ("seq", "stream_id, n, kind, at, bucket, ciphertext"),
        "archive_tile": ("id", 'level, "index", hashes, root'),
        "archive_witnessed": ("id", "size, witness, cosignature, at"),
        "archive_stamped": ("id", "size, note, authority, reply, at"),
        "archive_mailed": ("id", "size, at"),
    }
    for table, (number, rest) in places.items():
        with pytest.raises(DatabaseError, match=REFUSED):
            run(f"INSERT OR REPLACE INTO {table} ({number}, {rest}) SELECT 999, {rest} FROM {table} LIMIT 1")


@pytest.mark.breaks_the_record
def test_control_without_the_fences_the_same_statements_pass() -> None:
    with fences_down(connection):
        run("DELETE FROM archive_leaf WHERE seq = 5")
    assert Leaf.objects.count() == 255
    with pytest.raises(DatabaseError, match=REFUSED):
        run("DELETE FROM archive_leaf")


def test_a_reset_empties_the_record_and_leaves_the_fences_up() -> None:
    reset_record(connection)
    assert not any(counts().values())
    assert ledger.check() == ledger.CheckReport(size=0, is_sound=True, problems=[])
    record(said("again"))
    with pytest.raises(DatabaseError, match=REFUSED):
        run("DELETE FROM archive_leaf")
