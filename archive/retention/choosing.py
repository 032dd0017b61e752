"""What a disposal may take: of what was asked for, that which no term, floor or hold keeps back.

It must not change anything. Whether an entry's time has come is read from its leaf, which is under the signature; a row
that says otherwise stops the disposal.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from archive import purging, spans
from archive.canonical import NotCanonical
from archive.holds import HOLD_KEYS, held_among
from archive.leaf import Leaf as LeafMembers
from archive.models import Entry, Leaf, RecordKey
from archive.spans import Span
from archive.terms import has_come


class DisposalRefused(ValueError):
    """Nothing was disposed of; the message says why, in words for the person who asked."""


class Wish(Protocol):
    """What somebody wants disposed of."""

    def key_names(self) -> list[str]:
        """Return the wrapping keys that it touches now."""
        ...

    def among(self, seqs: Sequence[int]) -> set[int]:
        """Return those of the entries that it wants."""
        ...

    def may_go(self, bucket: str) -> bool:
        """Say whether the time of a bucket's entries has come."""
        ...


@dataclass(frozen=True)
class Expired:
    """Everything whose term has ended on this day."""

    today: date

    def key_names(self) -> list[str]:
        names = RecordKey.objects.order_by("bucket").values_list("bucket", flat=True).distinct()
        return [name for name in names if name.startswith(HOLD_KEYS) or self.may_go(name.partition(".")[0])]

    def among(self, seqs: Sequence[int]) -> set[int]:
        return {seq for seq, bucket in buckets_of(seqs).items() if self.may_go(bucket)}

    def may_go(self, bucket: str) -> bool:
        return has_come(bucket, today=self.today)


@dataclass(frozen=True)
class Chosen:
    """These entries, once they are past the floor."""

    entries: tuple[Span, ...]
    today: date
    floor_years: int

    def key_names(self) -> list[str]:
        names: set[str] = set()
        for first, last in self.entries:
            rows = RecordKey.objects.filter(seq__range=(first, last)).order_by()
            names.update(rows.values_list("bucket", flat=True).distinct())
        return sorted(names)

    def among(self, seqs: Sequence[int]) -> set[int]:
        return {seq for seq in seqs if spans.holds(self.entries, seq)}

    def may_go(self, bucket: str) -> bool:
        return has_come(bucket, today=self.today, floor_years=self.floor_years)


@dataclass
class Choice:
    """What of the entries under one wrapping key goes, and what stays; `held` counts by hold what a hold keeps."""

    doomed: list[int] = field(default_factory=list)
    staying: list[int] = field(default_factory=list)
    held: Counter[int] = field(default_factory=Counter)


def choose(wish: Wish, *, name: str) -> Choice:
    """Divide the entries under a wrapping key. Whoever acts on it looks again under the head's lock."""
    seqs = list(RecordKey.objects.filter(bucket=name).order_by("seq").values_list("seq", flat=True))
    wanted = wish.among(seqs)
    held = held_among(wanted) if wanted else {}
    doomed = [seq for seq in seqs if seq in wanted and seq not in held]
    going = set(doomed)
    counts = Counter(number for numbers in held.values() for number in numbers)
    return Choice(doomed, [seq for seq in seqs if seq not in going], counts)


def still_under(seqs: Sequence[int], *, name: str) -> list[int]:
    """Return those of the entries whose record keys are under this wrapping key, in their order."""
    found: set[int] = set()
    for some in purging.portions_of(seqs):
        found.update(RecordKey.objects.filter(seq__in=some, bucket=name).values_list("seq", flat=True))
    return [seq for seq in seqs if seq in found]


def buckets_of(seqs: Sequence[int]) -> dict[int, str]:
    """Return the bucket of each entry as its row has it."""
    return {
        seq: bucket
        for some in purging.portions_of(seqs)
        for seq, bucket in Entry.objects.filter(seq__in=some).values_list("seq", "bucket")
    }


# rule: us-finra-4511-retention
def require_due(wish: Wish, seqs: Sequence[int]) -> Counter[str]:
    """Return how many entries each bucket has among these, by their leaves. Raises DisposalRefused for one not due."""
    found: Counter[str] = Counter()
    for some in purging.portions_of(seqs):
        leaves = dict(Leaf.objects.filter(seq__in=some).values_list("seq", "data"))
        for seq in some:
            bucket = _bucket_in_leaf(seq, leaves.get(seq))
            if not wish.may_go(bucket):
                raise DisposalRefused(f"Entry {seq} of bucket {bucket} is not due yet. Run `record check`.")
            found[bucket] += 1
    return found


def _bucket_in_leaf(seq: int, data: object) -> str:
    try:
        leaf = LeafMembers.parse(bytes(data)) if isinstance(data, bytes | memoryview) else None
    except NotCanonical:
        leaf = None
    if leaf is None or leaf.seq != seq:
        raise DisposalRefused(f"Entry {seq} is damaged: nothing is disposed of before `record check` is sound.")
    return leaf.bucket


def as_spans(entries: Iterable[Span]) -> tuple[Span, ...]:
    """Return the entries asked for. Raises DisposalRefused where they are none."""
    wanted = list(entries)
    if not wanted or any(not 0 <= first <= last for first, last in wanted):
        raise DisposalRefused("Say which entries: numbers from 0 on, as spans of first and last.")
    return tuple(spans.merged(wanted))
