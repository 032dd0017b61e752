"""The statements that every message needs, written out once and for any number of rows: Django would compile them anew
for each one, which costs ten times what the database needs to run them.

They do what the ORM would do, for any columns that the models have. Must not be used for what is not done for each
message, nor outside the transaction that records the entry.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, models

from messenger.conversations.models import Conversation, Message, ReadMarker, RefusedPost

Fields = Sequence["models.Field[Any, Any]"]  # Any: of whatever type


class Step(NamedTuple):
    """How far a conversation moves on: to which number, when, and with how many messages more."""

    n: int
    at: datetime
    messages: int


class Mark(NamedTuple):
    """How far somebody has read a conversation."""

    n: int
    ordinal: int
    at: datetime


def insert(row: models.Model) -> None:
    """Store a new row as `save(force_insert=True)` would, and give it its key. Raises IntegrityError."""
    insert_all([row])


def insert_all(rows: Sequence[models.Model]) -> None:
    """Store new rows of one model together, as insert() would each; costs nothing where there are none."""
    if not rows:
        return
    statement, fields = _insert_of(type(rows[0]), len(rows))
    values = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for row in rows for field in fields]
    for row, (key,) in zip(rows, _rows(statement, values), strict=True):
        row.pk = key
        row._state.adding, row._state.db = False, connection.alias


def advance(conversation: Conversation, *, n: int, at: datetime, messages: int) -> None:
    """Move the conversation on to number `n`, with so many messages more; the object then says what the row says."""
    advance_all({conversation: Step(n, at, messages)})


def advance_all(steps: Mapping[Conversation, Step]) -> None:
    """Move conversations on, each by its step; the objects then say what the rows say."""
    if not steps:
        return
    by_id = {conversation.pk: conversation for conversation in steps}
    values = [value for talk, step in steps.items() for value in (talk.pk, step.n, _time(step.at), step.messages)]
    table = Conversation._meta.db_table
    statement = (
        f"UPDATE {table} SET head = step.column2, last_at = step.column3, ordinal = ordinal + step.column4 "  # noqa: S608 (a model's name)
        f"FROM ({_values(4, len(steps))}) AS step WHERE id = step.column1 RETURNING id, ordinal"
    )
    moved = dict(_rows(statement, values))
    if len(moved) != len(steps):
        raise LookupError("A conversation that was to move on is not there.")
    for pk, ordinal in moved.items():
        conversation = by_id[pk]
        step = steps[conversation]
        conversation.head, conversation.last_at, conversation.ordinal = step.n, step.at, ordinal


def mark_all(marks: Mapping[tuple[int, int], Mark]) -> None:
    """Move the markers of people who have just spoken, by conversation and person."""
    if not marks:
        return
    values = [value for place, (n, ordinal, at) in marks.items() for value in (*place, n, ordinal, _time(at))]
    statement = (
        f"UPDATE {ReadMarker._meta.db_table} SET n = mark.column3, ordinal = mark.column4, at = mark.column5 "  # noqa: S608 (a model's name)
        f"FROM ({_values(5, len(marks))}) AS mark WHERE conversation_id = mark.column1 AND person_id = mark.column2"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def used_keys(client_keys: Collection[UUID]) -> frozenset[UUID]:
    """Return those of the client keys with which a post came before, whatever became of it."""
    field = Message._meta.get_field("client_key")
    by_value = {field.get_db_prep_value(key, connection): key for key in client_keys}
    places = ", ".join(["%s"] * len(by_value))
    statement = " UNION ALL ".join(
        f"SELECT client_key FROM {model._meta.db_table} WHERE client_key IN ({places})"  # noqa: S608 (a model's name)
        for model in (Message, RefusedPost)
    )
    return frozenset(by_value[value] for (value,) in _rows(statement, [*by_value, *by_value]))


@cache
def _insert_of(model: type[models.Model], count: int) -> tuple[str, Fields]:
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(field.column) for field in fields)
    key, target = quote(model._meta.pk.column), quote(model._meta.db_table)
    return f"INSERT INTO {target} ({columns}) {_values(len(fields), count)} RETURNING {key}", fields


@cache
def _values(columns: int, count: int) -> str:
    """Return VALUES with so many rows. Both databases call the columns of such a list column1, column2, …"""
    one = f"({', '.join(['%s'] * columns)})"
    return f"VALUES {', '.join([one] * count)}"


def _rows(statement: str, values: Sequence[Any]) -> list[Any]:  # Any: what columns hold
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        found: list[Any] = cursor.fetchall()
    return found


def _time(at: datetime) -> Any:  # Any: text on SQLite, the time itself on PostgreSQL
    return connection.ops.adapt_datetimefield_value(at)
