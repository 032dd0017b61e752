"""A small record to be attacked, with all its older states, as dumps that an attacker may keep and restore.

Built once, one entry a checkpoint, so that a check can name a changed entry exactly.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from archive import events, ledger
from tests.archive.record_reset import RECORD_TABLES
from tests.faults.tampering.attack import Dice, fetch

FIRST_DAY = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)
PEOPLE = tuple(events.Actor(id=f"person:{i}", name=f"Person {i}", role="employee") for i in range(1, 5))

Dump = dict[str, tuple[list[str], list[tuple[object, ...]]]]


@dataclass(frozen=True)
class History:
    """The record as it stands, the notes that left the house as it grew, and the dumps taken then (by size)."""

    size: int
    notes: dict[int, str]
    dumps: dict[int, Dump]


def grow(dice: Dice, *, size: int, start: int = 0) -> None:
    """Append random entries one by one until the record has `size` of them."""
    for seq in range(start, size):
        at = FIRST_DAY + timedelta(minutes=7 * seq, milliseconds=dice.randrange(1000))
        if dice.random() < 0.1 and seq:
            ledger.record_heads(at)
            continue
        with transaction.atomic():
            ledger.record(happened(dice, at=at))


def happened(dice: Dice, *, at: datetime) -> events.Event:
    who = dice.choice(PEOPLE)
    if dice.random() < 0.2:
        return events.SignedIn(stream=who.id, actor=who, at=at, address="192.0.2.7", agent="Browser")
    body = " ".join(dice.choices(("sell", "buy", "at", "noon", "née", "\u2713", "40?", "Straße"), k=dice.randrange(12)))
    stream = f"conversation:{dice.randrange(4)}"
    return events.MessageCreated(stream=stream, actor=who, at=at, body=body, client_key=f"{dice.random()}")


def build(dice: Dice, *, size: int, dumped: frozenset[int] = frozenset()) -> History:
    """Make the record in the open transaction and keep what an attacker and an outsider would have kept."""
    notes, dumps = {}, {}
    for seq in range(size):
        grow(dice, size=seq + 1, start=seq)
        notes[seq + 1] = ledger.latest_checkpoint().note
        if seq + 1 in dumped:
            dumps[seq + 1] = take_dump()
    return History(size, notes, dumps)


def take_dump() -> Dump:
    return {table: (_columns(table), fetch(f"SELECT * FROM {table}")) for table in RECORD_TABLES}  # noqa: S608


def restore_dump(dump: Dump) -> None:
    """Replace the whole record by a dump of it, as a superuser restores an old one."""
    empty_record()
    for table in reversed(RECORD_TABLES):
        columns, rows = dump[table]
        names = [connection.ops.quote_name(column) for column in columns if column != "words"]  # words: generated
        kept = [tuple(value for column, value in zip(columns, row, strict=True) if column != "words") for row in rows]
        if kept:
            statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(['%s'] * len(names))})"  # noqa: S608
            with connection.cursor() as cursor:
                cursor.executemany(statement, kept)
    if connection.vendor == "sqlite":
        run_plain("INSERT INTO archive_document_words(rowid, text) SELECT seq, text FROM archive_document")


def empty_record() -> None:
    for table in RECORD_TABLES:
        run_plain(f"DELETE FROM {table}")  # noqa: S608 (names of the product's tables)
    if connection.vendor == "sqlite":
        run_plain("INSERT INTO archive_document_words(archive_document_words) VALUES ('delete-all')")


def run_plain(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _columns(table: str) -> list[str]:
    with connection.cursor() as cursor:
        return [column.name for column in connection.introspection.get_table_description(cursor, table)]
