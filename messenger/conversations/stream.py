"""The one place where a conversation's stream grows: the entry, its projection and the wake-up, together.

Everything here runs inside `ledger.transaction()`, whose lock on the record's head gives all conversations one order.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import UUID

from django.db import connection

from archive import ledger
from archive.events import Attachment, Event
from messenger.conversations import rows
from messenger.conversations.attachments import name_in_record, shown_files
from messenger.conversations.handing import announce_messages
from messenger.conversations.markup import render_body
from messenger.conversations.models import Conversation, Message, StreamEvent
from messenger.delivery import bus
from messenger.people.models import Contact, Person

_COLUMNS = [field.attname for field in Message._meta.concrete_fields]


@dataclass(frozen=True)
class Words:
    """What somebody says, ready to be put in a stream. Exactly one of `author` and `contact` is set.

    `html` is the body rendered, where that was done already: it can take long, and others wait for the record.
    """

    body: str
    client_key: UUID
    author: Person | None = None
    contact: Contact | None = None
    channel: str = "chat"
    attachments: tuple[Attachment, ...] = ()
    html: str | None = None


@dataclass(frozen=True)
class Said:
    """Words on their way into a stream, and the event that records them."""

    conversation: Conversation
    event: Event
    words: Words


def append(conversation: Conversation, event: Event, *, data: dict[str, Any] | None = None) -> ledger.Receipt:
    """Record an event that is no message in the conversation's stream and project it; announce it at the commit."""
    receipt = ledger.record(event)
    rows.carry_out(
        rows.silent_insertion(StreamEvent, [_projected(conversation, event, receipt, data=data)]),
        rows.advancement({conversation: rows.Step(receipt.n, event.at, messages=0)}),
    )
    bus.announce(conversation.pk)
    return receipt


def append_message(conversation: Conversation, event: Event, words: Words) -> Message:
    """Record a message and make its row; the author has read up to it."""
    return append_messages([Said(conversation, event, words)])[0]


# rule: us-sec-17a-4-communications
def append_messages(said: Sequence[Said]) -> list[Message]:
    """Record messages in this order and make their rows, in as many statements for many as for one.

    Those of one conversation share its object. Each author has read up to what they said.
    """
    receipts = ledger.record_all([one.event for one in said])
    for one, receipt in zip(said, receipts, strict=True):
        name_in_record(one.words.attachments, seq=receipt.seq)
    messages = [_message(*given) for given in zip(said, receipts, ordinals_of(said), strict=True)]
    projected = [_projected(one.conversation, one.event, at) for one, at in zip(said, receipts, strict=True)]
    rows.carry_out(
        rows.silent_insertion(StreamEvent, projected),
        rows.marking(_marks(messages)),
        rows.advancement(steps_of(said, receipts)),
        rows.insertion(messages),
    )
    announce_messages(messages)
    return messages


def _marks(messages: Sequence[Message]) -> dict[tuple[int, int], rows.Mark]:
    return {
        (message.conversation_id, message.author_id): rows.Mark(message.n, message.ordinal, message.at)
        for message in messages
        if message.author_id is not None
    }


def steps_of(said: Sequence[Said], receipts: Sequence[ledger.Receipt]) -> dict[Conversation, rows.Step]:
    """Return how far these messages, which are recorded, move their conversations on."""
    counts = Counter(one.conversation for one in said)
    return {
        one.conversation: rows.Step(receipt.n, one.event.at, counts[one.conversation])
        for one, receipt in zip(said, receipts, strict=True)
    }


def ordinals_of(said: Sequence[Said]) -> list[int]:
    """Return which message of its conversation each one is; the conversations have not moved on yet."""
    ordinals = {one.conversation: count(one.conversation.ordinal + 1) for one in said}
    return [next(ordinals[one.conversation]) for one in said]


def _projected(
    conversation: Conversation, event: Event, receipt: ledger.Receipt, *, data: dict[str, Any] | None = None
) -> tuple[Any, ...]:  # Any: what columns hold
    return (conversation.pk, receipt.n, receipt.seq, event.kind, data or {}, event.at)


def _message(one: Said, receipt: ledger.Receipt, ordinal: int) -> Message:
    """Return the row, not stored yet, with its author at hand: Django's own way to make one costs three times this."""
    words, author, contact = one.words, one.words.author, one.words.contact
    values = {
        "id": None,
        "conversation_id": one.conversation.pk,
        "n": receipt.n,
        "ordinal": ordinal,
        "seq": receipt.seq,
        "author_id": author and author.pk,
        "contact_id": contact and contact.pk,
        "body": words.body,
        "html": render_body(words.body) if words.html is None else words.html,
        "attachments": shown_files(words.attachments),
        "channel": words.channel,
        "client_key": words.client_key,
        "state": Message.SHOWN,
        "removal_reason": "",
        "is_disposed": False,
        "at": one.event.at,
    }
    message = Message.from_db(connection.alias, _COLUMNS, [values[name] for name in _COLUMNS])
    message._state.adding = True
    message._state.fields_cache |= {"conversation": one.conversation, "author": author, "contact": contact}
    return message
