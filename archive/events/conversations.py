"""What is said in conversations, who may read along, and how far they have read.

Events are plain values: no Django, and nothing that could change under them.
"""

from dataclasses import dataclass
from typing import ClassVar

from archive.canonical import Json
from archive.events.attachments import Attachment, attachment_fields
from archive.events.base import Actor, Event


@dataclass(frozen=True, kw_only=True)
class ConversationCreated(Event):
    kind: ClassVar[str] = "conversation.created"
    conversation_kind: str  # direct, group, team, broadcast, client
    title: str
    members: tuple[Actor, ...]


@dataclass(frozen=True, kw_only=True)
class WithAttachments(Event):
    """Base of what is said with files: each file is a field of its own, `att.0` and so on."""

    not_content: ClassVar[tuple[str, ...]] = (*Event.not_content, "attachments")
    attachments: tuple[Attachment, ...] = ()

    def content(self) -> dict[str, Json]:
        content = super().content()
        return content | attachment_fields(self.attachments) if self.attachments else content


@dataclass(frozen=True, kw_only=True)
class MessageCreated(WithAttachments):
    kind: ClassVar[str] = "message.created"
    words_field: ClassVar[str] = "body"
    body: str
    client_key: str
    channel: str = "chat"  # chat, sms
    hits: tuple[str, ...] = ()  # what policy noted: ids of rules
    sms: dict[str, Json] | None = None  # for sms: contact, number, decision with reasons, rule versions and inputs


@dataclass(frozen=True, kw_only=True)
class MessageRefused(WithAttachments):
    """Words that policy or the SMS rules refused: nobody saw them, the record keeps them."""

    kind: ClassVar[str] = "message.refused"
    words_field: ClassVar[str] = "body"
    conversation: str
    body: str
    client_key: str
    channel: str = "chat"
    hits: tuple[str, ...] = ()
    reasons: tuple[dict[str, Json], ...] = ()


@dataclass(frozen=True, kw_only=True)
class MessageRemoved(Event):
    """A moderator took a message from the members' sight; the original stays in the record."""

    kind: ClassVar[str] = "message.removed"
    n: int  # the message's number in its stream
    reason: str


@dataclass(frozen=True, kw_only=True)
class ReceiptMarked(Event):
    kind: ClassVar[str] = "receipt.marked"
    conversation: str
    n: int  # read up to and with this number


@dataclass(frozen=True, kw_only=True)
class MemberAdded(Event):
    kind: ClassVar[str] = "membership.added"
    member: Actor
    role: str  # member, owner


@dataclass(frozen=True, kw_only=True)
class MemberRemoved(Event):
    kind: ClassVar[str] = "membership.removed"
    member: Actor
    reason: str = ""
