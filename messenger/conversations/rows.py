"""The statements that every message needs, written out once: Django would compile them anew for each one, which costs
ten times what the database needs to run them.

They do what the ORM would do, for any columns that the models have. Must not be used for what is not done for each
message, nor outside the transaction that records the entry.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection, models

from messenger.conversations.models import Conversation, Message, ReadMarker, RefusedPost
from messenger.people.models import Person

Fields = Sequence["models.Field[Any, Any]"]  # Any: of whatever type


def insert(row: models.Model) -> None:
    """Store a new row as `save(force_insert=True)` would, and give it its key. Raises IntegrityError."""
    statement, fields = _insert_of(type(row))
    values = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields]
    row.pk = _returned(statement, values)
    row._state.adding, row._state.db = False, connection.alias


def advance(conversation: Conversation, *, n: int, at: datetime, messages: int) -> None:
    """Move the conversation on to number `n`, with so many messages more; the object then says what the row says."""
    table = Conversation._meta.db_table
    statement = f"UPDATE {table} SET head = %s, last_at = %s, ordinal = ordinal + %s WHERE id = %s RETURNING ordinal"  # noqa: S608 (a model's name)
    conversation.ordinal = _returned(statement, [n, _time(at), messages, conversation.pk])
    conversation.head, conversation.last_at = n, at


def mark_own(conversation: Conversation, person: Person, *, at: datetime) -> None:
    """Move the marker of who has just spoken to the end of the conversation."""
    statement = (
        f"UPDATE {ReadMarker._meta.db_table} SET n = %s, ordinal = %s, at = %s "  # noqa: S608 (a model's name)
        "WHERE conversation_id = %s AND person_id = %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [conversation.head, conversation.ordinal, _time(at), conversation.pk, person.pk])


def is_key_used(client_key: UUID) -> bool:
    """Say whether a post came with this client key before, whatever became of it."""
    message, refused = Message._meta.db_table, RefusedPost._meta.db_table
    statement = (
        f"SELECT EXISTS (SELECT 1 FROM {message} WHERE client_key = %s) "  # noqa: S608 (names of models)
        f"OR EXISTS (SELECT 1 FROM {refused} WHERE client_key = %s)"
    )
    key = Message._meta.get_field("client_key").get_db_prep_value(client_key, connection)
    return bool(_returned(statement, [key, key]))


@cache
def _insert_of(model: type[models.Model]) -> tuple[str, Fields]:
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    quote = connection.ops.quote_name
    columns, places = ", ".join(quote(field.column) for field in fields), ", ".join(["%s"] * len(fields))
    key = quote(model._meta.pk.column)
    target = quote(model._meta.db_table)
    statement = f"INSERT INTO {target} ({columns}) VALUES ({places}) RETURNING {key}"  # noqa: S608 (names of models)
    return statement, fields


def _returned(statement: str, values: Sequence[Any]) -> Any:  # Any: what columns hold, and the one that comes back
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row = cursor.fetchone()
    if row is None:
        raise LookupError("The row that was to be changed is not there.")
    return row[0]


def _time(at: datetime) -> Any:  # Any: text on SQLite, the time itself on PostgreSQL
    return connection.ops.adapt_datetimefield_value(at)
