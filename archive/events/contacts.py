"""Outside contacts: their consent, and each step of a text message.

Events are plain values: no Django, and nothing that could change under them.
"""

from dataclasses import dataclass
from typing import ClassVar

from archive.canonical import Json
from archive.events.base import Actor, Event


@dataclass(frozen=True, kw_only=True)
class ContactAdded(Event):
    kind: ClassVar[str] = "contact.added"
    name: str
    number: str  # E.164
    typed: str  # as it was typed


@dataclass(frozen=True, kw_only=True)
class ConsentGranted(Event):
    kind: ClassVar[str] = "consent.granted"
    contact: Actor
    basis: str
    message_class: str
    scope: str
    evidence: str


@dataclass(frozen=True, kw_only=True)
class ConsentRevoked(Event):
    kind: ClassVar[str] = "consent.revoked"
    contact: Actor
    scope: str
    channel: str  # sms, voice, letter, carrier, ...
    words_used: str
    rule: str  # which rule of the opt-out list matched, with its version


@dataclass(frozen=True, kw_only=True)
class SmsStatusChanged(Event):
    """A step of one text at the carrier: queued, submitting, submitted, delivered, failed, in_doubt, cancelled …"""

    kind: ClassVar[str] = "sms.status"
    n: int  # the message's number in its stream
    attempt: str  # uuid
    state: str
    detail: str = ""
    reasons: tuple[dict[str, Json], ...] = ()


@dataclass(frozen=True, kw_only=True)
class SmsReceived(Event):
    """An inbound text that opens or continues a thread; the words are archived whatever they say."""

    kind: ClassVar[str] = "sms.received"
    words_field: ClassVar[str] = "body"
    body: str
    number: str
    to: str
    carrier_id: str
    opt_out: str = ""  # the rule that read it as an opt-out, "" when it is none
