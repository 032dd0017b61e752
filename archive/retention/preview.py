"""What a disposal would take now, and what would be kept back, without changing anything.

Two people read it before they decide; what they then do is decided anew under the lock, so nothing here is a promise.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from archive import spans
from archive.retention.choosing import Chosen, Expired, Wish, as_spans, buckets_of, choose
from archive.spans import Span


@dataclass(frozen=True)
class Preview:
    """`entries` would go, `buckets` counts them; `held` says how many each hold keeps, `too_young` what is not due yet.

    `staying` are entries beside them whose keys are wrapped anew.
    """

    entries: list[Span]
    count: int
    buckets: dict[str, int]
    held: dict[int, int]
    too_young: int
    staying: int


def preview_expired(at: datetime) -> Preview:
    """Return what has come to the end of its term."""
    return _preview(Expired(at.date()))


def preview_erasure(entries: Iterable[Span], *, at: datetime) -> Preview:
    """Return what of these entries could be erased. Raises DisposalRefused where they are none."""
    return _preview(Chosen(as_spans(entries), at.date(), settings.ONRECORD_ERASURE_FLOOR_YEARS))


def _preview(wish: Wish) -> Preview:
    doomed: list[int] = []
    held: Counter[int] = Counter()
    buckets: Counter[str] = Counter()
    too_young = staying = 0
    for name in wish.key_names():
        choice = choose(wish, name=name)
        due = {seq: bucket for seq, bucket in buckets_of(choice.doomed).items() if wish.may_go(bucket)}
        doomed += due
        buckets.update(due.values())
        held += choice.held
        too_young += len(choice.doomed) - len(due)
        staying += len(choice.staying) if due else 0
    counts = dict(sorted(buckets.items()))
    return Preview(spans.spans_of(doomed), len(doomed), counts, dict(sorted(held.items())), too_young, staying)
