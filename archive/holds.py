"""Legal holds: what they cover stays, whoever wants it gone and whatever the calendar says.

Danger: an entry that a hold should have kept and that was destroyed is lost to a court. So the holds are read from the
record itself, from entries that are kept for ever, and a disposal asks here under the head's lock what they cover; no
table can fall behind or be edited. Beside that, the record keys of what is held are wrapped again under the
hold's own key: so not even the loss of a bucket's key takes them. Releasing a hold destroys nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Q, QuerySet

from archive import ledger, purging, spans
from archive.canonical import Json
from archive.events import HOLDS_STREAM, Actor, HoldPlaced, HoldReleased
from archive.leaf import format_time, parse_time
from archive.ledger.head import stream_id
from archive.ledger.opening import content_of, record_keys
from archive.models import Document, Entry, RecordKey
from archive.spans import Span

BATCH = 2000  # record keys wrapped again in one transaction
MOST_SPANS = 200  # each is a condition of its own in a query
HOLD_KEYS = "hold/"

Progress = Callable[[int], None]


class BadHold(ValueError):
    """The hold cannot be placed or released as asked; nothing was recorded. The message says why."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What a hold covers: these entries, and what was said in these streams or by these people, now and later.

    `since` is included, `until` is not; None leaves an end open. A person's own stream is covered with them.
    """

    streams: tuple[str, ...] = ()  # names: "conversation:7"
    actors: tuple[str, ...] = ()  # "person:3", "contact:9"
    entries: tuple[Span, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def stream_ids(self) -> frozenset[str]:
        """Return the ids of the streams it covers whole. Raises KeyMissing."""
        return frozenset(map(stream_id, self.streams + self.actors))

    def is_within(self, at: datetime) -> bool:
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)


@dataclass(frozen=True)
class Hold:
    """A hold in force. `n` is its number: that of its entry in the stream of holds."""

    n: int
    matter: str
    reason: str
    scope: Scope
    placed_by: str
    at: datetime

    @property
    def key_name(self) -> str:
        return f"{HOLD_KEYS}{self.n}"


def place(
    scope: Scope, *, matter: str, reason: str, by: Actor, at: datetime, on_progress: Progress | None = None
) -> Hold:
    """Place a hold. From the commit of its entry on, nothing in its scope can be disposed of. Raises BadHold.

    Up to BATCH record keys are under the hold's key in the same commit; the rest follows before this returns, or with
    the next sweep.
    """
    _require_scope(scope, matter=matter, reason=reason)
    with ledger.transaction():
        receipt = ledger.record(_placed(scope, matter=matter, reason=reason, by=by, at=at))
        hold = Hold(receipt.n, matter, reason, scope, by.id, receipt.at)
        count = _protect_some(hold)
    if on_progress:
        on_progress(count)
    if count == BATCH:
        _protect_all(hold, done=count, on_progress=on_progress)
    return hold


def release(n: int, *, reason: str, asked_by: Actor, approved_by: Actor, at: datetime) -> None:
    """End a hold, by two people. Nothing is disposed of by that; what other holds cover stays held. Raises BadHold."""
    if asked_by.id == approved_by.id:
        raise BadHold("A hold is released by two people: who approves must not be the one who asked.")
    if not reason.strip():
        raise BadHold("Say why the hold ends.")
    with ledger.transaction():
        if n not in {hold.n for hold in active_holds()}:
            raise BadHold(f"There is no hold {n} in force.")
        ledger.record(
            HoldReleased(
                stream=HOLDS_STREAM,
                actor=approved_by,
                at=at,
                hold=n,
                reason=reason,
                asked_by=asked_by,
                approved_by=approved_by,
            )
        )


def active_holds() -> list[Hold]:
    """Return the holds in force, in the order in which they were placed. Raises KeyMissing, NotOpened.

    An entry of a hold that cannot be opened stops who asks: a hold that cannot be read must not be passed over.
    """
    found: dict[int, Hold] = {}
    after = 0
    while page := ledger.read_stream(HOLDS_STREAM, after=after):
        for entry in page:
            if entry.disposed_by is not None:
                raise ledger.KeyMissing(f"Entry {entry.seq} of a hold is gone.")
            if entry.kind == HoldPlaced.kind:
                found[entry.n] = _hold(entry)
            elif entry.kind == HoldReleased.kind and _is_by_two(entry.content):
                found.pop(_int(entry.content["hold"]), None)
        after = page[-1].n
    return list(found.values())


def held_among(seqs: Iterable[int]) -> dict[int, list[int]]:
    """Return those of the entries that are held, each with the numbers of its holds.

    Who said something is read from the sealed content, not from search rows. Call it under the head's lock when the
    answer decides anything.
    """
    held: dict[int, list[int]] = defaultdict(list)
    holds = [(hold.n, hold.scope, hold.scope.stream_ids()) for hold in active_holds()]
    if not holds:
        return held
    for some in purging.portions_of(sorted(seqs)):
        entries = list(Entry.objects.filter(seq__in=some))
        actors = _actors(entries) if any(scope.actors for _, scope, _ in holds) else {}
        for entry in entries:
            actor = actors.get(entry.seq, "")
            for n, scope, streams in holds:
                if _covers(scope, entry, streams=streams, actor=actor):
                    held[entry.seq].append(n)
    return held


def protect_held(*, on_progress: Progress | None = None) -> int:
    """Put record keys of held entries that came since, or that a stop left, under their hold's key. For the sweep."""
    return sum(_protect_all(hold, done=0, on_progress=on_progress) for hold in active_holds())


def count_held(hold: Hold) -> int:
    """Count what a hold covers now and can still be opened, as far as search rows tell who said it."""
    return RecordKey.objects.filter(seq__in=_entries(hold.scope).values("seq")).count()


def _protect_all(hold: Hold, *, done: int, on_progress: Progress | None) -> int:
    total = done
    while True:
        with ledger.transaction():
            count = _protect_some(hold)
        total += count
        if on_progress and count:
            on_progress(total)
        if count < BATCH:
            return total


def _protect_some(hold: Hold) -> int:
    loose = RecordKey.objects.exclude(bucket__startswith=HOLD_KEYS).filter(seq__in=_entries(hold.scope).values("seq"))
    seqs = list(loose.order_by("seq").values_list("seq", flat=True)[:BATCH])
    if seqs:
        purging.rewrap(seqs, name=hold.key_name)
    return len(seqs)


def _entries(scope: Scope) -> QuerySet[Entry]:
    said = Q(stream_id__in=scope.stream_ids())
    if scope.actors:
        said |= Q(seq__in=Document.objects.filter(actor_id__in=scope.actors).values("seq"))
    if scope.since is not None:
        said &= Q(at__gte=scope.since)
    if scope.until is not None:
        said &= Q(at__lt=scope.until)
    for first, last in scope.entries:
        said |= Q(seq__range=(first, last))
    return Entry.objects.filter(said)


def _covers(scope: Scope, entry: Entry, *, streams: frozenset[str], actor: str) -> bool:
    if spans.holds(scope.entries, entry.seq):
        return True
    is_named = entry.stream_id in streams or actor in scope.actors
    return is_named and scope.is_within(entry.at)


def _actors(entries: Sequence[Entry]) -> dict[int, str]:
    keys = record_keys(entries)
    contents = {entry.seq: content_of(entry, record_key=keys[entry.seq]) for entry in entries if entry.seq in keys}
    return {seq: _actor_id(content) for seq, content in contents.items()}


def _actor_id(content: dict[str, Json], *, field: str = "actor") -> str:
    actor = content.get(field)
    return str(actor.get("id")) if isinstance(actor, dict) else ""


def _is_by_two(released: dict[str, Json]) -> bool:
    return _actor_id(released, field="asked_by") != _actor_id(released, field="approved_by")


def _require_scope(scope: Scope, *, matter: str, reason: str) -> None:
    if not matter.strip() or not reason.strip():
        raise BadHold("A hold needs a matter and a reason.")
    if not (scope.streams or scope.actors or scope.entries):
        raise BadHold("A hold needs a conversation, a person or an entry that it covers.")
    if not all(name.strip() for name in scope.streams + scope.actors):
        raise BadHold("A name in the scope of a hold is empty.")
    if len(scope.entries) > MOST_SPANS:
        raise BadHold(f"A hold lists at most {MOST_SPANS} spans of entries.")
    # An entry that nobody can read as a hold would stop every disposal, for ever.
    if any(not 0 <= first <= last for first, last in scope.entries):
        raise BadHold("The entries of a hold are numbers from 0 on, as spans of first and last.")
    if any(time is not None and time.utcoffset() is None for time in (scope.since, scope.until)):
        raise BadHold("The times of a hold need a time zone.")
    if scope.since is not None and scope.until is not None and scope.since >= scope.until:
        raise BadHold("A hold ends after it begins: between these times it would cover nothing.")


def _placed(scope: Scope, *, matter: str, reason: str, by: Actor, at: datetime) -> HoldPlaced:
    return HoldPlaced(
        stream=HOLDS_STREAM,
        actor=by,
        at=at,
        matter=matter,
        reason=reason,
        streams=tuple(sorted(set(scope.streams))),
        actors=tuple(sorted(set(scope.actors))),
        entries=tuple(spans.merged(scope.entries)),
        since=_text(scope.since),
        until=_text(scope.until),
    )


def _hold(entry: ledger.Opened) -> Hold:
    content = entry.content
    scope = Scope(
        streams=_names(content["streams"]),
        actors=_names(content["actors"]),
        entries=tuple(spans.from_json(content["entries"])),
        since=_time(content["since"]),
        until=_time(content["until"]),
    )
    return Hold(entry.n, str(content["matter"]), str(content["reason"]), scope, _actor_id(content), entry.at)


def _text(at: datetime | None) -> str:
    return "" if at is None else format_time(at.astimezone(UTC))


def _time(text: Json) -> datetime | None:
    return parse_time(str(text)) if text else None


def _names(value: Json) -> tuple[str, ...]:
    return tuple(str(name) for name in value) if isinstance(value, list) else ()


def _int(value: Json) -> int:
    return value if isinstance(value, int) else 0
