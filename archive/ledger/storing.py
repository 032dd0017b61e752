"""Writing of the record's rows, many in few statements, past the ORM: the cost of an entry is mostly its rows.

It must not change or delete a row, but for the ends of streams, which repeat what the leaves say. Rows hold plain
values in the order of the columns. Table and column names come from the models, never from data.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from django.db import connection, models

from archive.models import Head, Stream
from archive.statements import Question, as_one, is_postgres, rows, rows_of, run
from archive.tables import Table, Value, target_of, write

# From here on PostgreSQL takes rows as one COPY; below, the round trips of COPY cost more than they save.
COPY_FROM = 256

_PUT_ENDS = (
    f"INSERT INTO {Stream._meta.db_table} (id, name, n, last_hash) %s "
    "ON CONFLICT (id) DO UPDATE SET n = excluded.n, last_hash = excluded.last_hash"
)

End = tuple[str, str, int, bytes]  # a stream's id and name, number and leaf hash of its last item


def insert(table: Table) -> None:
    """Insert rows; costs nothing where there are none. Raises django.db.IntegrityError as the ORM would."""
    if not table.given:
        return
    if is_postgres() and len(table.given) < COPY_FROM:
        run(*_insertion(table))
    else:
        write(table)


def store(tables: Sequence[Table], *, ends: Sequence[End], size: int, frontier: bytes) -> None:
    """Insert rows of several tables, move streams and the head on; few rows are one statement on PostgreSQL."""
    if not is_postgres() or any(len(table.given) >= COPY_FROM for table in tables):
        put_stream_ends(ends)
        for table in tables:
            insert(table)
        run(*_moved_head(size, frontier))
    else:
        filled = [_insertion(table) for table in tables if table.given]
        changes = [_put_ends(ends), *filled, _moved_head(size, frontier)]
        statement = as_one(tuple(change.statement for change in changes))
        run(statement, [value for change in changes for value in change.values])


def put_stream_ends(ends: Sequence[End]) -> None:
    """Insert or move on the rows of streams: id, name, number and leaf hash of the last item."""
    if not ends:
        return
    if is_postgres():
        run(*_put_ends(ends))
    else:
        with connection.cursor() as cursor:
            cursor.executemany(_PUT_ENDS % "VALUES (%s, %s, %s, %s)", ends)


def _put_ends(ends: Sequence[End]) -> Question:
    # ON CONFLICT after a select needs a WHERE, or it is read as the condition of a join.
    return Question(_PUT_ENDS % f"{rows_of(('text', 'text', 'bigint', 'bytea'), len(ends))} WHERE true", rows(ends))


def _insertion(table: Table) -> Question:
    return Question(f"INSERT INTO {target_of(table)} {rows_of(_kinds(table), len(table.given))}", rows(table.given))


def _moved_head(size: int, frontier: bytes) -> Question:
    statement = f"UPDATE {Head._meta.db_table} SET size = %s, frontier = %s WHERE id = %s"  # noqa: S608 (as above)
    return Question(statement, (size, frontier, Head.ONLY))


def as_written_time(at: datetime, *, written: str) -> Value:
    """Return what as_time() does, at a third of the cost, where the text is known that a leaf has for the time."""
    if is_postgres():
        return at
    day, time, millisecond = written[:10], written[11:19], written[20:23]
    return f"{day} {time}" if millisecond == "000" else f"{day} {time}.{millisecond}000"


def _kinds(table: Table) -> tuple[str, ...]:
    return _kinds_of(table.model, table.columns)


@cache
def _kinds_of(model: type[models.Model], columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return PostgreSQL's types of the columns."""
    kinds = {field.column: field.db_type(connection) for field in model._meta.fields}
    return tuple(str(kinds[column]) for column in columns)
