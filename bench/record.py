"""Benchmarks of the record on one backend: append, check, proof, export, storage.

`python -m bench` runs them on both. Each makes its own record with real events; nothing is faked and no fsync left out.
"""

import argparse
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

from bench.environment import BACKEND, FOLDER
from bench.measuring import RUNS, rates, report, seconds

# isort: split
from django.db import connection, transaction

from archive import events, ledger
from archive.export import jsonl
from archive.export.scope import Scope

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
BODY = "Could you send me the term sheet for the seven year note before we speak to the client? "
CONVERSATIONS = 50
BULK = 1000  # entries a commit while a record is filled
_numbers = count()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.record")
    parser.add_argument("name", choices=sorted(BENCHES))
    parser.add_argument("--entries", type=int, default=20_000)
    options = parser.parse_args()
    BENCHES[options.name](options.entries)


def append(entries: int) -> None:
    """Entries a second, each commit with its signed checkpoint and synced to the disk."""
    fill(BULK)
    for batch, most in ((1, 500), (32, 8_000), (100, entries), (1000, entries)):
        total = min(most, entries)
        figures = rates(partial(append_in_batches, total, batch=batch), items=total)
        show("append", batch=batch, entries=total, **figures)


def check(entries: int) -> None:
    """Entries a second of the full check with contents opened, and of the check of the leaves alone."""
    fill(entries)
    show("check", opened=True, entries=entries, **rates(_check, items=entries))
    show("check", opened=False, entries=entries, **rates(check_leaves, items=entries))


def proof(entries: int) -> None:
    """Milliseconds for the audit path of one entry, nothing kept from the one before."""
    fill(entries)
    wanted = [entries * i // 100 for i in range(100)]
    taken = sorted(seconds(partial(ledger.prove, seq)) * 1000 for _ in range(RUNS) for seq in wanted)
    show("proof", entries=entries, median_ms=round(taken[len(taken) // 2], 2), worst_ms=round(taken[-1], 2))


def export(entries: int) -> None:
    """Lines a second of data/entries.jsonl, all of them opened."""
    fill(entries)
    cut = jsonl.cut_at(_record_heads())
    scope = Scope(streams=("all",))
    streams = [stream for stream, _, _ in cut.heads]
    bag = FOLDER / "bag"
    (bag / "data").mkdir(parents=True)
    write = partial(jsonl.write_entries, bag, scope=scope, streams=streams, cut=cut)
    show("export", lines=entries, **rates(write, items=entries))


def storage(entries: int) -> None:
    """Bytes in the database for one message of 88 characters: leaf, sealed content, key, search row, indexes, tiles."""
    before = _database_bytes()
    fill(entries)
    show("storage", entries=entries, bytes_per_message=round((_database_bytes() - before) / entries))


def fill(entries: int) -> None:
    append_in_batches(entries, batch=BULK)


def show(name: str, **figures: object) -> None:
    report(name, backend=BACKEND, **figures)


def append_in_batches(total: int, *, batch: int) -> None:
    for done in range(0, total, batch):
        happened = [_message() for _ in range(min(batch, total - done))]
        with transaction.atomic():
            ledger.record_all(happened)


def _check() -> None:
    assert ledger.check().is_sound


def check_leaves() -> None:
    assert ledger.check_leaves().is_sound


def _record_heads() -> int:
    return ledger.record_heads(NOON).seq


def _message() -> events.Event:
    number = next(_numbers)
    actor = events.Actor(id=f"person:{number % 20}", name="Alice Example", role="employee")
    at = NOON + timedelta(milliseconds=number)
    stream = f"conversation:{number % CONVERSATIONS}"
    return events.MessageCreated(stream=stream, actor=actor, at=at, body=BODY, client_key=f"{number:032x}")


def _database_bytes() -> int:
    with connection.cursor() as cursor:
        if BACKEND == "postgres":
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return sum(os.path.getsize(path) for path in (FOLDER / "var").glob("*.sqlite3"))


BENCHES: dict[str, Callable[[int], None]] = {
    "append": append,
    "check": check,
    "export": export,
    "proof": proof,
    "storage": storage,
}

if __name__ == "__main__":
    main()
