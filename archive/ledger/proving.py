"""Proofs from the stored tiles: that an entry is in the tree a checkpoint signs, and that the tree only grew.

It must not trust what it reads for verification: a proof made from wrong hashes simply fails at the verifier.
"""

from functools import lru_cache

from archive import merkle
from archive.ledger import tiles
from archive.ledger.errors import EntryNotFound
from archive.models import Head

CACHED_TILES = 256


class Prover:
    """Proofs against one tree size. Keep one for many proofs: it remembers the tiles it read."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._tile = lru_cache(maxsize=CACHED_TILES)(_read_tile)

    def path(self, seq: int) -> list[bytes]:
        """Return the audit path of an entry, lowest node first. Raises EntryNotFound outside the tree."""
        if not 0 <= seq < self.size:
            raise EntryNotFound(f"Entry {seq} is not under a checkpoint of size {self.size}.")
        return merkle.inclusion_path(seq, size=self.size, node=self._node)

    def consistency(self, old_size: int) -> list[bytes]:
        """Return the proof that this tree extends the one of `old_size`. Raises EntryNotFound where it cannot."""
        if not 0 < old_size <= self.size:
            raise EntryNotFound(f"A record of {self.size} entries does not extend one of {old_size}.")
        return merkle.consistency_path(old_size, new_size=self.size, node=self._node)

    def root(self) -> bytes:
        return merkle.range_root(0, self.size, node=self._node) if self.size else merkle.EMPTY_ROOT

    def _node(self, level: int, index: int) -> bytes:
        tile_level, within = divmod(level, tiles.HEIGHT)
        tile_index, place = divmod(index << within, tiles.WIDTH)
        return self._tile(tile_level, tile_index).node(within, place >> within)


def prove(seq: int, *, size: int | None = None) -> list[bytes]:
    """Return the audit path of an entry in the tree of `size`, by default the whole. Raises EntryNotFound."""
    head = Head.objects.first()
    whole = head.size if head else 0
    if size is not None and size > whole:
        raise EntryNotFound(f"The record has {whole} entries, not {size}.")
    return Prover(whole if size is None else size).path(seq)


def _read_tile(level: int, index: int) -> merkle.Tree:
    return merkle.Tree(tiles.read_hashes(level, index))
