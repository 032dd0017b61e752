"""A stretch of history into the streams at once: thousands of messages and marks in a few statements, past the ORM.

What `stream.append_messages` does for the posts of a moment, for who fills a store. It runs inside
`ledger.transaction()` and judges nothing; the comparison of `record check` must find its rows as it finds others.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from django.db import connection, models

from archive import events, ledger
from messenger.conversations import rows
from messenger.conversations.markup import render_body
from messenger.conversations.models import Conversation, Mention, Message, StreamEvent
from messenger.conversations.stream import Said
from messenger.delivery import bus
from messenger.people.models import Person

Row = tuple[Any, ...]  # what columns hold


class Told(NamedTuple):
    """Where a message of the stretch stands: its entry, its number, and which message of its conversation it is."""

    seq: int
    n: int
    ordinal: int


def append_history(said: Sequence[Said], *, named: Mapping[int, Sequence[Person]]) -> list[Told]:
    """Record messages in this order and make their rows. Those of one conversation share its object.

    `named` says by place in `said` whom a message mentions. Files are left out: nothing here takes one.
    """
    receipts = ledger.record_all([one.event for one in said])
    told = _advance(said, receipts)
    _insert(StreamEvent, [_event_row(one, place) for one, place in zip(said, told, strict=True)])
    _insert(Message, [_message_row(one, place) for one, place in zip(said, told, strict=True)])
    _insert_mentions(said, told, named)
    rows.mark_all(
        {
            (one.conversation.pk, one.words.author.pk): rows.Mark(place.n, place.ordinal, one.event.at)
            for one, place in zip(said, told, strict=True)
            if one.words.author is not None
        }
    )
    for conversation_id in {one.conversation.pk for one in said}:
        bus.announce(conversation_id)
    return told


def append_reads(readers: Sequence[tuple[Person, Conversation]]) -> None:
    """Record that people have read conversations up to where these stand now, and move their markers."""
    marks = {(talk.pk, person.pk): rows.Mark(talk.head, talk.ordinal, talk.last_at) for person, talk in readers}
    ledger.record_all(
        [
            events.ReceiptMarked(
                stream=f"person:{person.pk}",
                actor=person.as_actor(),
                at=talk.last_at,
                conversation=talk.stream,
                n=talk.head,
            )
            for person, talk in readers
        ]
    )
    rows.mark_all(marks)


def _advance(said: Sequence[Said], receipts: Sequence[ledger.Receipt]) -> list[Told]:
    """Move the conversations on and return the place of each message."""
    talks = {one.conversation.pk: one.conversation for one in said}
    ends = {one.conversation.pk: (receipt.n, one.event.at) for one, receipt in zip(said, receipts, strict=True)}
    counts = Counter(one.conversation.pk for one in said)
    rows.advance_all({talk: rows.Step(*ends[pk], counts[pk]) for pk, talk in talks.items()})
    ordinals = {pk: talk.ordinal - counts[pk] for pk, talk in talks.items()}
    told = []
    for one, receipt in zip(said, receipts, strict=True):
        ordinals[one.conversation.pk] += 1
        told.append(Told(receipt.seq, receipt.n, ordinals[one.conversation.pk]))
    return told


def _event_row(one: Said, place: Told) -> Row:
    return (one.conversation.pk, place.n, place.seq, one.event.kind, "{}", one.event.at)


def _message_row(one: Said, place: Told) -> Row:
    words = one.words
    author, contact = words.author, words.contact
    return (
        one.conversation.pk,
        place.n,
        place.ordinal,
        place.seq,
        author.pk if author else None,
        contact.pk if contact else None,
        words.body,
        render_body(words.body),
        "[]",
        words.channel,
        words.client_key,
        Message.SHOWN,
        "",
        False,
        one.event.at,
    )


def _insert_mentions(said: Sequence[Said], told: Sequence[Told], named: Mapping[int, Sequence[Person]]) -> None:
    if not named:
        return
    keys = dict(Message.objects.filter(seq__in=[told[at].seq for at in named]).values_list("seq", "pk"))
    _insert(
        Mention,
        [
            (keys[told[at].seq], said[at].conversation.pk, person.pk, told[at].ordinal)
            for at, people in named.items()
            for person in people
        ],
    )


def _insert(model: type[models.Model], values: Sequence[Row]) -> None:
    """Insert rows whose values stand in the order of the model's columns, its key left out."""
    target, times, keys, count = _target(model)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with connection.wrap_database_errors, cursor.copy(f"COPY {target} FROM STDIN") as copy:
                for row in values:
                    copy.write_row(row)
            return
        prepared = [_for_sqlite(row, times=times, keys=keys) for row in values]
        places = ", ".join(["%s"] * count)
        cursor.executemany(f"INSERT INTO {target} VALUES ({places})", prepared)  # noqa: S608 (names of the model)


def _for_sqlite(row: Row, *, times: frozenset[int], keys: frozenset[int]) -> Row:
    """SQLite has neither times nor UUIDs: Django keeps them as text."""
    return tuple(
        str(value.replace(tzinfo=None)) if at in times else value.hex if at in keys else value
        for at, value in enumerate(row)
    )


@cache
def _target(model: type[models.Model]) -> tuple[str, frozenset[int], frozenset[int], int]:
    """Return table with columns, and which columns hold times and UUIDs."""
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    names = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    times = frozenset(at for at, field in enumerate(fields) if isinstance(field, models.DateTimeField))
    keys = frozenset(at for at, field in enumerate(fields) if isinstance(field, models.UUIDField))
    return f"{connection.ops.quote_name(model._meta.db_table)} ({names})", times, keys, len(fields)
