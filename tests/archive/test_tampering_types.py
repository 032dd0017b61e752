"""Values of a type that no column should hold: the check reports the row and goes on, it never stops."""

from collections.abc import Iterable
from functools import partial
from itertools import product

import pytest

from archive import ledger
from tests.archive.samples import record_conversations
from tests.archive.tampering import Attack, Parameter, put, report_after, run

pytestmark = pytest.mark.django_db
VICTIM = 6
COLUMNS = [
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
]
BINARY = [column for column in COLUMNS if column[1] in ("data", "ciphertext", "wrapped")]
RUBBISH: list[Parameter] = ["rubbish", "2026-13-45 99:99:99", 7, -(2**62), b"\xff\xfe", b""]
NOT_UTF_8 = "CAST(X'ff00fe' AS TEXT)"
FRAME = [
    "UPDATE archive_head SET size = 'many'",
    "UPDATE archive_head SET frontier = 'none'",
    "UPDATE archive_head SET origin = X'ff'",
    "UPDATE archive_head SET origin = CAST(X'ff00fe' AS TEXT)",
    "UPDATE archive_stream SET n = 'many' WHERE name = 'system'",
    "UPDATE archive_stream SET last_hash = 3 WHERE name = 'system'",
    "UPDATE archive_stream SET name = CAST(X'ff00fe' AS TEXT) WHERE name = 'system'",
]


@pytest.fixture(autouse=True)
def history() -> None:
    record_conversations(12)


def overlooked(attacks: Iterable[Attack], *, seq: int | None) -> list[Attack]:
    """Return the attacks after which no problem is named for that entry (None: for the record as a whole)."""
    return [attack for attack in attacks if seq not in {problem.seq for problem in report_after(attack).problems}]


@pytest.mark.backend("sqlite")
def test_sqlite_rubbish_in_any_column_is_named() -> None:
    attacks = [partial(put, *column, value, seq=VICTIM) for column, value in product(COLUMNS, RUBBISH)]
    assert overlooked(attacks, seq=VICTIM) == []


@pytest.mark.backend("sqlite")
def test_sqlite_text_that_is_not_utf_8_is_named() -> None:
    statement = "UPDATE archive_entry SET {} = {} WHERE seq = {}"
    attacks = [partial(run, statement.format(column, NOT_UTF_8, VICTIM)) for column in ("kind", "at", "bucket")]
    assert overlooked(attacks, seq=VICTIM) == []


@pytest.mark.backend("sqlite")
def test_sqlite_rubbish_in_a_checkpoint_is_named() -> None:
    statement = "UPDATE archive_checkpoint SET {} = %s WHERE size = {}"
    cases = product(("root", "note", "at"), RUBBISH)
    attacks = [partial(run, statement.format(column, VICTIM + 1), value) for column, value in cases]
    assert overlooked(attacks, seq=VICTIM) == []


@pytest.mark.backend("sqlite")
def test_sqlite_rubbish_in_head_or_stream_is_found() -> None:
    assert overlooked([partial(run, statement) for statement in FRAME], seq=None) == []


@pytest.mark.backend("postgres")
def test_postgres_times_that_python_cannot_hold_are_named() -> None:
    times = ["infinity", "-infinity", "0044-03-15 12:00:00+00:00 BC", "20260-01-01 00:00:00+00:00"]
    cases = product(("archive_entry", "archive_document"), times)
    attacks = [partial(put, table, "at", value, seq=VICTIM) for table, value in cases]
    assert overlooked(attacks, seq=VICTIM) == []


def test_rubbish_in_a_binary_column_is_named() -> None:
    values = [b"", b"\x00", b"{}", b"[" * 5000, b"null", b"\xff" * 70_000]
    attacks = [partial(put, *column, value, seq=VICTIM) for column, value in product(BINARY, values)]
    assert overlooked(attacks, seq=VICTIM) == []


def test_control_a_column_set_to_its_own_value_raises_no_alarm() -> None:
    n = ledger.open_entry(VICTIM).n
    assert len(overlooked([partial(put, "archive_entry", "n", n, seq=VICTIM)], seq=VICTIM)) == 1
    assert report_after(partial(put, "archive_entry", "n", n, seq=VICTIM)).is_sound
