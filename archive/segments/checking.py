"""Looking at sealed segments again: each is read whole from its store and must have the digest that its entry names.

It must not repair. Each night a few, so that all come round; all of them when a person asks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from archive.evidence import sources
from archive.evidence.runs import A_NIGHT
from archive.evidence.standing import SEGMENT, SEGMENT_CHECK
from archive.models import Segment
from archive.segments import record_keys
from archive.segments.standing import require_contained
from archive.worm.configuration import configured_store
from archive.worm.stores import Store, StoreAway, StoreRefused, digest_of


@dataclass(frozen=True)
class SegmentCheck:
    """How one segment stands; `problem` is "" where its bytes are those that were sealed."""

    first: int
    size: int
    name: str
    problem: str


def check_segments(*, at: datetime, everything: bool = False) -> list[SegmentCheck]:
    """Read segments back and compare their digests; return how each stands. Problems stay on the page Record.

    Without `everything`, the ones that were not looked at for longest.
    """
    store = configured_store()
    if store is None:
        return []
    rows = Segment.objects.exclude(sealed_at=None).order_by("checked_at", "first")
    found = [_check(row, store=store, at=at) for row in (rows if everything else rows[:A_NIGHT])]
    problems = [f"{check.name}: {check.problem}" for check in found if check.problem] + list(_of_the_whole(store))
    if problems:
        sources.note_problem(SEGMENT_CHECK, kind=SEGMENT, at=at, problem=" ".join(problems[:3]))
    else:
        sources.note_success(SEGMENT_CHECK, kind=SEGMENT, at=at)
        record_keys.keep_all()
    return found


def _check(row: Segment, *, store: Store, at: datetime) -> SegmentCheck:
    try:
        is_same = digest_of(store.read(row.name, version=row.version)) == row.digest
        problem = store.shortcoming(row.name, version=row.version) if is_same else "Its bytes are not those it had."
    except (StoreAway, StoreRefused) as error:
        problem = str(error)
    Segment.objects.filter(pk=row.pk).update(checked_at=at, problem=problem)
    return SegmentCheck(first=row.first, size=row.size, name=row.name, problem=problem)


def _of_the_whole(store: Store) -> Iterator[str]:
    try:
        require_contained(store, newest=100_000)
    except (StoreAway, StoreRefused) as error:
        yield str(error)
