"""Holding the names in a segment store against the record: a record that was cut or rewritten has other roots.

The names of sealed segments cannot be changed by who changes the database, so this needs no key and no reading. It
must not excuse a difference but the one that an entry `log.break` declares.
"""

from archive import ledger
from archive.models import Entry
from archive.segments.names import SegmentName
from archive.worm.stores import Store, StoreRefused

NEWEST = 8


def stored_names(store: Store) -> list[SegmentName]:
    """Return the names of segments and tails in a store, the smallest size first. Raises StoreAway, StoreRefused."""
    return sorted(name for text in store.names() if (name := SegmentName.parse(text)) is not None)


def require_contained(store: Store, *, newest: int = NEWEST) -> None:
    """Raise StoreRefused unless the record contains what the newest names in the store end with."""
    for name in reversed(stored_names(store)[-newest:]):
        if problem := _contradiction(name):
            raise StoreRefused(problem)


def is_contained(name: SegmentName) -> bool:
    """Say whether the record begins with the entries up to the end of this run."""
    return name.size <= _size() and ledger.Prover(name.size).root().hex().startswith(name.root)


def _contradiction(name: SegmentName) -> str:
    if is_contained(name) or any(seq < name.size <= lost for seq, lost in _accepted_losses()):
        return ""
    size = _size()
    if name.size > size:
        return f"The segment store holds {name.size} entries, we have {size}: the record was put back."
    return f"The segment store holds other entries up to {name.size} than we have: the record was rewritten."


def _size() -> int:
    return 0 if ledger.is_empty() else ledger.latest_checkpoint().size


def _accepted_losses() -> list[tuple[int, int]]:
    """Return for each break the number of its entry and the size that was declared lost."""
    seqs = Entry.objects.filter(kind="log.break").order_by("seq").values_list("seq", flat=True)
    return [(seq, int(str(ledger.open_entry(seq).content["lost_size"]))) for seq in seqs]
