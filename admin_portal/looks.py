"""Look at one message of the record with two before and two after it. The look is an entry before anything is shown.

What is shown is read from the record, not from the chat's rows. Must not decide who may look: the callers do, in
`search` (an officer or examiner with a purpose) and `queue` (a reviewer with a report).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from admin_portal.labels import conversation_id_of
from archive import events, ledger
from messenger.conversations.attachments import shown_files
from messenger.conversations.models import Message
from messenger.people.errors import Conflict, NotFound
from messenger.people.models import Person

OPENABLE_KINDS = ("message.created", "message.refused", "sms.received")
CONTEXT = 2


@dataclass(frozen=True)
class Line:
    """One message as the record holds it. `is_removed`: members see a tombstone in its place.

    `is_disposed`: its content was destroyed, so there is neither author nor body.
    """

    seq: int
    n: int
    kind: str
    at: datetime
    author_id: str
    author: str
    body: str
    is_removed: bool
    is_disposed: bool = False
    files: tuple[dict[str, Any], ...] = ()  # what clients are told of a message's files (docs/protocol.md)


@dataclass(frozen=True)
class Look:
    """What a look shows: the message, and its neighbours when it was said in a conversation."""

    target: Line
    before: tuple[Line, ...]
    after: tuple[Line, ...]
    conversation_id: int | None

    @property
    def lines(self) -> tuple[Line, ...]:
        return (*self.before, self.target, *self.after)


def look_at(by: Person, *, purpose: str, seq: int, at: datetime) -> Look:
    """Read the message and record that `by` looked at it. Runs inside `ledger.transaction()`.

    Raises NotFound for what is no message, Conflict for content that cannot be opened any more.
    """
    look = read_look(seq)
    target = look.target
    ledger.record(
        events.EntryOpened(
            stream=f"person:{by.pk}",
            actor=by.as_actor(),
            at=at,
            purpose=purpose,
            seq=seq,
            conversation=f"conversation:{look.conversation_id}" if look.conversation_id is not None else "",
            n=target.n,
            author=target.author_id,
            shown=tuple(line.n for line in look.lines if line != target),
        )
    )
    return look


def read_look(seq: int) -> Look:
    """Read a message with its neighbours; the caller records the look. Raises as look_at."""
    try:
        return _read_around(ledger.open_entry(seq))
    except ledger.EntryNotFound as error:
        raise NotFound from error
    except (ledger.KeyMissing, ledger.NotOpened) as error:
        words = "cannot be opened: its key is gone, or it was changed. Run a check of the record."
        raise Conflict(None, f"Entry {seq}, or one beside it, {words}") from error


def _read_around(target: ledger.Opened) -> Look:
    if target.kind not in OPENABLE_KINDS:
        raise NotFound
    if target.disposed_by is not None:
        raise Conflict(None, f"Entry {target.seq} was disposed of, as entry {target.disposed_by} says.")
    conversation_id = conversation_id_of(target.stream)
    before, after = _neighbours(conversation_id, target.n) if conversation_id is not None else ([], [])
    removed = _removed(conversation_id, [target.n, *before, *after])
    return Look(
        target=_line(target, removed),
        before=tuple(_line(ledger.find_entry(target.stream, n), removed) for n in before),
        after=tuple(_line(ledger.find_entry(target.stream, n), removed) for n in after),
        conversation_id=conversation_id,
    )


def _neighbours(conversation_id: int, n: int) -> tuple[list[int], list[int]]:
    """Return the numbers of the messages around number `n`, each list ascending."""
    rows = Message.objects.filter(conversation=conversation_id)
    before = rows.filter(n__lt=n).order_by("-n").values_list("n", flat=True)[:CONTEXT]
    after = rows.filter(n__gt=n).order_by("n").values_list("n", flat=True)[:CONTEXT]
    return sorted(before), list(after)


def _removed(conversation_id: int | None, numbers: Iterable[int]) -> frozenset[int]:
    rows = Message.objects.filter(conversation=conversation_id, n__in=numbers, state=Message.REMOVED)
    return frozenset(rows.values_list("n", flat=True))


def _line(opened: ledger.Opened, removed: frozenset[int]) -> Line:
    if opened.disposed_by is not None:
        return Line(opened.seq, opened.n, opened.kind, opened.at, "", "", "", is_removed=False, is_disposed=True)
    actor = opened.content["actor"]
    if not isinstance(actor, dict):
        raise NotFound
    return Line(
        seq=opened.seq,
        n=opened.n,
        kind=opened.kind,
        at=opened.at,
        author_id=str(actor["id"]),
        author=str(actor["name"]),
        body=str(opened.content.get("body", "")),
        is_removed=opened.n in removed,
        files=tuple(shown_files(events.attachments_of(opened.content))),
    )
