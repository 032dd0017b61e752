"""Writing of the record's rows, many in one statement, past the ORM: the cost of an entry is mostly its rows.

It must not change or delete a row, but for the ends of streams, which repeat what the leaves say. Rows hold plain
values in the order of the columns. Table and column names come from the models, never from data.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from itertools import chain
from typing import Any

from django.db import connection, models

from archive.models import Head, Stream

# From here on PostgreSQL takes rows as one COPY; below, the round trips of COPY cost more than they save.
COPY_FROM = 8

_PUT_ENDS = (
    f"INSERT INTO {Stream._meta.db_table} (id, name, n, last_hash) %s "
    "ON CONFLICT (id) DO UPDATE SET n = excluded.n, last_hash = excluded.last_hash"
)

Value = int | str | bytes | datetime
Row = tuple[Value, ...]


def insert(model: type[models.Model], columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Insert rows; costs nothing where there are none. Raises django.db.IntegrityError as the ORM would."""
    if not rows:
        return
    target, places = _target(model, tuple(columns))
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.executemany(f"INSERT INTO {target} VALUES {places}", rows)  # noqa: S608 (names of the models)
        elif len(rows) >= COPY_FROM:
            _copy(cursor, target, rows)
        else:
            statement = f"INSERT INTO {target} VALUES {', '.join([places] * len(rows))}"  # noqa: S608 (as above)
            cursor.execute(statement, list(chain.from_iterable(rows)))


@contextmanager
def few_round_trips(entries: int) -> Iterator[None]:
    """Let PostgreSQL answer once for all that the block writes of so many entries; what it refuses is raised then."""
    if connection.vendor == "sqlite" or entries >= COPY_FROM:  # it takes no COPY in between
        yield
        return
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


def put_stream_ends(rows: Sequence[tuple[str, str, int, bytes]]) -> None:
    """Insert or move on the rows of streams: id, name, number and leaf hash of the last item."""
    if not rows:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            columns = [list(column) for column in zip(*rows, strict=True)]
            cursor.execute(
                _PUT_ENDS % "SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::bytea[])", columns
            )
        else:
            cursor.executemany(_PUT_ENDS % "VALUES (%s, %s, %s, %s)", rows)


def move_head(*, size: int, frontier: bytes) -> None:
    statement = f"UPDATE {Head._meta.db_table} SET size = %s, frontier = %s WHERE id = %s"  # noqa: S608 (as above)
    with connection.cursor() as cursor:
        cursor.execute(statement, (size, frontier, Head.ONLY))


def as_time(at: datetime) -> Value:
    """Return a time, which must be in UTC, as the database's columns hold it: on SQLite text, else the time itself."""
    return str(at.replace(tzinfo=None)) if _is_sqlite() else at


def as_written_time(at: datetime, *, written: str) -> Value:
    """Return what as_time() does, at a third of the cost, where the text is known that a leaf has for the time."""
    if not _is_sqlite():
        return at
    day, time, millisecond = written[:10], written[11:19], written[20:23]
    return f"{day} {time}" if millisecond == "000" else f"{day} {time}.{millisecond}000"


@cache
def _target(model: type[models.Model], columns: tuple[str, ...]) -> tuple[str, str]:
    names = ", ".join(map(connection.ops.quote_name, columns))
    return f"{connection.ops.quote_name(model._meta.db_table)} ({names})", f"({', '.join(['%s'] * len(columns))})"


@cache
def _is_sqlite() -> bool:
    return connection.vendor == "sqlite"  # asking the connection each time costs more than the conversion


def _copy(cursor: Any, target: str, rows: Sequence[Row]) -> None:  # Any: Django does not declare psycopg's copy()
    with connection.wrap_database_errors, cursor.copy(f"COPY {target} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
