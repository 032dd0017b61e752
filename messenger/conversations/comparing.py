"""Compare the chat's rows with the record: who owns the database can change what people see, the record says what was.

It must not repair, and must not trust a row: each difference is named with its conversation and number. Not compared
are read markers, mentions and reports.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Self

from django.db.models import Count

from archive import ledger
from archive.events import Json, attachments_of
from messenger.conversations.attachments import shown_files
from messenger.conversations.comparing_members import MemberLists
from messenger.conversations.markup import render_body
from messenger.conversations.models import Conversation, Message, StreamEvent
from messenger.conversations.names import number_in

STREAMS = "conversation:"
MESSAGE_KINDS = frozenset({"message.created", "sms.received"})
Row = Mapping[str, object]
Content = Mapping[str, Json]
Place = tuple[int, int]  # conversation and number


def _nothing(_content: Content) -> dict[str, Json]:
    return {}


def _target(content: Content) -> dict[str, Json]:
    return {"target": content["n"]}


def _removal(content: Content) -> dict[str, Json]:
    return {"target": content["n"], "reason": content["reason"]}


def _member(content: Content) -> dict[str, Json]:
    member = content["member"]
    if not isinstance(member, dict):
        raise TypeError("a member is recorded as an object")
    return {"person": {"id": number_in(member["id"], of="person"), "name": member["name"]}}


# What an event's row tells clients beside the message itself. A kind that a stream gets must be here.
TOLD: dict[str, Callable[[Content], dict[str, Json]]] = {
    "conversation.created": _nothing,
    "message.created": _nothing,
    "sms.received": _nothing,
    "message.removed": _removal,
    "sms.status": _target,
    "membership.added": _member,
    "membership.removed": _member,
}


def register() -> None:
    """Have the chat's rows compared whenever the whole record is checked."""
    ledger.register_comparison("chat", streams=STREAMS, make=ChatComparison)


class ChatComparison:
    """Walks along the entries of all conversations and gathers what the rows must say at the end."""

    def __init__(self) -> None:
        self._ends: dict[int, tuple[int, datetime]] = {}  # number and time of the last entry
        self._opened: dict[int, tuple[Json, Json]] = {}  # kind and title
        self._removed: dict[Place, Json] = {}  # the reason
        self._unknown: set[int] = set()  # conversations with a removal that cannot be opened
        self._members = MemberLists()

    def examine(self, entries: Sequence[ledger.Recorded], *, after: int | None, upto: int) -> list[ledger.Problem]:
        """Compare messages and events of these entries. Rows that are left over have no entry."""
        messages = ledger.read_rows(Message, key="seq", after=after, upto=upto)
        told = ledger.read_rows(StreamEvent, key="seq", after=after, upto=upto)
        problems = [*_unreadable(messages, told)]
        for entry in entries:
            conversation = number_in(entry.stream, of="conversation")
            self._gather(entry, conversation)
            if entry.seq not in told.unreadable:
                problems += _faults(entry, told.found.pop(entry.seq, None), "event", event_columns(entry))
            if entry.kind in MESSAGE_KINDS and entry.seq not in messages.unreadable:
                problems += _faults(entry, messages.found.pop(entry.seq, None), "message", message_columns(entry))
        return [*problems, *_without_entry(messages, "message"), *_without_entry(told, "event")]

    def merge(self, other: Self) -> None:
        """Take over what another one gathered of later entries."""
        self._ends |= other._ends
        self._opened |= other._opened
        self._removed |= other._removed
        self._unknown |= other._unknown
        self._members.merge(other._members)

    def finish(self, *, after: int | None) -> list[ledger.Problem]:
        """Compare removals, conversations and members with what was gathered; look for rows behind the record's end."""
        messages = ledger.read_rows(Message, key="seq", after=after, upto=None)
        told = ledger.read_rows(StreamEvent, key="seq", after=after, upto=None)
        behind = [*_without_entry(messages, "message"), *_without_entry(told, "event"), *_unreadable(messages, told)]
        return [*behind, *self._removal_faults(), *self._conversation_faults(), *self._members.problems()]

    def _gather(self, entry: ledger.Recorded, conversation: int) -> None:
        content = entry.content or {}
        self._ends[conversation] = (entry.n, entry.at)
        self._members.gather(entry, conversation)
        if entry.kind == "conversation.created" and content:
            self._opened[conversation] = (content["conversation_kind"], content["title"])
        elif entry.kind == "message.removed" and isinstance(target := content.get("n"), int):
            self._removed[conversation, target] = content["reason"]
        elif entry.kind == "message.removed":
            self._unknown.add(conversation)

    def _removal_faults(self) -> Iterator[ledger.Problem]:
        rows = Message.objects.exclude(state=Message.SHOWN, removal_reason="")
        found = {
            (conversation, n): (state, reason)
            for conversation, n, state, reason in rows.values_list("conversation_id", "n", "state", "removal_reason")
        }
        expected = {place: (Message.REMOVED, reason) for place, reason in self._removed.items()}
        for place in sorted(found.keys() | expected.keys(), key=str):
            if place[0] not in self._unknown and found.get(place) != expected.get(place):
                yield _problem(place, "the state of the message is not what the record says of its removal.")

    def _conversation_faults(self) -> Iterator[ledger.Problem]:
        rows = ledger.read_rows(Conversation, key="id", after=None, upto=None)
        counts = dict(Message.objects.order_by().values_list("conversation_id").annotate(Count("id")))
        for number, reason in rows.unreadable.items():
            yield ledger.Problem(None, f"Conversation {number}: its row cannot be read ({reason}).")
        for number in sorted((rows.found.keys() | self._ends.keys()) - rows.unreadable.keys()):
            row, end = rows.found.get(number), self._ends.get(number)
            if row is None or end is None:
                missing = "its row is missing" if row is None else "it has no entry in the record"
                yield ledger.Problem(None, f"Conversation {number}: {missing}.")
            elif wrong := self._differing(row, end, messages=counts.get(number, 0)):
                yield ledger.Problem(None, f"Conversation {number}: its row differs from the record in {wrong}.")

    def _differing(self, row: Row, end: tuple[int, datetime], *, messages: int) -> str:
        number = row["id"]
        expected: dict[str, object] = {"head": end[0], "last_at": end[1], "ordinal": messages}
        if isinstance(number, int) and number in self._opened:
            expected["kind"], expected["title"] = self._opened[number]
        return _differing(row, expected)


def message_columns(entry: ledger.Recorded) -> dict[str, object]:
    """Return what the row of a message must say of its entry: no words where the entry cannot be opened (any more)."""
    expected = _expected_place(entry) | {"is_disposed": entry.content is None}
    if entry.content is None:
        return expected | {"body": "", "html": "", "attachments": []}
    content = entry.content
    actor = content["actor"]
    author = str(actor["id"]) if isinstance(actor, dict) else ""
    body = str(content["body"])
    expected |= {
        "author_id": number_in(author, of="person") or None,
        "contact_id": number_in(author, of="contact") or None,
    }
    expected |= {"attachments": shown_files(attachments_of(content))}
    expected |= {"body": body, "html": render_body(body), "channel": content.get("channel", "sms")}
    if "client_key" in content:  # an inbound text has none in the record
        expected["client_key"] = content["client_key"]
    return expected


def event_columns(entry: ledger.Recorded) -> dict[str, object]:
    """Return what the row of an event must say of its entry."""
    expected = _expected_place(entry) | {"kind": entry.kind}
    if entry.content is not None and entry.kind in TOLD:
        expected["data"] = TOLD[entry.kind](entry.content)
    return expected


def _expected_place(entry: ledger.Recorded) -> dict[str, object]:
    return {"conversation_id": number_in(entry.stream, of="conversation"), "n": entry.n, "at": entry.at}


def _faults(
    entry: ledger.Recorded, row: Row | None, name: str, expected: dict[str, object]
) -> Iterator[ledger.Problem]:
    place = number_in(entry.stream, of="conversation"), entry.n
    if row is None:
        yield _problem(place, f"the {name} of entry {entry.seq} is missing.", seq=entry.seq)
    elif wrong := _differing(row, expected):
        yield _problem(place, f"the row of the {name} differs from the record in {wrong}.", seq=entry.seq)
    if name == "event" and entry.kind not in TOLD:
        yield _problem(place, f"nothing says what a row of kind {entry.kind} holds.", seq=entry.seq)


def _differing(row: Row, expected: Mapping[str, object]) -> str:
    """Return the names of the columns that differ. Times are recorded in milliseconds."""
    return ", ".join(name for name, value in expected.items() if _comparable(row[name], name) != value)


def _comparable(value: object, name: str) -> object:
    if isinstance(value, datetime):
        return value.replace(microsecond=value.microsecond // 1000 * 1000)
    return str(value) if name == "client_key" else value


def _without_entry(rows: ledger.Rows, name: str) -> Iterator[ledger.Problem]:
    for row in rows.found.values():
        place = f"Conversation {row['conversation_id']}, number {row['n']}"
        yield ledger.Problem(None, f"{place}: there is a row of {_article(name)} that has no entry in the record.")


def _article(name: str) -> str:
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def _unreadable(*tables: ledger.Rows) -> Iterator[ledger.Problem]:
    for rows in tables:
        for seq, reason in rows.unreadable.items():
            yield ledger.Problem(seq, f"A chat row of entry {seq} cannot be read ({reason}).")


def _problem(place: Place, what: str, *, seq: int | None = None) -> ledger.Problem:
    conversation, n = place
    return ledger.Problem(seq, f"Conversation {conversation}, number {n}: {what}")
