"""Attacks on the record by somebody who owns the database: fences down, change, fences up, and then the check.

Everything is rolled back afterwards, so one record serves many attacks.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from django.db import connection, transaction

from archive import ledger
from tests.archive.record_reset import fences_down

Parameter = int | str | bytes
Attack = Callable[[], None]


def report_after(attack: Attack) -> ledger.CheckReport:
    """Return what the check says once the attack has been made."""
    with transaction.atomic():
        with fences_down(connection):
            attack()
        report = ledger.check()
        transaction.set_rollback(True)
    return report


def first_bad(attack: Attack) -> tuple[int | None, str]:
    """Return the number of the first bad entry after the attack and all that is said of it."""
    report = report_after(attack)
    assert not report.is_sound, "nothing was found"
    seq = report.problems[0].seq
    return seq, " ".join(problem.what for problem in report.problems if problem.seq == seq)


def misnamed(attacks: Iterable[tuple[Attack, int | None, str]]) -> list[str]:
    """Make each attack; return those after which the first bad entry is not the one given, in the words given."""
    wrong = []
    for attack, seq, words in attacks:
        found, what = first_bad(attack)
        if found != seq or not re.search(words, what):
            wrong.append(f"{words!r} at {seq} was expected, {what!r} at {found} was found")
    return wrong


def run(statement: str, *parameters: Parameter) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def fetch(statement: str, *parameters: Parameter) -> Sequence[object]:
    """Return the first row, binary columns as bytes."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        row = cursor.fetchone()
    return [bytes(value) if isinstance(value, memoryview) else value for value in row or ()]


def get_bytes(table: str, column: str, *, seq: int) -> bytes:
    [value] = fetch(f"SELECT {column} FROM {table} WHERE seq = %s", seq)  # noqa: S608 (names from the tests)
    assert isinstance(value, bytes)
    return value


def put(table: str, column: str, value: Parameter, *, seq: int) -> None:
    run(f"UPDATE {table} SET {column} = %s WHERE seq = %s", value, seq)  # noqa: S608 (names from the tests)


def flip(table: str, column: str, *, seq: int, place: int = 0) -> None:
    """Change one byte of a binary column."""
    data = bytearray(get_bytes(table, column, seq=seq))
    data[place % len(data)] ^= 1
    put(table, column, bytes(data), seq=seq)


def swap(table: str, column: str, *, seqs: tuple[int, int]) -> None:
    first, second = (get_bytes(table, column, seq=seq) for seq in seqs)
    put(table, column, second, seq=seqs[0])
    put(table, column, first, seq=seqs[1])


def delete(table: str, condition: str) -> None:
    run(f"DELETE FROM {table} WHERE {condition}")  # noqa: S608 (names from the tests)


def delete_everywhere(condition: str) -> None:
    for table in ("archive_document", "archive_recordkey", "archive_entry", "archive_leaf"):
        delete(table, condition)
