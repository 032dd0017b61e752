"""Many rows into one table at once, past the ORM, and values as its columns hold them.

It must not change or delete a row. Table and column names come from the models, never from data.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, models

from archive.statements import is_postgres

Value = int | str | bytes | datetime | UUID | None  # what columns hold
Row = tuple[Value, ...]


class Table(NamedTuple):
    """Rows on their way into a table, in the order of these columns."""

    model: type[models.Model]
    columns: tuple[str, ...]
    given: Sequence[Row]


def write(table: Table) -> None:
    """Insert rows, on PostgreSQL as one COPY. Raises django.db.IntegrityError as the ORM would."""
    with connection.cursor() as cursor:
        if is_postgres():
            _copy(cursor, table)
        else:
            statement = f"INSERT INTO {target_of(table)} VALUES ({', '.join(['%s'] * len(table.columns))})"  # noqa: S608 (names of the models)
            cursor.executemany(statement, table.given)


def target_of(table: Table) -> str:
    """Return the table's name and its columns, for a statement that inserts."""
    return _target_of(table.model, table.columns)


def as_time(at: datetime) -> Value:
    """Return a time as columns hold it: on SQLite text, in UTC, else the time itself."""
    return at if is_postgres() else _as_text(at)


def as_uuid(key: UUID) -> Value:
    """Return a UUID as columns hold it: on SQLite text, else the UUID itself."""
    return key if is_postgres() else key.hex


@lru_cache(maxsize=64)  # the rows of one commit share their time
def _as_text(at: datetime) -> str:
    return str(at.astimezone(UTC).replace(tzinfo=None))


@cache
def _target_of(model: type[models.Model], columns: tuple[str, ...]) -> str:
    names = ", ".join(map(connection.ops.quote_name, columns))
    return f"{connection.ops.quote_name(model._meta.db_table)} ({names})"


def _copy(cursor: Any, table: Table) -> None:  # Any: Django does not declare psycopg's copy()
    with connection.wrap_database_errors, cursor.copy(f"COPY {target_of(table)} FROM STDIN") as copy:
        for row in table.given:
            copy.write_row(row)
