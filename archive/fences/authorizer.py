"""SQLite's fence: the authorizer that each of our connections asks before it prepares a statement.

It denies what no part of the product does: to change or delete rows of the record, to take its triggers or tables
away, to write into the schema. It binds our own process only; another program opens the file without it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from archive.fences.tables import FENCED

_FENCED = frozenset(FENCED)
# Which argument of the authorizer names the table.
_TABLE_FIRST = frozenset(
    {sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE, sqlite3.SQLITE_DROP_TABLE, sqlite3.SQLITE_DROP_TEMP_TABLE}
)
_TABLE_SECOND = frozenset(
    {
        sqlite3.SQLITE_ALTER_TABLE,
        sqlite3.SQLITE_CREATE_TRIGGER,
        sqlite3.SQLITE_CREATE_TEMP_TRIGGER,
        sqlite3.SQLITE_DROP_TRIGGER,
        sqlite3.SQLITE_DROP_TEMP_TRIGGER,
        sqlite3.SQLITE_DROP_INDEX,
    }
)
# They would let a statement write where the fences do not look.
_PRAGMAS = frozenset({"writable_schema", "ignore_check_constraints", "schema_version", "recursive_triggers"})
# Connections on which migrations run now.
_lifted: WeakSet[BaseDatabaseWrapper] = WeakSet()


def fence_connection(connection: BaseDatabaseWrapper, **_: Any) -> None:  # Any: what the signal sends beside it
    """Put the authorizer on a new connection to SQLite. For the signal `connection_created`."""
    if connection.vendor == "sqlite" and connection not in _lifted:
        connection.connection.set_authorizer(_judge)


@contextmanager
def fences_lifted(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Let the block alter tables, as migrations must. On PostgreSQL this changes nothing: there roles decide."""
    own = connections[connection.alias]  # the thread's connection itself, where a proxy is given
    if own in _lifted:
        yield
        return
    lift(own)
    try:
        yield
    finally:
        put_back(own)


def lift(connection: BaseDatabaseWrapper) -> None:
    """Take the authorizer from a connection until put_back()."""
    _lifted.add(connection)
    if connection.vendor == "sqlite" and connection.connection is not None:
        connection.connection.set_authorizer(None)


def put_back(connection: BaseDatabaseWrapper) -> None:
    _lifted.discard(connection)
    if connection.connection is not None:
        fence_connection(connection)


def _judge(action: int, first: str | None, second: str | None, _database: str | None, _trigger: str | None) -> int:
    # Called for every column that a new statement names, so what is asked most is answered first.
    if action == sqlite3.SQLITE_READ:
        return sqlite3.SQLITE_OK
    if action in _TABLE_FIRST:
        is_denied = first in _FENCED
    elif action in _TABLE_SECOND:
        is_denied = second in _FENCED
    elif action == sqlite3.SQLITE_PRAGMA:
        is_denied = second is not None and str(first).lower() in _PRAGMAS
    else:
        is_denied = action == sqlite3.SQLITE_ATTACH and bool(first)  # VACUUM attaches a file without a name
    return sqlite3.SQLITE_DENY if is_denied else sqlite3.SQLITE_OK
