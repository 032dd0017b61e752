"""The statements that every message needs, written out once and for any number of rows: Django would compile them anew
for each one, which costs ten times what the database needs to run them.

They do what the ORM would do, for any columns that the models have; a Change can be carried out with others in one trip
to the database. Must not be used for what is not done for each message, nor outside the transaction that records the
entry.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, models

from archive import statements
from archive.statements import Found, Question, many, one_of, rows, rows_of
from archive.tables import as_time, as_uuid
from messenger.conversations.models import Conversation, Message, ReadMarker, RefusedPost

Fields = Sequence["models.Field[Any, Any]"]  # Any: of whatever type


# Whose values go as they are: to any database, and into the JSON in which PostgreSQL is given rows.
_FIT = frozenset(
    {models.BigIntegerField, models.BooleanField, models.CharField, models.ForeignKey, models.IntegerField}
    | {models.PositiveIntegerField, models.PositiveSmallIntegerField, models.TextField}
)
_FIT_IN_JSON = frozenset({models.DateTimeField, models.JSONField, models.UUIDField})


class Change(NamedTuple):
    """A statement that writes. If `settle` is given it returns rows of two whole numbers, and these say something of
    the objects at hand.
    """

    question: Question
    settle: Callable[[Found], None] | None = None


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


def carry_out(*changes: Change | None) -> None:
    """Carry out changes together and have them settled; None is nothing to do. Raises IntegrityError.

    None may build on another, in whatever order they are given.
    """
    wanted = [change for change in changes if change is not None]
    silent = [change.question for change in wanted if change.settle is None]
    telling = [(change.question, change.settle) for change in wanted if change.settle is not None]
    if not telling:
        for question in silent:
            statements.run(*question)
        return
    answers = statements.carry_out(silent, asked=[question for question, _ in telling])
    for (_, settle), found in zip(telling, answers, strict=True):
        settle(found)


def insertion(new: Sequence[models.Model]) -> Change | None:
    """Store new rows of one model together, as `save(force_insert=True)` would each; None where there are none."""
    if not new:
        return None
    model, alias = type(new[0]), connection.alias

    def give_keys(found: Found) -> None:
        for row, (key, _) in zip(new, found, strict=True):
            row.pk = key
            row._state.adding, row._state.db = False, alias

    statement = f"{_insert_of(model, len(new))} RETURNING {_key_of(model)}, 0"
    return Change(Question(statement, rows(_values_of(new, fields=_stored(model)))), give_keys)


def silent_insertion(model: type[models.Model], values: Sequence[Sequence[Any]]) -> Change | None:
    """Store new rows whose keys nobody asks for, given as the values of all fields but the key, in their order."""
    if not values:
        return None
    return Change(Question(_insert_of(model, len(values)), rows(_converted(values, model=model))))


def advance(conversation: Conversation, *, n: int, at: datetime, messages: int) -> None:
    """Move the conversation on to number `n`, with so many messages more; the object then says what the row says."""
    advance_all({conversation: Step(n, at, messages)})


def advance_all(steps: Mapping[Conversation, Step]) -> None:
    """Move conversations on, each by its step; the objects then say what the rows say."""
    carry_out(advancement(steps))


def advancement(steps: Mapping[Conversation, Step]) -> Change | None:
    """Return what advance_all() does; None where there are no steps."""
    if not steps:
        return None
    by_id = {conversation.pk: conversation for conversation in steps}
    values = [(talk.pk, step.n, as_time(step.at), step.messages) for talk, step in steps.items()]
    table, kinds = Conversation._meta.db_table, ("bigint", "bigint", "timestamptz", "bigint")
    statement = (
        f"UPDATE {table} SET head = step.column2, last_at = step.column3, ordinal = ordinal + step.column4 "  # noqa: S608 (a model's name)
        f"FROM ({rows_of(kinds, len(steps))}) AS step WHERE id = step.column1 RETURNING id, ordinal"
    )

    def follow(found: Found) -> None:
        if len(found) != len(steps):
            raise LookupError("A conversation that was to move on is not there.")
        for pk, ordinal in found:
            conversation = by_id[pk]
            step = steps[conversation]
            if step.messages and ordinal != conversation.ordinal + step.messages:
                raise LookupError("A conversation has moved on since it was read: two messages would have one place.")
            conversation.head, conversation.last_at, conversation.ordinal = step.n, step.at, ordinal

    return Change(Question(statement, rows(values)), follow)


def mark_all(marks: Mapping[tuple[int, int], Mark]) -> None:
    """Move the markers of people who have just spoken, by conversation and person."""
    carry_out(marking(marks))


def marking(marks: Mapping[tuple[int, int], Mark]) -> Change | None:
    """Return what mark_all() does; None where there are no marks."""
    if not marks:
        return None
    values = [(*place, n, ordinal, as_time(at)) for place, (n, ordinal, at) in marks.items()]
    kinds = ("bigint", "bigint", "bigint", "bigint", "timestamptz")
    statement = (
        f"UPDATE {ReadMarker._meta.db_table} SET n = mark.column3, ordinal = mark.column4, at = mark.column5 "  # noqa: S608 (a model's name)
        f"FROM ({rows_of(kinds, len(marks))}) AS mark "
        "WHERE conversation_id = mark.column1 AND person_id = mark.column2"
    )
    return Change(Question(statement, rows(values)))


def keys_question(client_keys: Collection[UUID]) -> Question:
    """Return the query for those of the client keys with which a post came before, whatever became of it."""
    wanted = [as_uuid(key) for key in client_keys]
    statement = " UNION ALL ".join(
        f"SELECT client_key FROM {model._meta.db_table} WHERE client_key {one_of('uuid', len(wanted))}"  # noqa: S608 (a model's name)
        for model in (Message, RefusedPost)
    )
    return Question(statement, [*many(wanted), *many(wanted)])


def used_keys(client_keys: Collection[UUID], found: Found) -> frozenset[UUID]:
    """Return those of the client keys that the answer names."""
    used = {value for (value,) in found}
    return frozenset(key for key in client_keys if as_uuid(key) in used)


def _values_of(new: Sequence[models.Model], *, fields: Fields) -> list[list[Any]]:
    """Return the values of the rows as their columns take them."""
    values = [[getattr(row, field.attname) for field in fields] for row in new]
    for place in _to_convert(type(new[0])):
        field = fields[place]
        for row, of_row in zip(new, values, strict=True):
            of_row[place] = field.get_db_prep_save(field.pre_save(row, add=True), connection)
    return values


def _converted(values: Sequence[Sequence[Any]], *, model: type[models.Model]) -> Sequence[Sequence[Any]]:
    """Return the values as their columns take them."""
    if not _to_convert(model):
        return values
    fields = _stored(model)
    return [
        [field.get_db_prep_save(value, connection) for field, value in zip(fields, of_row, strict=True)]
        for of_row in values
    ]


@cache
def _to_convert(model: type[models.Model]) -> tuple[int, ...]:
    """Return the places of the fields whose values do not go as they are: asking each would cost more than the rest."""
    fit = _FIT | _FIT_IN_JSON if connection.vendor == "postgresql" else _FIT
    return tuple(place for place, field in enumerate(_stored(model)) if type(field) not in fit or _is_automatic(field))


def _is_automatic(field: "models.Field[Any, Any]") -> bool:
    return bool(getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False))


@cache
def _stored(model: type[models.Model]) -> Fields:
    return [field for field in model._meta.concrete_fields if not field.primary_key]


def _insert_of(model: type[models.Model], count: int) -> str:
    target, kinds = _target_of(model)
    return f"INSERT INTO {target} {rows_of(kinds, count)}"


@cache
def _target_of(model: type[models.Model]) -> tuple[str, tuple[str, ...]]:
    """Return table and columns to insert into, and PostgreSQL's types of the columns."""
    fields, quote = _stored(model), connection.ops.quote_name
    columns = ", ".join(quote(field.column) for field in fields)
    kinds = tuple(str(field.db_type(connection)) for field in fields)
    return f"{quote(model._meta.db_table)} ({columns})", kinds


@cache
def _key_of(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.pk.column)
