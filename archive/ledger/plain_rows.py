"""Rows as the tuples that the driver gives, with times as text: for who reads a whole table and compares every value.

It must not convert: a value of another type than was written has to arrive as one. Rows may be in any state, also two
of one number; whoever reads has to expect that.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection, models
from psycopg.pq import Format

Row = tuple[object, ...]
LOWEST = -(2**63)
_AT_ONCE = 100  # so few that they are still in the processor's cache when they are compared


@contextmanager
def reading(
    model: type[models.Model], columns: Sequence[str], *, after: int | None, last: int
) -> Iterator[Iterator[Row]]:
    """Give the rows with after < seq <= last, in the order of seq; None leaves the lower end open."""
    above = LOWEST if after is None else after + 1
    names, table = ", ".join(map(_selected, columns)), model._meta.db_table
    statement = f"SELECT {names} FROM {table} WHERE seq BETWEEN %s AND %s ORDER BY seq"  # noqa: S608 (names from callers)
    with connection.wrap_database_errors, _cursor() as cursor:
        cursor.execute(statement, [above, last])
        yield _rows(cursor)


def time_as_stored() -> Callable[[str], str]:
    """Return what makes of a leaf's time the text that is read here."""
    return _time_in_sqlite if connection.vendor == "sqlite" else _time_in_postgres


def _selected(column: str) -> str:
    # So a time comes as text: reading it as a time costs more than all the rest. On SQLite only what is stored as text:
    # a blob of the same letters is found by no search by time.
    if column != "at":
        return f'"{column}"'
    return "CASE typeof(\"at\") WHEN 'text' THEN \"at\" || '' END" if connection.vendor == "sqlite" else '"at"::text'


def _cursor() -> Any:  # Django's cursor, or the driver's: they have no type in common
    if connection.vendor == "sqlite":
        return connection.cursor()
    # Django's asks for values as text; as bytes they cost a third.
    connection.ensure_connection()
    cursor = psycopg.Cursor[Row](connection.connection)
    cursor.format = Format.BINARY
    return cursor


def _rows(cursor: Any) -> Iterator[Row]:
    while rows := cursor.fetchmany(_AT_ONCE):
        yield from rows


def _time_in_sqlite(at: str) -> str:
    return f"{at[:10]} {at[11:19]}" if at[20:23] == "000" else f"{at[:10]} {at[11:23]}000"


def _time_in_postgres(at: str) -> str:
    moment = f"{at[:10]} {at[11:19]}" if at[20:23] == "000" else f"{at[:10]} {at[11:23]}".rstrip("0")
    return moment + "+00"
