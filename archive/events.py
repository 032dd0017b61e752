"""What can be recorded: one frozen dataclass for each kind of entry, plain values only, no Django.

An event holds snapshots (names as they were, ids as text), never references that could change under it.
Every field but `stream` and `at` is content: it is sealed in the entry's ciphertext and committed to one by one.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import ClassVar

from archive.canonical import Json as Json


@dataclass(frozen=True)
class Actor:
    """Who did it, as they were then. `id` is "person:3", "contact:9" or "system"."""

    id: str
    name: str
    role: str = ""

    def as_json(self) -> dict[str, Json]:
        return {"id": self.id, "name": self.name, "role": self.role}


SYSTEM = Actor(id="system", name="OnRecord", role="system")


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all events. `stream` is "conversation:7", "person:3", "contact:9" or "system"; `at` is aware and UTC."""

    kind: ClassVar[str]
    retention: ClassVar[str] = "7y"
    words_field: ClassVar[str] = ""  # the field that a search may find this entry by; "" for most kinds

    stream: str
    actor: Actor
    at: datetime

    def content(self) -> dict[str, Json]:
        """Return the named fields that the entry seals, as JSON values."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self) if f.name not in ("stream", "at")}

    def words(self) -> str:
        """Return the text that a search may find this entry by; "" for most kinds."""
        return words_of(self.kind, self.content())


def words_of(kind: str, content: dict[str, Json]) -> str:
    """Return the searchable text of an entry that was read back: the same as words() gave when it was recorded."""
    for event_class in Event.__subclasses__():
        if event_class.kind == kind and event_class.words_field:
            return str(content.get(event_class.words_field, ""))
    return ""


def _plain(value: object) -> Json:
    if isinstance(value, Actor):
        return value.as_json()
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if value is None or isinstance(value, bool | int | str):
        return value
    raise TypeError(f"an event holds plain values only, not {type(value).__name__}")


# --- conversations ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class ConversationCreated(Event):
    kind: ClassVar[str] = "conversation.created"
    conversation_kind: str  # direct, group, team, broadcast, client
    title: str
    members: tuple[Actor, ...]


@dataclass(frozen=True, kw_only=True)
class MessageCreated(Event):
    kind: ClassVar[str] = "message.created"
    words_field: ClassVar[str] = "body"
    body: str
    client_key: str
    channel: str = "chat"  # chat, sms
    hits: tuple[str, ...] = ()  # what policy noted: ids of rules
    sms: dict[str, Json] | None = None  # for sms: contact, number, decision with reasons, rule versions and inputs


@dataclass(frozen=True, kw_only=True)
class MessageRefused(Event):
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


# --- people ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class FirmFounded(Event):
    kind: ClassVar[str] = "firm.founded"
    firm: str


@dataclass(frozen=True, kw_only=True)
class PersonInvited(Event):
    kind: ClassVar[str] = "person.invited"
    email: str


@dataclass(frozen=True, kw_only=True)
class PersonJoined(Event):
    kind: ClassVar[str] = "person.joined"
    name: str
    email: str


@dataclass(frozen=True, kw_only=True)
class PersonDeactivated(Event):
    kind: ClassVar[str] = "person.deactivated"
    person: Actor
    reason: str


@dataclass(frozen=True, kw_only=True)
class PersonReactivated(Event):
    kind: ClassVar[str] = "person.reactivated"
    person: Actor
    reason: str


@dataclass(frozen=True, kw_only=True)
class RoleRequested(Event):
    kind: ClassVar[str] = "role.requested"
    person: Actor
    role: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RoleGranted(Event):
    kind: ClassVar[str] = "role.granted"
    person: Actor
    role: str
    requested_by: Actor
    reason: str


@dataclass(frozen=True, kw_only=True)
class RoleRefused(Event):
    kind: ClassVar[str] = "role.refused"
    person: Actor
    role: str
    requested_by: Actor
    reason: str


@dataclass(frozen=True, kw_only=True)
class RoleRevoked(Event):
    kind: ClassVar[str] = "role.revoked"
    person: Actor
    role: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class SignedIn(Event):
    kind: ClassVar[str] = "session.started"
    address: str
    agent: str


@dataclass(frozen=True, kw_only=True)
class SignInRefused(Event):
    kind: ClassVar[str] = "session.refused"
    login: str
    address: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class SessionEnded(Event):
    kind: ClassVar[str] = "session.ended"
    reason: str  # signed out, ended elsewhere, deactivated, password changed, role changed


@dataclass(frozen=True, kw_only=True)
class PasswordChanged(Event):
    kind: ClassVar[str] = "password.changed"


@dataclass(frozen=True, kw_only=True)
class TokenCreated(Event):
    kind: ClassVar[str] = "token.created"
    name: str


@dataclass(frozen=True, kw_only=True)
class TokenRevoked(Event):
    kind: ClassVar[str] = "token.revoked"
    name: str


# --- outside contacts and SMS ----------------------------------------------------------------------------------------
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


# --- policy, reports, moderation -------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class MessageReported(Event):
    """Recorded in the reporter's own stream: the members of the conversation do not learn of it."""

    kind: ClassVar[str] = "message.reported"
    conversation: str
    n: int
    reason: str
    comment: str


@dataclass(frozen=True, kw_only=True)
class ReportDecided(Event):
    kind: ClassVar[str] = "report.decided"
    report: int
    conversation: str
    n: int
    decision: str  # removed, kept
    reason: str


@dataclass(frozen=True, kw_only=True)
class RuleChanged(Event):
    kind: ClassVar[str] = "rule.changed"
    rule: str
    version: int
    pattern: str
    effect: str
    is_active: bool


# --- looks, searches, exports ----------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class RecordSearched(Event):
    kind: ClassVar[str] = "record.searched"
    purpose: str
    query: dict[str, Json]
    results: int


@dataclass(frozen=True, kw_only=True)
class EntryOpened(Event):
    kind: ClassVar[str] = "entry.opened"
    purpose: str
    seq: int
    conversation: str
    n: int
    author: str  # whose words were looked at: "person:3"
    shown: tuple[int, ...]  # the numbers shown with it (two before, two after)


@dataclass(frozen=True, kw_only=True)
class ExportRequested(Event):
    kind: ClassVar[str] = "export.requested"
    export: int
    purpose: str
    scope: dict[str, Json]


@dataclass(frozen=True, kw_only=True)
class ExportApproved(Event):
    kind: ClassVar[str] = "export.approved"
    export: int


@dataclass(frozen=True, kw_only=True)
class ExportRefused(Event):
    kind: ClassVar[str] = "export.refused"
    export: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class ExportMade(Event):
    kind: ClassVar[str] = "export.made"
    export: int
    digest: str  # SHA-256 of the package
    size_bytes: int
    entries: int


@dataclass(frozen=True, kw_only=True)
class ExportFailed(Event):
    kind: ClassVar[str] = "export.failed"
    export: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class ExportDownloaded(Event):
    kind: ClassVar[str] = "export.downloaded"
    export: int
    digest: str


# --- the record itself -----------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class StreamHeads(Event):
    """Commits to the last item of every stream, so that an export can prove that nothing was left out."""

    kind: ClassVar[str] = "stream.heads"
    count: int
    root: str  # hex, RFC 6962 tree hash over the sorted heads


@dataclass(frozen=True, kw_only=True)
class RecordChecked(Event):
    kind: ClassVar[str] = "record.checked"
    size: int
    is_sound: bool
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ConfigurationChanged(Event):
    kind: ClassVar[str] = "configuration.changed"
    what: str
    before: str
    after: str
