"""The shape of conversations, messages and events as clients are told them (docs/protocol.md); a set at a time.

Every function takes rows and returns plain values with a constant number of queries, however many the rows.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from messenger.conversations.loading import load_messages
from messenger.conversations.models import Conversation, Message, StreamEvent
from messenger.people.models import Contact, Person
from messenger.sms.models import Attempt

Frame = dict[str, Any]
EXPLAINED: Final = frozenset({"queued", "refused"})  # states of a text that its reasons explain


class Line(NamedTuple):
    """What is shown of a message, without its row: for a page, where making the rows costs more than all else."""

    conversation_id: int
    n: int
    seq: int
    client_key: UUID
    body: str
    html: str
    attachments: list[Frame]
    at: datetime
    state: str
    removal_reason: str
    channel: str
    is_disposed: bool
    contact_id: int | None
    author: Frame


def instant(at: datetime) -> str:
    """Return an aware UTC time as `2026-11-21T16:00:00.000Z`."""
    return at.isoformat(timespec="milliseconds")[:23] + "Z"  # half of what strftime costs; a page has 50


def person_frame(person: Person) -> Frame:
    return {
        "id": person.pk,
        "name": person.name,
        "kind": "person",
        "hue": person.hue,
        "initials": person.initials,
    }


def contact_author_frame(contact: Contact) -> Frame:
    return {
        "id": contact.pk,
        "name": contact.name,
        "kind": "contact",
        "hue": contact.hue,
        "initials": contact.initials,
    }


def message_frames(messages: Iterable[Message]) -> list[Frame]:
    """Return messages as clients see them; the rows come with `author` and `contact` selected."""
    rows = list(messages)
    texts = _texts_of(rows)
    return [_message_frame(row, texts.get((row.conversation_id, row.n)), author=_author_frame(row)) for row in rows]


def line_frames(lines: Sequence[Line]) -> list[Frame]:
    """Return messages as clients see them, from what is shown of them."""
    texts = _texts_of(lines)
    return [_message_frame(line, texts.get((line.conversation_id, line.n)), author=line.author) for line in lines]


def _texts_of(messages: Sequence[Message | Line]) -> dict[tuple[int, int], Attempt]:
    outbound = [message for message in messages if message.channel == "sms" and not message.contact_id]
    return _attempts([(message.conversation_id, message.n) for message in outbound])


def _message_frame(message: Message | Line, attempt: Attempt | None, *, author: Frame) -> Frame:
    is_shown = message.state == Message.SHOWN and not message.is_disposed
    return {
        "c": message.conversation_id,
        "n": message.n,
        "client_key": str(message.client_key),
        "author": author,
        "body": message.body if is_shown else "",
        "html": message.html if is_shown else "",
        "attachments": [_file_frame(file) for file in message.attachments] if is_shown else [],
        "at": instant(message.at),
        "state": "disposed" if message.is_disposed else message.state,
        "removal_reason": message.removal_reason,
        "channel": message.channel,
        "seq": message.seq,
        "sms": sms_frame(attempt) if attempt else None,
    }


def _file_frame(file: Frame) -> Frame:
    """Return what a row says of a file, its fields in one order: PostgreSQL keeps them in its own."""
    return {name: file[name] for name in ("id", "name", "type", "size", "width", "height")}


def _author_frame(message: Message) -> Frame:
    return speaker_frame(message.author, message.contact)


def speaker_frame(author: Person | None, contact: Contact | None) -> Frame:
    """Return who said a message: a person, a contact, or neither."""
    if author is not None:
        return person_frame(author)
    if contact is not None:
        return contact_author_frame(contact)
    return {"id": 0, "name": "Automatic answer", "kind": "system", "hue": 0, "initials": "✓"}


def sms_frame(attempt: Attempt) -> Frame:
    """Return what the thread shows of a text's way to the phone.

    The reasons stay with the attempt, and in the record. Beside a text that left they would read like a refusal.
    """
    shown = attempt.reasons if attempt.state in EXPLAINED else []
    return {
        "state": attempt.state,
        "detail": attempt.detail,
        "reasons": [{"code": reason["code"], "message": reason["message"]} for reason in shown],
        "segments": attempt.segment_count,
        "number": attempt.contact.number,
    }


def _attempts(places: Collection[tuple[int, int]]) -> dict[tuple[int, int], Attempt]:
    """Return the texts at these places (conversation, number), and maybe more of the same conversations."""
    if not places:
        return {}
    conversations, numbers = {c for c, _ in places}, {n for _, n in places}
    found = Attempt.objects.filter(conversation_id__in=conversations, n__in=numbers).select_related("contact")
    return {(attempt.conversation_id, attempt.n): attempt for attempt in found}


def event_frames(rows: Sequence[StreamEvent]) -> list[Frame]:
    """Return `ev` frames for events of any conversations, in the order given."""
    created = [row for row in rows if row.kind == "message.created" or row.kind == "sms.received"]
    messages = _messages_of(created)
    statuses = _statuses_of([row for row in rows if row.kind == "sms.status"])
    return [_event_frame(row, messages, statuses) for row in rows]


def _event_frame(row: StreamEvent, messages: dict[int, Frame], statuses: dict[int, Frame]) -> Frame:
    if row.seq in messages:
        return created_frame(row.conversation_id, row.n, at=row.at, message=messages[row.seq])
    data: Frame = row.data
    frame: Frame = {"t": "ev", "c": row.conversation_id, "n": row.n, "kind": row.kind, "at": instant(row.at)}
    return frame | data | ({"sms": statuses[row.seq]} if row.seq in statuses else {})


def created_frame(conversation_id: int, n: int, *, at: datetime, message: object) -> Frame:
    """Return the event of a new message; to a client an inbound text is a message like any other."""
    kind = "message.created"
    return {"t": "ev", "c": conversation_id, "n": n, "kind": kind, "at": instant(at), "message": message}


def _messages_of(rows: Sequence[StreamEvent]) -> dict[int, Frame]:
    if not rows:
        return {}
    return {frame["seq"]: frame for frame in message_frames(load_messages([row.seq for row in rows]))}


def _statuses_of(rows: Sequence[StreamEvent]) -> dict[int, Frame]:
    """Return by entry how each text stands now: the newest state, so that a late reader is not shown an old one."""
    if not rows:
        return {}
    keys = {row.seq: (row.conversation_id, row.data["target"]) for row in rows}
    attempts = _attempts(keys.values())
    return {seq: sms_frame(attempts[key]) for seq, key in keys.items() if key in attempts}


def conversation_title(conversation: Conversation, others: Sequence[Person]) -> str:
    """Return the name a member sees: the others' names in a direct one, else its title."""
    if conversation.kind == Conversation.DIRECT:
        return ", ".join(person.name for person in others) or "Notes to myself"
    return conversation.contact.name if conversation.contact else conversation.title
