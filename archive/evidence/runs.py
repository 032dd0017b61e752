"""The runs of entries that were sealed as segments, for the page Record: where each is, and how its last look ended.

Rows of work, not evidence: what was sealed stands in the record's entries, and attested.py holds the last one against
its entry. It must not read a store: the nightly look does, and leaves here what it found.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, F, Max, Sum

from archive.models import Segment

SHOWN = 10
A_NIGHT = 4  # segments that the nightly look reads again
GRACE = timedelta(days=2)


@dataclass(frozen=True)
class SealedRun:
    """One run. `state` is "sound", "late" (not read back for too long), "broken", or "waiting" (not sealed yet)."""

    first: int
    last: int
    store: str
    sealed_at: datetime | None
    read_at: datetime | None  # sealing reads back too
    problem: str
    state: str

    @property
    def entries(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True)
class SealedRuns:
    """How the segments stand. `level` is "off" without a store, "none" before the first, "green", "amber" or "red"."""

    level: str
    count: int
    size: int  # the record's entries up to here are in segments
    is_gapless: bool
    broken: int
    late: int
    runs: tuple[SealedRun, ...]  # the broken ones first, then the newest; not all of them


def sealed_runs(*, at: datetime) -> SealedRuns:
    """Return the runs that a page shows, and what is to be said about all of them. Five queries, however many runs."""
    sealed = Segment.objects.exclude(sealed_at=None)
    numbers = sealed.aggregate(count=Count("pk"), end=Max("size"), entries=Sum(F("size") - F("first")))
    count, size = numbers["count"], numbers["end"] or 0
    read_by = at - timedelta(days=-(-count // A_NIGHT)) - GRACE
    broken, late = sealed.exclude(problem="").count(), sealed.filter(problem="", checked_at__lt=read_by).count()
    is_gapless = (numbers["entries"] or 0) == size
    return SealedRuns(
        level=_level(count=count, is_broken=bool(broken) or not is_gapless, is_late=bool(late)),
        count=count,
        size=size,
        is_gapless=is_gapless,
        broken=broken,
        late=late,
        runs=tuple(_run(row, read_by=read_by) for row in _rows()),
    )


def _rows() -> list[Segment]:
    """Return rows to show: what has a problem or waits comes first."""
    troubled = list(Segment.objects.exclude(problem="", failure="").order_by("-first")[:SHOWN])
    newest = Segment.objects.filter(problem="", failure="").order_by("-first")[:SHOWN]
    return [*troubled, *newest]


def _run(row: Segment, *, read_by: datetime) -> SealedRun:
    return SealedRun(
        first=row.first,
        last=row.size - 1,
        store=row.store,
        sealed_at=row.sealed_at,
        read_at=row.checked_at,
        problem=row.problem or row.failure,
        state=_state(row, read_by=read_by),
    )


def _state(row: Segment, *, read_by: datetime) -> str:
    if row.sealed_at is None or row.checked_at is None:
        return "waiting"
    if row.problem:
        return "broken"
    return "late" if row.checked_at < read_by else "sound"


def _level(*, count: int, is_broken: bool, is_late: bool) -> str:
    if is_broken:
        return "red"
    if not count:
        return "none" if settings.ONRECORD_SEGMENT_STORE else "off"
    return "amber" if is_late else "green"
