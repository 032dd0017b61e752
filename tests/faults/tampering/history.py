"""A small record to be attacked, with all its older states, as dumps that an attacker may keep and restore.

Built once, one entry a checkpoint, so that a check can name a changed entry exactly.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from django.db import connection, transaction

from archive import events, ledger
from tests.archive.record_reset import RECORD_TABLES, fences_down
from tests.faults.tampering.attack import Dice, fetch, run

FIRST_DAY = datetime(2026, 11, 20, 22, 30, tzinfo=UTC)
STREAMS_OF_A_KIND = 4  # conversations, and people

Dump = dict[str, tuple[list[str], list[tuple[object, ...]]]]


@dataclass(frozen=True)
class History:
    """The record as it stands, the notes that left the house as it grew, and the dumps taken then (by size)."""

    size: int
    notes: dict[int, str]
    dumps: dict[int, Dump]


@contextmanager
def laid_open() -> Iterator[None]:
    """Give the block a transaction in which everybody may change everything, and that is taken back at its end."""
    with transaction.atomic():
        with fences_down(connection):
            _set_constraints("DEFERRED")
            yield
            _set_constraints("IMMEDIATE")
        transaction.set_rollback(True)


def _set_constraints(when: str) -> None:
    # PostgreSQL alters no table while checks of foreign keys wait, and the attacks must not wait for those either.
    if connection.vendor == "postgresql":
        run(f"SET CONSTRAINTS ALL {when}")


def grow(dice: Dice, *, size: int, start: int = 0) -> None:
    """Append random entries one by one until the record has `size` of them."""
    for seq in range(start, size):
        at = time_of(dice, seq=seq)
        if dice.random() < 0.1 and seq:
            ledger.record_heads(at)
            continue
        with transaction.atomic():
            ledger.record(happened(dice, at=at, streams=range(STREAMS_OF_A_KIND)))


def grow_in_places(dice: Dice, *, places: list[range]) -> None:
    """Append random entries one by one, such that no stream has entries in two of the places.

    There are no lists of stream heads among them: those depend on every entry before them.
    """
    for number, place in enumerate(places):
        for seq in place:
            with transaction.atomic():
                ledger.record(happened(dice, at=time_of(dice, seq=seq), streams=range(2 * number, 2 * number + 2)))


def time_of(dice: Dice, *, seq: int) -> datetime:
    return FIRST_DAY + timedelta(minutes=7 * seq, milliseconds=dice.randrange(1000))


def happened(dice: Dice, *, at: datetime, streams: range) -> events.Event:
    number = dice.choice(streams)
    who = events.Actor(id=f"person:{number}", name=f"Person {number}", role="employee")
    if dice.random() < 0.2:
        return events.SignedIn(stream=who.id, actor=who, at=at, address="192.0.2.7", agent="Browser")
    body = " ".join(dice.choices(("sell", "buy", "at", "noon", "née", "\u2713", "40?", "Straße"), k=dice.randrange(12)))
    stream = f"conversation:{dice.choice(streams)}"
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


@cache
def _columns(table: str) -> list[str]:
    with connection.cursor() as cursor:
        return [column.name for column in connection.introspection.get_table_description(cursor, table)]
