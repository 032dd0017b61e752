"""Appends batches to the record until its database goes away, and says what was committed. A program of its own.

At each line on its input it connects anew and writes; each batch that the database has committed is printed as
`ack <entries> <last entry> <its leaf hash> <monotonic time in s>`, the end as `down <why>`. Arguments: statements for
each new connection.
"""

import gc
import sys
import time
from datetime import UTC, datetime
from itertools import count

from django.core.management import call_command
from django.db import Error, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from archive import events, ledger

ALICE = events.Actor(id="person:1", name="Alice", role="employee")
BATCH = 100


def batch(number: int) -> list[events.Event]:
    now = datetime.now(UTC)
    return [
        events.MessageCreated(
            stream=f"load:{item % 8}",
            actor=ALICE,
            at=now,
            body=f"words {item} of batch {number}",
            client_key=f"{number}-{item}",
        )
        for item in range(BATCH)
    ]


def write_until_down() -> str:
    for number in count():
        try:
            with ledger.transaction():
                receipts = ledger.record_all(batch(number))
        except (Error, ledger.BehindGuard) as error:
            reason = type(error).__name__
            break
        last = receipts[-1]
        print(f"ack {len(receipts)} {last.seq} {last.leaf_hash.hex()} {time.monotonic()}", flush=True)
    connection.close()
    gc.collect()  # SQLite keeps its files open while a failed statement is left in the frames of an error
    return reason


def say_first(statements: list[str]) -> None:
    """Have each new connection begin with these statements, after the product's own."""

    def begin(*, connection: BaseDatabaseWrapper, **_: object) -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    connection_created.connect(begin, weak=False)


def main() -> None:
    connection.settings_dict["OPTIONS"].pop("pool", None)  # a pool would wait for the database instead of failing
    call_command("migrate", verbosity=0)
    connection.close()
    say_first(sys.argv[1:])
    print("ready", flush=True)
    for _ in sys.stdin:
        print(f"down {write_until_down()}", flush=True)
