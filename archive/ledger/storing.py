"""Writing of the record's rows, many in few statements, past the ORM: the cost of an entry is mostly its rows.

It must not change or delete a row, but for the ends of streams, which repeat what the leaves say. Rows hold plain
values in the order of the columns. Table and column names come from the models, never from data.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from django.db import connection, models

from archive.models import Head, Stream
from archive.statements import Question, as_one, rows, rows_of, run

# From here on PostgreSQL takes rows as one COPY; below, the round trips of COPY cost more than they save.
COPY_FROM = 256

_PUT_ENDS = (
    f"INSERT INTO {Stream._meta.db_table} (id, name, n, last_hash) %s "
    "ON CONFLICT (id) DO UPDATE SET n = excluded.n, last_hash = excluded.last_hash"
)

Value = int | str | bytes | datetime
Row = tuple[Value, ...]
End = tuple[str, str, int, bytes]  # a stream's id and name, number and leaf hash of its last item


class Table(NamedTuple):
    """Rows on their way into a table, in the order of these columns."""

    model: type[models.Model]
    columns: tuple[str, ...]
    given: Sequence[Row]


def insert(table: Table) -> None:
    """Insert rows; costs nothing where there are none. Raises django.db.IntegrityError as the ORM would."""
    if not table.given:
        return
    if not _is_sqlite() and len(table.given) < COPY_FROM:
        run(*_insertion(table))
        return
    with connection.cursor() as cursor:
        if _is_sqlite():
            statement = f"INSERT INTO {_target(table)} VALUES ({', '.join(['%s'] * len(table.columns))})"  # noqa: S608 (names of the models)
            cursor.executemany(statement, table.given)
        else:
            _copy(cursor, table)


def store(tables: Sequence[Table], *, ends: Sequence[End], size: int, frontier: bytes) -> None:
    """Insert rows of several tables, move streams and the head on; few rows are one statement on PostgreSQL."""
    if _is_sqlite() or any(len(table.given) >= COPY_FROM for table in tables):
        put_stream_ends(ends)
        for table in tables:
            insert(table)
        run(*_moved_head(size, frontier))
    else:
        filled = [_insertion(table) for table in tables if table.given]
        changes = [_put_ends(ends), *filled, _moved_head(size, frontier)]
        run(as_one(*(change.statement for change in changes)), [value for change in changes for value in change.values])


def put_stream_ends(ends: Sequence[End]) -> None:
    """Insert or move on the rows of streams: id, name, number and leaf hash of the last item."""
    if not ends:
        return
    if _is_sqlite():
        with connection.cursor() as cursor:
            cursor.executemany(_PUT_ENDS % "VALUES (%s, %s, %s, %s)", ends)
    else:
        run(*_put_ends(ends))


def _put_ends(ends: Sequence[End]) -> Question:
    # ON CONFLICT after a select needs a WHERE, or it is read as the condition of a join.
    return Question(_PUT_ENDS % f"{rows_of(('text', 'text', 'bigint', 'bytea'), len(ends))} WHERE true", rows(ends))


def _insertion(table: Table) -> Question:
    return Question(f"INSERT INTO {_target(table)} {rows_of(_kinds(table), len(table.given))}", rows(table.given))


def _moved_head(size: int, frontier: bytes) -> Question:
    statement = f"UPDATE {Head._meta.db_table} SET size = %s, frontier = %s WHERE id = %s"  # noqa: S608 (as above)
    return Question(statement, (size, frontier, Head.ONLY))


def as_time(at: datetime) -> Value:
    """Return a time, which must be in UTC, as the database's columns hold it: on SQLite text, else the time itself."""
    return str(at.replace(tzinfo=None)) if _is_sqlite() else at


def as_written_time(at: datetime, *, written: str) -> Value:
    """Return what as_time() does, at a third of the cost, where the text is known that a leaf has for the time."""
    if not _is_sqlite():
        return at
    day, time, millisecond = written[:10], written[11:19], written[20:23]
    return f"{day} {time}" if millisecond == "000" else f"{day} {time}.{millisecond}000"


def _target(table: Table) -> str:
    return _target_of(table.model, table.columns)


@cache
def _target_of(model: type[models.Model], columns: tuple[str, ...]) -> str:
    names = ", ".join(map(connection.ops.quote_name, columns))
    return f"{connection.ops.quote_name(model._meta.db_table)} ({names})"


def _kinds(table: Table) -> tuple[str, ...]:
    return _kinds_of(table.model, table.columns)


@cache
def _kinds_of(model: type[models.Model], columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return PostgreSQL's types of the columns."""
    kinds = {field.column: field.db_type(connection) for field in model._meta.fields}
    return tuple(str(kinds[column]) for column in columns)


@cache
def _is_sqlite() -> bool:
    return connection.vendor == "sqlite"  # asking the connection each time costs more than the conversion


def _copy(cursor: Any, table: Table) -> None:  # Any: Django does not declare psycopg's copy()
    with connection.wrap_database_errors, cursor.copy(f"COPY {_target(table)} FROM STDIN") as copy:
        for row in table.given:
            copy.write_row(row)
