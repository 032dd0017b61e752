"""A stretch of history into the streams at once: thousands of messages and marks in a few statements, past the ORM.

What `stream.append_messages` does for the posts of a moment, for who fills a store. It runs inside
`ledger.transaction()` and judges nothing; the comparison of `record check` must find its rows as it finds others.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from django.db import models

from archive import events, ledger
from archive.tables import Table, Value, as_time, as_uuid, write
from messenger.conversations import rows
from messenger.conversations.markup import render_body
from messenger.conversations.models import Conversation, Mention, Message, StreamEvent
from messenger.conversations.stream import Said, ordinals_of, steps_of
from messenger.delivery import bus
from messenger.people.models import Person

Columns = dict[str, Value]  # a row


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
    _insert(StreamEvent, [_event(one, place) for one, place in zip(said, told, strict=True)])
    _insert(Message, [_message(one, place) for one, place in zip(said, told, strict=True)])
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
    ordinals = ordinals_of(said)
    rows.advance_all(steps_of(said, receipts))
    return [Told(receipt.seq, receipt.n, ordinal) for receipt, ordinal in zip(receipts, ordinals, strict=True)]


def _event(one: Said, place: Told) -> Columns:
    return {
        "conversation_id": one.conversation.pk,
        "n": place.n,
        "seq": place.seq,
        "kind": one.event.kind,
        "data": "{}",
        "at": as_time(one.event.at),
    }


def _message(one: Said, place: Told) -> Columns:
    words = one.words
    return {
        "conversation_id": one.conversation.pk,
        "n": place.n,
        "ordinal": place.ordinal,
        "seq": place.seq,
        "author_id": words.author.pk if words.author else None,
        "contact_id": words.contact.pk if words.contact else None,
        "body": words.body,
        "html": render_body(words.body),
        "attachments": "[]",
        "channel": words.channel,
        "client_key": as_uuid(words.client_key),
        "state": Message.SHOWN,
        "removal_reason": "",
        "is_disposed": False,
        "at": as_time(one.event.at),
    }


def _insert_mentions(said: Sequence[Said], told: Sequence[Told], named: Mapping[int, Sequence[Person]]) -> None:
    keys = dict(Message.objects.filter(seq__in=[told[at].seq for at in named]).values_list("seq", "pk"))
    mentions: list[Columns] = [
        {
            "message_id": keys[told[at].seq],
            "conversation_id": said[at].conversation.pk,
            "person_id": person.pk,
            "ordinal": told[at].ordinal,
        }
        for at, people in named.items()
        for person in people
    ]
    _insert(Mention, mentions)


def _insert(model: type[models.Model], found: Sequence[Columns]) -> None:
    """Insert rows, all of which name the same columns in the same order."""
    if found:
        write(Table(model, tuple(found[0]), [tuple(row.values()) for row in found]))
