"""Tiles of the tree (C2SP tlog-tiles): 256 hashes side by side, stored once they are full.

Below a full tile lie 256 leaves or 256 full tiles; the ragged right edge is read from those. Must not store a part.
"""

from collections.abc import Sequence

from django.db import connection

from archive import merkle
from archive.ledger import storing
from archive.models import Tile
from archive.tables import Table

HEIGHT = 8
WIDTH = 1 << HEIGHT


def store_full(*, old_size: int, leaves: Sequence[bytes]) -> None:
    """Store the tiles that a tree of `old_size` fills as these leaf hashes are added, which are stored already.

    Lowest level first. Costs nothing where no tile became full.
    """
    level, new, first = 0, leaves, old_size  # `new` are the hashes of the level from number `first` on
    while len(new) + first % WIDTH >= WIDTH:
        hashes = [*_hashes_between(level, first - first % WIDTH, first), *new]
        first //= WIDTH
        full = [hashes[i : i + WIDTH] for i in range(0, len(hashes) - WIDTH + 1, WIDTH)]
        new = [merkle.perfect_root(tile) for tile in full]
        rows = [(level, first + i, b"".join(tile), root) for i, (tile, root) in enumerate(zip(full, new, strict=True))]
        storing.insert(Table(Tile, ("level", "index", "hashes", "root"), rows))
        level += 1


def read_hashes(level: int, index: int) -> list[bytes]:
    """Return the hashes of a tile, full or as far as it goes."""
    stored = _fetch('SELECT hashes FROM archive_tile WHERE level = %s AND "index" = %s', level, index)
    if not stored:
        return _hashes_below(level, index)
    [data] = stored
    return [data[i : i + merkle.HASH_SIZE_BYTES] for i in range(0, len(data), merkle.HASH_SIZE_BYTES)]


def _hashes_below(level: int, index: int) -> list[bytes]:
    return _hashes_between(level, index * WIDTH, (index + 1) * WIDTH)


def _hashes_between(level: int, first: int, end: int) -> list[bytes]:
    if first == end:
        return []
    if level == 0:
        return _fetch("SELECT hash FROM archive_leaf WHERE seq >= %s AND seq < %s ORDER BY seq", first, end)
    below = 'SELECT root FROM archive_tile WHERE level = %s AND "index" >= %s AND "index" < %s ORDER BY "index"'
    return _fetch(below, level - 1, first, end)


def _fetch(statement: str, *parameters: int) -> list[bytes]:
    # Past the ORM: a proof reads a handful of tiles, and building its queries cost most of the time.
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [bytes(value) for (value,) in cursor.fetchall()]
