"""The tail: what came after the last sealed segment, as a bag of the same form that the next one replaces.

With it, a database that was put back can be refilled up to minutes ago and not to yesterday. It is not sealed: no lock
keeps it, and no entry names it. It must not remove a tail that the record does not contain: that one is evidence.
"""

import tempfile
from pathlib import Path

from archive import ledger
from archive.models import Segment
from archive.segments import record_keys
from archive.segments.bag import Run, write_bag
from archive.segments.names import TAIL, SegmentName
from archive.segments.packing import pack
from archive.segments.standing import is_contained, stored_names
from archive.worm.stores import Store

# More is left to the next sealed segments: a store that takes none for days must not cost us a rebuild of all that.
LONGEST = 1 << 18


def write_tail(store: Store) -> bool:
    """Store what no sealed segment holds, and remove the tails that this makes superfluous; return whether it did.

    Raises StoreAway, StoreRefused, SegmentFailed, KeyMissing, OSError.
    """
    latest = ledger.latest_checkpoint()
    sealed = Segment.objects.exclude(sealed_at=None).order_by("-size").first()
    run = Run(sealed.size if sealed else 0, latest.size)
    name = SegmentName.of(first=run.first, size=run.size, root=latest.root, kind=TAIL)
    there = stored_names(store)
    is_new = 0 < run.size - run.first <= LONGEST and name not in there
    if is_new:
        record_keys.keep(run)
        _put(store, name, run=run)
    for other in there:
        if other.kind == TAIL and other != name and other.size <= run.size and is_contained(other):
            store.remove_tail(str(other))
    return is_new


def _put(store: Store, name: SegmentName, *, run: Run) -> None:
    with tempfile.TemporaryDirectory(prefix="tail-") as draft:
        bag, file = Path(draft, name.folder), Path(draft, str(name))
        write_bag(bag, run=run)
        store.put_tail(str(name), file, digest=pack(bag, file))
