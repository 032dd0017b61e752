"""Statements written out: values come back as they went, what is refused is refused, and the connection goes on."""

import tracemalloc
import uuid
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connection, transaction

from archive.models import Stream
from archive.statements import Question, carry_out, fetch, fetch_together, many, one_of, rows, rows_of, run

pytestmark = [pytest.mark.django_db, pytest.mark.breaks_the_record]  # the rows have no entries behind them
STREAM = Stream._meta.db_table
KINDS = ("text", "text", "bigint", "bytea")
ONE = Question("SELECT 1", [])
ABSENT = Question("SELECT missing FROM nowhere", [])


def insertion(*values: tuple[str, str, int, bytes]) -> Question:
    return Question(f"INSERT INTO {STREAM} (id, name, n, last_hash) {rows_of(KINDS, len(values))}", rows(values))


def test_rows_come_back_as_they_were_given() -> None:
    given = [
        ("a", 'it\'s "quoted" % %s \\x41 \\', 2**63 - 1, b"\x00\xff\\x41"),
        ("b", 'two\nlines\ttab \U0001f600 e\u0301 {"a": 1}', -1, b""),
    ]
    run(*insertion(*given))
    found = Stream.objects.order_by("id").values_list("id", "name", "n", "last_hash")
    assert [(*row[:3], bytes(row[3])) for row in found] == given


def test_what_is_kept_of_statements_does_not_grow_with_every_number_of_rows() -> None:
    tracemalloc.start()
    try:
        texts = [len(rows_of(KINDS, count)) for count in range(1, 6_000, 20)]
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(texts) == 300
    assert kept < 1_000_000


@pytest.mark.parametrize("count", [127, 128, 129, 1_000])
def test_more_rows_than_texts_are_kept_for_go_all_the_same(count: int) -> None:
    given = [(f"id{n:04}", f"name{n}", n, b"x") for n in range(count)]
    for _ in range(2):
        assert [row[2] for row in fetch(rows_of(KINDS, count), rows(given))] == list(range(count))


@pytest.mark.parametrize("count", [1, 2, 7])
def test_any_number_is_found_and_nothing_else(count: int) -> None:
    run(*insertion(*[(f"id{n}", f"name{n}", n, b"x") for n in range(9)]))
    wanted = [f"id{n}" for n in range(count)]
    by_id = f"SELECT id FROM {STREAM} WHERE id"  # noqa: S608 (a model's name, here and below)
    found = fetch(f"{by_id} {one_of('text', count)} ORDER BY id", many(wanted))
    assert [name for (name,) in found] == wanted
    assert fetch(f"{by_id} {one_of('text', 0)}", many([])) == []


def test_times_and_keys_go_as_the_database_holds_them() -> None:
    at, key = datetime(2026, 11, 22, 5, 6, 7, 123_456, tzinfo=UTC), uuid.uuid4()
    stored = connection.ops.adapt_datetimefield_value(at)
    wanted = key if connection.vendor == "postgresql" else key.hex
    [found] = fetch(rows_of(("timestamptz", "uuid"), 1), rows([(stored, wanted)]))
    assert found == (stored, wanted)


def test_a_refused_statement_leaves_a_connection_that_goes_on() -> None:
    """Prepared ones as well: what was prepared before a savepoint is still asked after it was taken back."""
    for _ in range(4):
        assert fetch(*ONE) == [(1,)]
        with pytest.raises(DatabaseError), transaction.atomic():
            fetch(*ABSENT)
        with pytest.raises(DatabaseError), transaction.atomic():
            fetch_together([ONE, ABSENT, ONE])
        assert fetch_together([ONE, ONE]) == [[(1,)], [(1,)]]


def test_of_several_changes_all_are_carried_out_or_none_and_each_question_has_its_answers() -> None:
    raised = Question(f"UPDATE {STREAM} SET n = n + 1 WHERE id IN (%s, %s) RETURNING n, 7", ["a", "b"])  # noqa: S608
    doubled = Question(f"UPDATE {STREAM} SET n = n * 2 WHERE id = %s RETURNING n, 8", ["c"])  # noqa: S608
    run(*insertion(("a", "first", 1, b"x"), ("b", "second", 5, b"x"), ("c", "third", 4, b"x")))
    found = carry_out([insertion(("d", "fourth", 1, b"x"))], asked=[raised, doubled])
    assert [sorted(each) for each in found] == [[(2, 7), (6, 7)], [(8, 8)]]
    assert carry_out([], asked=[doubled]) == [[(16, 8)]]
    with pytest.raises(DatabaseError), transaction.atomic():
        carry_out([insertion(("e", "fifth", 1, b"x"), ("f", "first", 1, b"x"))], asked=[raised, doubled])
    assert dict(Stream.objects.values_list("id", "n")) == {"a": 2, "b": 6, "c": 16, "d": 1}


@pytest.mark.backend("postgres")  # SQLite does not bound the length of a text
def test_a_value_that_is_too_long_is_refused_and_not_cut() -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        run(*insertion(("i" * 33, "name", 1, b"x")))
    assert not Stream.objects.exists()
