"""What many tests begin with: built once in each process by the product's own actions, then put back as rows.

A test inside a transaction that asks for the same again gets exactly the rows that the actions wrote, and copies of
what they returned. Tests that commit build anew: their commits are part of what they show. Must never put rows onto
anything but what they followed: the same record, the same keys and settings, as many rows in each table.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar, cast

from django.apps import apps
from django.conf import settings
from django.db import connection

Row = tuple[Any, ...]  # Any: whatever the database gives
Rows = dict[Any, Row]  # Any: a primary key
Built = TypeVar("Built")
Given = ParamSpec("Given")
OURS = ("archive_", "messenger_", "admin_portal_")
OWN_TO_EACH_TEST = frozenset({"ONRECORD_EXPORT_DIR"})  # which no row names


@dataclass(frozen=True)
class Table:
    """A model's table with the columns that are written."""

    name: str
    key: str
    columns: tuple[str, ...]

    def rows(self) -> Rows:
        place = self.columns.index(self.key)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {_names(self.columns)} FROM {_names([self.name])}")  # noqa: S608 (Django's names)
            return {row[place]: tuple(row) for row in cursor.fetchall()}


@dataclass(frozen=True)
class Change:
    """What building did to one table."""

    table: Table
    added: list[Row]
    altered: list[Row]
    removed: list[Row]

    def put_back(self) -> None:
        table, key, columns = _names([self.table.name]), _names([self.table.key]), self.table.columns
        values, marks = ", ".join(f"{_names([name])} = %s" for name in columns), ", ".join(["%s"] * len(columns))
        place = columns.index(self.table.key)
        _run(f"DELETE FROM {table} WHERE {key} = %s", [(row[place],) for row in self.removed])  # noqa: S608
        _run(f"UPDATE {table} SET {values} WHERE {key} = %s", [(*row, row[place]) for row in self.altered])  # noqa: S608
        _run(f"INSERT INTO {table} ({_names(columns)}) VALUES ({marks})", self.added)  # noqa: S608
        if self.table.name == "archive_document" and self.added and connection.vendor == "sqlite":
            _index_words([row[place] for row in self.added])


@dataclass(frozen=True)
class Picture:
    """What was built, and what that changed in the database."""

    built: object
    changes: list[Change]


_pictures: dict[tuple[object, ...], Picture] = {}


def built_once(build: Callable[Given, Built], *args: Given.args, **kwargs: Given.kwargs) -> Built:
    """Return what `build` returns, with its rows: by building, or as an earlier test of this process built it."""
    if not connection.in_atomic_block:
        return build(*args, **kwargs)
    start = (build, _head(), counts_of_rows(), _surroundings())
    picture = _pictures.get(start)
    if picture is None:
        before = rows_of_all_tables()
        built = build(*args, **kwargs)
        _pictures[start] = Picture(deepcopy(built), list(_changes(before)))
        return built
    for change in picture.changes:
        change.put_back()
    return cast("Built", deepcopy(picture.built))


def rows_of_all_tables() -> dict[Table, Rows]:
    return {table: table.rows() for table in _tables()}


def _tables() -> list[Table]:
    """Return every table of the product, the record's first: on PostgreSQL no row of the chat goes before its entry."""
    models = [model._meta for model in apps.get_models(include_auto_created=True) if not model._meta.proxy]
    tables = [
        Table(meta.db_table, meta.pk.column, tuple(field.column for field in meta.local_concrete_fields))
        for meta in models
    ]
    return sorted(tables, key=lambda table: not table.name.startswith("archive_"))


def _changes(before: dict[Table, Rows]) -> Iterator[Change]:
    for table, old in before.items():
        new = table.rows()
        added = [row for key, row in new.items() if key not in old]
        altered = [row for key, row in new.items() if key in old and old[key] != row]
        removed = [row for key, row in old.items() if key not in new]
        if added or altered or removed:
            yield Change(table, added, altered, removed)


# --- where the rows may be put back ----------------------------------------------------------------------------------
def _head() -> tuple[Row, ...]:
    """Return the head of the record: no two records have the same, as keys and times are in its hashes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT origin, verifier_key, size, frontier FROM archive_head")
        return tuple(tuple(bytes(part) if isinstance(part, memoryview) else part for part in row) for row in cursor)


def counts_of_rows() -> tuple[int, ...]:
    """Return how many rows each table of the product has."""
    tables = [table for table in _tables() if table.name.startswith(OURS)]
    counts = ", ".join(f"(SELECT count(*) FROM {_names([table.name])})" for table in tables)  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {counts}")
        return tuple(cursor.fetchone())


def _surroundings() -> tuple[tuple[object, ...], ...]:
    """Return the settings and the files of keys: the rows are sealed by these keys."""
    names = {name for name in dir(settings) if name.startswith("ONRECORD_")} - OWN_TO_EACH_TEST
    values = [(name, repr(getattr(settings, name))) for name in sorted(names)]
    kept = [path for path in settings.ONRECORD_KEY_DIR.rglob("*") if path.is_file() and path != settings.ONRECORD_GUARD]
    return (*values, *((str(path), path.stat().st_mtime_ns) for path in sorted(kept)))


# --- statements ------------------------------------------------------------------------------------------------------
def _names(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(connection.ops.quote_name(name) for name in names)


def _run(statement: str, rows: list[Row]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(statement, rows)


def _index_words(numbers: list[Any]) -> None:
    """Tell SQLite's index of words, which PostgreSQL keeps by itself. Any: primary keys."""
    statement = """INSERT INTO archive_document_words(rowid, text)
        SELECT seq, text FROM archive_document WHERE seq BETWEEN %s AND %s"""
    _run(statement, [(min(numbers), max(numbers))])
