"""Disposal: the keys of entries are destroyed, so that nobody can read them again, and the record says so and verifies.

Danger: there is no way back. The order is the whole point. Under the head's lock: what may go is looked at anew, the
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
from archive.holds import held_among
from archive.keys import later_name
from archive.retention import derived
from archive.retention.choosing import (
    Chosen,
    DisposalRefused,
    Expired,
    Wish,
    as_spans,
    choose,
    require_due,
    still_under,
)
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
class _Task:
    """What is left to do under one wrapping key, as it was worked out before the lock was taken."""

    name: str
    staying: list[int]
    doomed: list[int]

    @property
    def is_done(self) -> bool:
        return not self.staying and not self.doomed


@dataclass
class _Portion:
    """What one transaction does. `moves` are entries that stay, by the wrapping key they leave; `keys` become empty."""

    moves: dict[str, list[int]] = field(default_factory=dict)
    doomed: list[int] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    held: Counter[int] = field(default_factory=Counter)
    room: int = 0
    recorded_in: tuple[int, ...] = ()

    def take(self, task: _Task) -> None:
        """Take on what there is room for, under the lock: what was held meanwhile, or went elsewhere, is not doomed.

        Those that stay come first: the last portion of a key has something doomed, and its entry names the key.
        """
        staying = still_under(self._pull(task.staying), name=task.name)
        doomed = still_under(self._pull(task.doomed), name=task.name) if not task.staying else []
        held = held_among(doomed)
        self.held.update(number for numbers in held.values() for number in numbers)
        self.doomed += [seq for seq in doomed if seq not in held]
        if moved := staying + [seq for seq in doomed if seq in held]:
            self.moves[task.name] = moved
        if task.is_done:
            self.keys.append(task.name)

    def _pull(self, seqs: list[int]) -> list[int]:
        pulled = seqs[: self.room]
        del seqs[: self.room]
        self.room -= len(pulled)
        return pulled


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
    tasks, held = _tasks(order.wish)
    count, entries, keys = 0, list[int](), list[str]()
    fresh: dict[str, str] = {}
    while tasks:
        portion = _dispose_some(order, tasks, fresh=fresh, held=held)
        entries += portion.recorded_in
        count += len(portion.doomed)
        keys += portion.keys
        if on_progress:
            on_progress(count)
    finish_disposals(order.at)
    return Disposed(count, tuple(entries), tuple(keys), dict(sorted(held.items())))


def _tasks(wish: Wish) -> tuple[list[_Task], Counter[int]]:
    """Return what there is to do, and what holds keep back; a key under which nothing is doomed is left alone."""
    tasks, held = [], Counter[int]()
    for name in wish.key_names():
        choice = choose(wish, name=name)
        held += choice.held
        if choice.doomed:
            tasks.append(_Task(name, choice.staying, choice.doomed))
    return tasks, held


def _dispose_some(order: _Order, tasks: list[_Task], *, fresh: dict[str, str], held: Counter[int]) -> _Portion:
    with ledger.transaction(), purging.purging():
        portion = _Portion(room=BATCH)
        while tasks and portion.room > 0:
            portion.take(tasks[0])
            if tasks[0].is_done:
                del tasks[0]
        for name, seqs in portion.moves.items():
            fresh[name] = purging.rewrap(seqs, name=fresh.get(name) or later_name(name))
        if portion.doomed or portion.keys:
            held += portion.held
            portion.recorded_in = (ledger.record(_event(order, portion, held=held)).seq,)
            purging.delete(portion.doomed)
            derived.erase_rows(portion.doomed)
    return portion


def _event(order: _Order, portion: _Portion, *, held: Counter[int]) -> DisposalEvent:
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
        kept_back={str(number): count for number, count in sorted(held.items())},
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
