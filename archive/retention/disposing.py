"""Disposal: the keys of entries are destroyed, so that nobody can read them again, and the record says so and verifies.

Danger: there is no way back. The order is the whole point. Under the head's lock: what may go is worked out anew, the
entry is written, record keys, search words and derived rows go, keys that stay are wrapped with a fresh key: all that
is one commit. Only then are wrapping keys destroyed (finishing). Worst case of a stop: keys that should be gone stay
until the next sweep; never an entry that is gone and should not be.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db import connection

from archive import ledger, purging, spans
from archive.events import DISPOSALS_STREAM, Actor
from archive.events import Disposal as DisposalEvent
from archive.keys import later_name
from archive.retention import derived
from archive.retention.choosing import Choice, Chosen, DisposalRefused, Expired, Wish, as_spans, choose, require_due
from archive.retention.finishing import finish_disposals
from archive.retention.preview import preview_erasure
from archive.spans import Span

BATCH = 2000  # record keys that one transaction deletes or wraps again

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Disposed:
    """What was done: how many entries, recorded in which entries, which keys were destroyed, what holds kept back."""

    count: int
    recorded_in: tuple[int, ...]
    keys: tuple[str, ...]
    held: dict[int, int]


@dataclass(frozen=True)
class _Order:
    wish: Wish
    cause: str
    reason: str
    asked_by: Actor
    approved_by: Actor
    at: datetime
    floor_years: int


@dataclass
class _Portion:
    """What one transaction does. `moves` are entries that stay, by the wrapping key they leave; `keys` become empty."""

    moves: dict[str, list[int]] = field(default_factory=dict)
    doomed: list[int] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    held: Counter[int] = field(default_factory=Counter)
    room: int = 0

    def take(self, name: str, choice: Choice) -> None:
        """Take on what there is room for: first those that stay, so that nothing is doomed beside them."""
        moved, gone = choice.staying[: self.room], []
        self.room -= len(moved)
        if len(moved) == len(choice.staying):
            gone = choice.doomed[: self.room]
            self.room -= len(gone)
        if moved:
            self.moves[name] = moved
        self.doomed += gone
        self.held += choice.held
        if (len(moved), len(gone)) == (len(choice.staying), len(choice.doomed)):
            self.keys.append(name)


def dispose_expired(
    *, reason: str, asked_by: Actor, approved_by: Actor, at: datetime, on_progress: Progress | None = None
) -> Disposed:
    """Dispose of everything whose term has ended and that no hold keeps. Raises DisposalRefused."""
    _require_two(asked_by, approved_by, reason=reason)
    order = _Order(Expired(at.date()), "expired", reason, asked_by, approved_by, at, _floor_years())
    return _dispose(order, on_progress=on_progress)


# rule: eu-gdpr-erasure
def erase(
    entries: Iterable[Span],
    *,
    reason: str,
    asked_by: Actor,
    approved_by: Actor,
    at: datetime,
    on_progress: Progress | None = None,
) -> Disposed:
    """Erase these entries before their term ends, those that are held excepted.

    Raises DisposalRefused where one of them is younger than the floor, or none is left to be erased.
    """
    _require_two(asked_by, approved_by, reason=reason)
    wanted = as_spans(entries)
    preview = preview_erasure(wanted, at=at)
    if preview.too_young:
        raise DisposalRefused(
            f"{preview.too_young} of these entries may not be erased yet: they are younger than "
            f"{_floor_years()} years (ONRECORD_ERASURE_FLOOR_YEARS), from yesterday or today, or kept for ever."
        )
    if not preview.count:
        why = f"hold {min(preview.held)} covers them" if preview.held else "they are gone, or never were"
        raise DisposalRefused(f"There is nothing to erase: {why}.")
    wish = Chosen(wanted, at.date(), _floor_years())
    return _dispose(_Order(wish, "erasure", reason, asked_by, approved_by, at, _floor_years()), on_progress=on_progress)


def _dispose(order: _Order, *, on_progress: Progress | None) -> Disposed:
    if connection.in_atomic_block:
        raise RuntimeError("A disposal commits by itself: keys are destroyed only for what is committed.")
    count, entries, keys = 0, list[int](), list[str]()
    held: Counter[int] = Counter()
    fresh: dict[str, str] = {}
    while portion := _dispose_some(order, fresh=fresh, entries=entries):
        count += len(portion.doomed)
        keys += portion.keys
        held |= portion.held
        if on_progress:
            on_progress(count)
    finish_disposals(order.at)
    return Disposed(count, tuple(entries), tuple(keys), dict(sorted(held.items())))


def _dispose_some(order: _Order, *, fresh: dict[str, str], entries: list[int]) -> _Portion | None:
    with ledger.transaction(), purging.purging():
        portion = _next_portion(order.wish)
        if not portion.doomed and not portion.moves:
            return None
        for name, seqs in portion.moves.items():
            fresh[name] = purging.rewrap(seqs, name=fresh.get(name) or later_name(name))
        if portion.doomed:
            entries.append(ledger.record(_event(order, portion)).seq)
            purging.delete(portion.doomed)
            derived.erase_rows(portion.doomed)
    return portion


def _next_portion(wish: Wish) -> _Portion:
    portion = _Portion(room=BATCH)
    for name in wish.key_names():
        choice = choose(wish, name=name)
        if choice.doomed:
            portion.take(name, choice)
        else:
            portion.held += choice.held
        if portion.room <= 0:
            break
    return portion


def _event(order: _Order, portion: _Portion) -> DisposalEvent:
    return DisposalEvent(
        stream=DISPOSALS_STREAM,
        actor=order.approved_by,
        at=order.at,
        cause=order.cause,
        reason=order.reason,
        asked_by=order.asked_by,
        approved_by=order.approved_by,
        entries=tuple(spans.spans_of(portion.doomed)),
        count=len(portion.doomed),
        buckets=dict(sorted(require_due(order.wish, portion.doomed).items())),
        floor_years=order.floor_years,
        kept_back={str(number): count for number, count in sorted(portion.held.items())},
        keys=tuple(sorted(portion.keys)),
    )


def _require_two(asked_by: Actor, approved_by: Actor, *, reason: str) -> None:
    if asked_by.id == approved_by.id:
        raise DisposalRefused("A disposal takes two people: who approves must not be the one who asked.")
    if not reason.strip():
        raise DisposalRefused("Say why: the reason stands in the record for ever.")


def _floor_years() -> int:
    years: int = settings.ONRECORD_ERASURE_FLOOR_YEARS
    return years
