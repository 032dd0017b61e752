"""The one place where a conversation's stream grows: the entry, its projection and the wake-up, together.

Everything here runs inside `ledger.transaction()`, whose lock on the record's head gives all conversations one order.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from archive import ledger
from archive.events import Attachment, Event
from messenger.conversations import rows
from messenger.conversations.attachments import name_in_record, shown_files
from messenger.conversations.markup import render_body
from messenger.conversations.models import Conversation, Message, StreamEvent
from messenger.delivery import bus
from messenger.people.models import Contact, Person


@dataclass(frozen=True)
class Words:
    """What somebody says, ready to be put in a stream. Exactly one of `author` and `contact` is set."""

    body: str
    client_key: UUID
    author: Person | None = None
    contact: Contact | None = None
    channel: str = "chat"
    attachments: tuple[Attachment, ...] = ()


def append(
    conversation: Conversation, event: Event, *, data: dict[str, Any] | None = None, messages: int = 0
) -> ledger.Receipt:
    """Record the event in the conversation's stream and project it; announce it once the commit stands.

    `messages` says how many messages the event is: they are counted, so that unread ones need not be.
    """
    receipt = ledger.record(event)
    seen = StreamEvent(
        conversation=conversation, n=receipt.n, seq=receipt.seq, kind=event.kind, data=data or {}, at=event.at
    )
    rows.insert(seen)
    rows.advance(conversation, n=receipt.n, at=event.at, messages=messages)
    bus.announce(conversation.pk)
    return receipt


# rule: us-sec-17a-4-communications
def append_message(conversation: Conversation, event: Event, words: Words) -> Message:
    """Record a message and make its row; the author has read up to it."""
    receipt = append(conversation, event, messages=1)
    name_in_record(words.attachments, seq=receipt.seq)
    message = Message(
        conversation=conversation,
        n=receipt.n,
        ordinal=conversation.ordinal,
        seq=receipt.seq,
        author=words.author,
        contact=words.contact,
        body=words.body,
        html=render_body(words.body),
        attachments=shown_files(words.attachments),
        channel=words.channel,
        client_key=words.client_key,
        at=event.at,
    )
    rows.insert(message)
    if words.author is not None:
        rows.mark_own(conversation, words.author, at=event.at)
    return message
