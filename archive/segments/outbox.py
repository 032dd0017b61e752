"""Sealing of segments: which runs are due, how one is sealed, and its entry once the store has it.

The row of a run is one of an outbox: leased, tried again until the store has the file and gives the same bytes back,
and parked when it never does. Calls to the store are outside any transaction. Nothing is written from a database that
was put back. A run that is not sealed would be a hole among the segments, so nobody can set one aside.
"""

import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from archive import events, ledger
from archive.evidence import sources
from archive.evidence.standing import SEGMENT
from archive.models import Checkpoint, EvidenceSource, Segment
from archive.outbox import Backoff, Outbox
from archive.outbox import register as register_outbox
from archive.segments import record_keys
from archive.segments.bag import Run, SegmentFailed, write_bag
from archive.segments.names import SEALED, SegmentName
from archive.segments.packing import pack
from archive.segments.standing import require_contained
from archive.segments.tail import write_tail
from archive.worm.configuration import configured_store
from archive.worm.stores import Store, StoreAway, Stored, StoreRefused, digest_of

WIDTH = 65_536
FAILURES = (StoreAway, StoreRefused, SegmentFailed, ledger.KeyMissing, ledger.ForeignRecord, OSError)


def _failure_of(error: Exception) -> str:
    return str(error) if isinstance(error, FAILURES) else type(error).__name__


SEGMENTS = Outbox[Segment](
    name="segments",
    title="Segments of the record",
    task="archive.seal_segments",
    rows=lambda: Segment.objects.filter(sealed_at=None),
    describe=lambda row: f"Entries {row.first} to {row.size - 1}",
    lease=timedelta(minutes=30),
    most_tries=48,  # about a day and a half
    backoff=Backoff(first=timedelta(minutes=2), longest=timedelta(hours=1)),
    failure_of=_failure_of,
    may_set_aside=lambda _row: False,
)


def register() -> None:
    register_outbox(SEGMENTS)


# rule: us-sec-17a-4-redundancy
def seal_segments(*, at: datetime, is_due_now: bool = False) -> int:
    """Seal every run that is due, then bring the tail up to date; return how many were sealed. Safe to call again.

    With `is_due_now`, whatever is new is due.
    """
    store = configured_store()
    if store is None or ledger.is_empty() or ledger.guard_problem():
        return 0
    try:
        require_contained(store)
        plan(at=at, every_s=0.0 if is_due_now else settings.ONRECORD_SEGMENT_S)
        sealed = SEGMENTS.work_off(lambda row: _seal(row, store=store, at=at), at=at)
        write_tail(store)
    except FAILURES as error:
        sources.note_problem(SEGMENT, kind=SEGMENT, at=at, problem=str(error))
        return 0
    waiting = Segment.objects.filter(sealed_at=None).exclude(failure="").order_by("first").first()
    if waiting is None:
        sources.note_success(SEGMENT, kind=SEGMENT, at=at)
    else:
        sources.note_problem(SEGMENT, kind=SEGMENT, at=at, problem=waiting.failure)
    return sealed


def problem() -> str:
    """Return what is wrong with sealing or with what was sealed, as the page Record shows it; "" for nothing."""
    rows = EvidenceSource.objects.filter(kind=SEGMENT).exclude(problem="").order_by("name")
    return " ".join(row.problem for row in rows)


def plan(*, at: datetime, every_s: float) -> None:
    """Make a row for each run that is due: a full one, or what is new since the last one ended long enough ago."""
    latest = ledger.latest_checkpoint().size
    while (end := _next_end(latest=latest, at=at, every_s=every_s)) is not None:
        first, size = end
        root = Checkpoint.objects.values_list("root", flat=True).get(size=size)
        row = Segment(first=first, size=size, root=root, due_at=at)
        Segment.objects.bulk_create([row], ignore_conflicts=True)  # another process may plan the same


def _next_end(*, latest: int, at: datetime, every_s: float) -> tuple[int, int] | None:
    last = Segment.objects.order_by("-size").first()
    first = last.size if last else 0
    if latest - first >= WIDTH:
        sizes = Checkpoint.objects.filter(size__gt=first).order_by("size").values_list("size", flat=True)
        full = sizes.filter(size__lte=first + WIDTH).last()
        return first, full if full is not None else sizes[0]
    is_old = not first or at - Checkpoint.objects.get(size=first).at >= timedelta(seconds=every_s)
    return (first, latest) if is_old and sources.has_news(since_size=first, size=latest) else None


def _seal(row: Segment, *, store: Store, at: datetime) -> None:
    stored, digest = _store(row, store=store)
    _record(row, store=store, stored=stored, digest=digest, at=at)


def _store(row: Segment, *, store: Store) -> tuple[Stored, str]:
    """Write the segment, store it and read it back; return where it is, and its digest.

    Each step may take a lease of its own: the store may be far away.
    """
    run = Run(row.first, row.size)
    name = SegmentName.of(first=row.first, size=row.size, root=bytes(row.root), kind=SEALED)
    record_keys.keep(run)
    with tempfile.TemporaryDirectory(prefix="segment-") as draft:
        bag, file = Path(draft, name.folder), Path(draft, str(name))
        write_bag(bag, run=run)
        digest = pack(bag, file)
        SEGMENTS.renew(row, at=timezone.now())
        stored = store.put_sealed(str(name), file, digest=digest)
    SEGMENTS.renew(row, at=timezone.now())
    if digest_of(store.read(stored.name, version=stored.version)) != digest:
        raise StoreRefused(f"{store.label} gives back other bytes than it was given for {name}.")
    return stored, digest


def _record(row: Segment, *, store: Store, stored: Stored, digest: str, at: datetime) -> None:
    with ledger.transaction():
        SEGMENTS.finish(
            row,
            sealed_at=at,
            checked_at=at,
            problem="",
            store=store.label,
            name=stored.name,
            digest=digest,
            version=stored.version,
        )
        ledger.record(
            events.SegmentSealed(
                stream="system",
                actor=events.SYSTEM,
                at=at,
                first=row.first,
                size=row.size,
                root=bytes(row.root).hex(),
                digest=digest,
                store=store.label,
                name=stored.name,
                version=stored.version,
                retained_until=stored.retained_until,
            )
        )
