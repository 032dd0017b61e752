"""Tiles of the tree (C2SP tlog-tiles): 256 hashes side by side, stored once they are full.

Below a full tile lie 256 leaves or 256 full tiles; the ragged right edge is read from those. Must not store a part.
"""

from collections.abc import Iterator

from archive import merkle
from archive.models import Leaf, Tile

HEIGHT = 8
WIDTH = 1 << HEIGHT


def store_full(*, old_size: int, new_size: int) -> None:
    """Store the tiles that the tree filled as it grew, lowest level first. Costs nothing where none became full."""
    level = 0
    while filled := list(_filled(level, old_size=old_size, new_size=new_size)):
        Tile.objects.bulk_create([_tile(level, index) for index in filled])
        level += 1


def read_hashes(level: int, index: int) -> list[bytes]:
    """Return the hashes of a tile, full or as far as it goes."""
    stored = Tile.objects.filter(level=level, index=index).values_list("hashes", flat=True).first()
    if stored is None:
        return _hashes_below(level, index)
    data = bytes(stored)
    return [data[i : i + merkle.HASH_SIZE_BYTES] for i in range(0, len(data), merkle.HASH_SIZE_BYTES)]


def _filled(level: int, *, old_size: int, new_size: int) -> Iterator[int]:
    height = HEIGHT * (level + 1)
    yield from range(old_size >> height, new_size >> height)


def _tile(level: int, index: int) -> Tile:
    hashes = _hashes_below(level, index)
    return Tile(level=level, index=index, hashes=b"".join(hashes), root=merkle.root(hashes))


def _hashes_below(level: int, index: int) -> list[bytes]:
    first, end = index * WIDTH, (index + 1) * WIDTH
    if level == 0:
        leaves = Leaf.objects.filter(seq__gte=first, seq__lt=end).order_by("seq")
        return [bytes(digest) for digest in leaves.values_list("hash", flat=True)]
    below = Tile.objects.filter(level=level - 1, index__gte=first, index__lt=end).order_by("index")
    return [bytes(root) for root in below.values_list("root", flat=True)]
