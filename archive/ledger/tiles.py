"""Tiles of the tree (C2SP tlog-tiles): 256 hashes side by side, stored once they are full.

Below a full tile lie 256 leaves or 256 full tiles; the ragged right edge is read from those. Must not store a part.
"""

from collections.abc import Iterator

from django.db import connection

from archive import merkle
from archive.models import Tile

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
    stored = _fetch('SELECT hashes FROM archive_tile WHERE level = %s AND "index" = %s', level, index)
    if not stored:
        return _hashes_below(level, index)
    [data] = stored
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
        return _fetch("SELECT hash FROM archive_leaf WHERE seq >= %s AND seq < %s ORDER BY seq", first, end)
    below = 'SELECT root FROM archive_tile WHERE level = %s AND "index" >= %s AND "index" < %s ORDER BY "index"'
    return _fetch(below, level - 1, first, end)


def _fetch(statement: str, *parameters: int) -> list[bytes]:
    # Past the ORM: a proof reads a handful of tiles, and building its queries cost most of the time.
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [bytes(value) for (value,) in cursor.fetchall()]
