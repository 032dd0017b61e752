"""Statements that are written out and asked again and again, with as little work of the database and as few trips to it
as it allows.

PostgreSQL keeps the plan of a statement whose text stays the same, and answers several statements at once. So rows are
given as one value of JSON, whatever their number, and what writes can be one statement. SQLite parses quickly and is no
trip away: there rows are written out. No name in a statement may come from data.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache, lru_cache
from itertools import chain
from typing import Any, NamedTuple

import orjson
import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg.types.json import Jsonb

# Any, in this module: what columns hold, in the driver's types, and Django's connection, whose parts are untyped.
Found = list[tuple[Any, ...]]
MOST_ROWS_KEPT = 128  # as many as a set of posts; a longer statement is written anew, which is little beside its work


class Question(NamedTuple):
    """A statement and its values."""

    statement: str
    values: Sequence[Any]


@cache
def is_postgres() -> bool:
    return str(connections[DEFAULT_DB_ALIAS].vendor) == "postgresql"  # to look each time costs more than a small answer


def run(statement: str, values: Sequence[Any]) -> None:
    """Run a statement that returns nothing."""
    with _cursor(_connection()) as cursor:
        cursor.execute(statement, values)


def fetch(statement: str, values: Sequence[Any]) -> Found:
    """Run a statement and return its rows."""
    with _cursor(_connection()) as cursor:
        cursor.execute(statement, values)
        found: Found = cursor.fetchall()
    return found


def fetch_together(questions: Sequence[Question]) -> list[Found]:
    """Return the rows of each; PostgreSQL is asked all of them at once. Raises django.db.Error.

    In a transaction of the ledger no question may name a table of the record, but for the lock of its head.
    """
    connection = _connection()
    with connection.wrap_database_errors, _pipeline(connection):
        cursors = [_asked(connection, question) for question in questions]
        return [_answer(cursor) for cursor in cursors]


def carry_out(changes: Sequence[Question], *, asked: Sequence[Question]) -> list[Found]:
    """Run statements that write and return nothing, then some that return rows of two whole numbers; return these.

    On PostgreSQL all are one statement: none sees what another one has written.
    """
    if not is_postgres():
        for change in changes:
            run(*change)
        return [fetch(*question) for question in asked]
    statement = as_one(tuple(each.statement for each in changes), tuple(each.statement for each in asked))
    found: list[Found] = [[] for _ in asked]
    for which, *numbers in fetch(statement, _values_of([*changes, *asked])):
        found[which].append(tuple(numbers))
    return found


@cache
def as_one(changes: tuple[str, ...], asked: tuple[str, ...] = ()) -> str:
    """Return PostgreSQL's form of several statements in one; its rows begin with the place of whom they are from."""
    named = [f"part{number} AS ({statement})" for number, statement in enumerate([*changes, *asked])]
    rows_of_asked = [f"SELECT {place}, * FROM part{len(changes) + place}" for place in range(len(asked))]  # noqa: S608 (ours)
    return f"WITH {', '.join(named)} {' UNION ALL '.join(rows_of_asked) or 'SELECT 1'}"


def one_of(kind: str, count: int) -> str:
    """Return the end of a condition that a column has one of so many values, which are given by `many`."""
    if is_postgres():
        return f"= ANY(%s::{kind}[])"
    return f"IN ({_places(count)})"


def many(values: Sequence[Any]) -> Sequence[Any]:
    """Return the values of a `one_of`, in the order of a statement's values."""
    return [list(values)] if is_postgres() else values


def rows_of(kinds: tuple[str, ...], count: int) -> str:
    """Return a select of so many rows, whose values are given by `rows`: its columns are column1, column2, …

    `kinds` are PostgreSQL's types of the columns.
    """
    if is_postgres():
        return _recordset(kinds)
    return _kept_values(len(kinds), count) if count <= MOST_ROWS_KEPT else _values(len(kinds), count)


def _values(width: int, count: int) -> str:
    return f"VALUES {', '.join([f'({_places(width)})'] * count)}"


@lru_cache(maxsize=512)
def _kept_values(width: int, count: int) -> str:
    return _values(width, count)


@cache
def _recordset(kinds: tuple[str, ...]) -> str:
    columns = ", ".join(f"column{number} {kind}" for number, kind in enumerate(kinds, 1))
    return f"SELECT * FROM json_to_recordset(%s::json) AS given({columns})"  # noqa: S608 (types of columns)


def rows(values: Sequence[Sequence[Any]]) -> Sequence[Any]:
    """Return the values of `rows_of`, in the order of a statement's values. There is at least one row."""
    if not is_postgres():
        return list(chain.from_iterable(values))
    names = _names(len(values[0]))
    return [orjson.dumps([dict(zip(names, row, strict=True)) for row in values], default=_in_json).decode()]


def _in_json(value: object) -> object:
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, Jsonb):
        return value.obj
    raise TypeError(f"a {type(value).__name__} has no form in JSON here")


def _connection() -> Any:
    return connections[DEFAULT_DB_ALIAS]  # once: Django's own name for it looks it up with each use


def _cursor(connection: Any) -> Any:
    """Return Django's cursor; on PostgreSQL one by which statements are prepared (OPTIONS, prepare_threshold)."""
    # Django's own makes text of the values, parses it and has it planned each time; but a log of statements, which
    # tests keep, can show the text of no other.
    if not is_postgres() or connection.queries_logged:
        return connection.cursor()
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    return connection.make_cursor(psycopg.Cursor(connection.connection))


def _asked(connection: Any, question: Question) -> Any:
    cursor = _cursor(connection)
    cursor.execute(*question)
    return cursor


def _answer(cursor: Any) -> Found:
    with cursor:
        found: Found = cursor.fetchall()
    return found


def _pipeline(connection: Any) -> AbstractContextManager[Any]:
    if not is_postgres():
        return nullcontext()
    connection.ensure_connection()
    pipeline: AbstractContextManager[Any] = connection.connection.pipeline()
    return pipeline


def _values_of(questions: Iterable[Question]) -> list[Any]:
    return [value for question in questions for value in question.values]


def _places(count: int) -> str:
    return ", ".join(["%s"] * count)


@cache
def _names(count: int) -> tuple[str, ...]:
    return tuple(f"column{number}" for number in range(1, count + 1))
