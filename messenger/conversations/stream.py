"""The one place where a conversation's stream grows: the entry, its projection and the wake-up, together.

Everything here runs inside `ledger.transaction()`, whose lock on the record's head gives all conversations one order.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F

from archive import ledger
from archive.events import Attachment, Event
from messenger.conversations.attachments import name_in_record, shown_files
from messenger.conversations.markup import render_body
from messenger.conversations.models import Conversation, Message, ReadMarker, StreamEvent
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


def append(conversation: Conversation, event: Event, *, data: dict[str, Any] | None = None) -> ledger.Receipt:
    """Record the event in the conversation's stream and project it; announce it once the commit stands."""
    receipt = ledger.record(event)
    StreamEvent.objects.create(
        conversation=conversation, n=receipt.n, seq=receipt.seq, kind=event.kind, data=data or {}, at=event.at
    )
    Conversation.objects.filter(pk=conversation.pk).update(head=receipt.n, last_at=event.at)
    conversation.head, conversation.last_at = receipt.n, event.at
    bus.announce(conversation.pk)
    return receipt


# rule: us-sec-17a-4-communications
def append_message(conversation: Conversation, event: Event, words: Words) -> Message:
    """Record a message and make its row; the author has read up to it."""
    receipt = append(conversation, event)
    name_in_record(words.attachments, seq=receipt.seq)
    Conversation.objects.filter(pk=conversation.pk).update(ordinal=F("ordinal") + 1)
    ordinal = Conversation.objects.values_list("ordinal", flat=True).get(pk=conversation.pk)
    message = Message.objects.create(
        conversation=conversation,
        n=receipt.n,
        ordinal=ordinal,
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
    if words.author is not None:
        ReadMarker.objects.filter(conversation=conversation, person=words.author).update(
            n=receipt.n, ordinal=ordinal, at=event.at
        )
    return message
