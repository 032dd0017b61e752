"""Values of a type that no column should hold: the check reports the row and goes on, it never stops."""

from collections.abc import Callable

import pytest

from archive import ledger
from tests.archive.samples import record_conversations
from tests.archive.tampering import put, report_after, run

pytestmark = pytest.mark.django_db
VICTIM = 6


@pytest.fixture(autouse=True)
def history() -> None:
    record_conversations(12)


def seqs_named(attack: Callable[[], None]) -> set[int | None]:
    return {problem.seq for problem in report_after(attack).problems}


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("archive_leaf", "data"),
        ("archive_leaf", "hash"),
        ("archive_entry", "n"),
        ("archive_entry", "kind"),
        ("archive_entry", "at"),
        ("archive_entry", "bucket"),
        ("archive_entry", "ciphertext"),
        ("archive_recordkey", "bucket"),
        ("archive_recordkey", "wrapped"),
        ("archive_document", "kind"),
        ("archive_document", "at"),
        ("archive_document", "text"),
    ],
)
@pytest.mark.parametrize("value", ["rubbish", "2026-13-45 99:99:99", 7, -(2**62), 1.5, b"\xff\xfe", b""], ids=repr)
def test_sqlite_rubbish_in_any_column_is_named(table: str, column: str, value: int | str | bytes) -> None:
    assert VICTIM in seqs_named(lambda: put(table, column, value, seq=VICTIM))


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize("column", ["kind", "at", "bucket"])
def test_sqlite_text_that_is_not_utf_8_is_named(column: str) -> None:
    statement = f"UPDATE archive_entry SET {column} = CAST(X'ff00fe' AS TEXT) WHERE seq = {VICTIM}"  # noqa: S608
    assert VICTIM in seqs_named(lambda: run(statement))


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize("column", ["root", "note", "at"])
@pytest.mark.parametrize("value", ["rubbish", 7, b"\xff\xfe"], ids=repr)
def test_sqlite_rubbish_in_a_checkpoint_is_named(column: str, value: int | str | bytes) -> None:
    statement = f"UPDATE archive_checkpoint SET {column} = %s WHERE size = {VICTIM + 1}"  # noqa: S608
    assert VICTIM in seqs_named(lambda: run(statement, value))


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE archive_head SET size = 'many'",
        "UPDATE archive_head SET frontier = 'none'",
        "UPDATE archive_head SET origin = X'ff'",
        "UPDATE archive_head SET origin = CAST(X'ff' AS TEXT)",
        "UPDATE archive_stream SET n = 'many' WHERE name = 'system'",
        "UPDATE archive_stream SET last_hash = 3 WHERE name = 'system'",
        "UPDATE archive_stream SET name = CAST(X'ff' AS TEXT) WHERE name = 'system'",
    ],
)
def test_sqlite_rubbish_in_head_or_stream_is_found(statement: str) -> None:
    assert None in seqs_named(lambda: run(statement))


@pytest.mark.backend("postgres")
@pytest.mark.parametrize(
    "value", ["infinity", "-infinity", "0044-03-15 12:00:00+00:00 BC", "20260-01-01 00:00:00+00:00"]
)
@pytest.mark.parametrize("table", ["archive_entry", "archive_document"])
def test_postgres_times_that_python_cannot_hold_are_named(table: str, value: str) -> None:
    assert VICTIM in seqs_named(lambda: put(table, "at", value, seq=VICTIM))


@pytest.mark.parametrize("value", [b"", b"\x00", b"{}", b"[" * 5000, b"null", b"\xff" * 70_000])
def test_rubbish_in_a_binary_column_is_named(value: bytes) -> None:
    for table, column in (("archive_leaf", "data"), ("archive_entry", "ciphertext"), ("archive_recordkey", "wrapped")):
        assert VICTIM in seqs_named(lambda place=(table, column): put(*place, value, seq=VICTIM))  # type: ignore[misc]


def test_control_the_same_column_with_its_own_value_raises_no_alarm() -> None:
    assert report_after(lambda: put("archive_entry", "n", 3, seq=VICTIM)).is_sound
    assert ledger.open_entry(VICTIM).n == 3
