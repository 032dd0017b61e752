"""What an attack is: a change by somebody with every right, what it must be found by, and the entry to be named.

It must not know how the check works; an attack says only what was done.
"""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import connection

Dice = random.Random
SEED = int(os.environ.get("ONRECORD_FAULTS_SEED", "20261121"))
MUTATIONS = int(os.environ.get("ONRECORD_FAULTS_MUTATIONS", "2000"))  # of rows, over the three files that make them
REWRITES = MUTATIONS // 40  # of the whole record, which costs most
ALONE = int(os.environ.get("ONRECORD_FAULTS_ALONE", str(MUTATIONS // 8)))
TOGETHER = MUTATIONS - REWRITES - ALONE


@dataclass(frozen=True)
class Done:
    """What one mutation did. `entries` are the numbers of which the first named must be one; empty where none exists.

    `undo` takes back what a rollback of the database does not.
    """

    said: str
    entries: frozenset[int] = frozenset()
    undo: Callable[[], None] = field(default=lambda: None)


@dataclass(frozen=True)
class Kind:
    """A kind of attack: its number in the list of docs/trust.md, and how to make one on entries of the record.

    `make` is given the numbers of all entries, or of some of them where the kind `keeps_to_its_place`.
    """

    number: int
    name: str
    make: Callable[[Dice, range], Done]
    keeps_to_its_place: bool = False  # so several can be made at once, each on entries of its own

    @property
    def title(self) -> str:
        return f"{self.number:2} {self.name}"


def one(seq: int) -> frozenset[int]:
    return frozenset({seq})


def run(statement: str, *parameters: int | str | bytes) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def fetch(statement: str, *parameters: int | str | bytes) -> list[tuple[object, ...]]:
    """Return all rows, binary columns as bytes."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows = cursor.fetchall()
    return [tuple(bytes(value) if isinstance(value, memoryview) else value for value in row) for row in rows]


def get_bytes(table: str, column: str, *, key: str, at: int) -> bytes:
    [(value,)] = fetch(f"SELECT {column} FROM {table} WHERE {key} = %s", at)  # noqa: S608 (names from the tests)
    assert isinstance(value, bytes)
    return value


def put(table: str, column: str, value: int | str | bytes, *, key: str, at: int) -> None:
    run(f"UPDATE {table} SET {column} = %s WHERE {key} = %s", value, at)  # noqa: S608 (names from the tests)
