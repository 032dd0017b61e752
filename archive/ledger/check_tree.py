"""The tree's part of the check: roots against every signed checkpoint, and the stored tiles.

It must build the tree from the leaf bytes alone; stored hashes, tiles and roots are only ever compared with it.
"""

from collections.abc import Sequence

from archive import checkpoint, merkle
from archive.leaf import parse_time
from archive.ledger import tiles
from archive.ledger.findings import Findings
from archive.ledger.resuming import Place
from archive.ledger.rows import UNREADABLE, Row, as_bytes
from archive.models import Tile

LINES_OF_A_NOTE = 5  # origin, size, root, an empty one, our signature


class TreeCheck:
    """Grows the tree leaf by leaf. Once a leaf is missing, what depends on the shape of the tree is not judged."""

    def __init__(self, findings: Findings, *, verifier_key: str | None) -> None:
        self.frontier = merkle.Frontier()
        self.is_whole = True
        self.last_signed_size = 0
        self.tile_count = 0
        self._findings = findings
        self._verifier_key = verifier_key
        self._roots_agree = True
        self._tiles: list[list[bytes]] = []

    def place(
        self, *, origin: str, size: int, streams: dict[str, tuple[int, str]], gone: list[tuple[int, int]]
    ) -> Place:
        """Return what is known of a tree in which nothing was found, and of its streams."""
        return Place(
            origin=origin,
            size=size,
            last_signed_size=self.last_signed_size,
            tile_count=self.tile_count,
            frontier=self.frontier.to_bytes().hex(),
            tiles=[[item.hex() for item in hashes] for hashes in self._tiles],
            streams=streams,
            gone=gone,
        )

    def resume(self, place: Place) -> None:
        self.frontier = merkle.Frontier.from_bytes(bytes.fromhex(place.frontier), size=place.size)
        self.last_signed_size, self.tile_count = place.last_signed_size, place.tile_count
        self._tiles = [[bytes.fromhex(item) for item in hashes] for hashes in place.tiles]

    def grow(self, digests: Sequence[bytes]) -> None:
        """Add the hashes of the next leaves, and compare each tile that they fill."""
        while digests and self.is_whole:
            room = tiles.WIDTH - self.frontier.size % tiles.WIDTH
            self._fill(digests[:room])
            digests = digests[room:]

    def _fill(self, digests: Sequence[bytes]) -> None:
        """Add leaves of one tile. The tree over a whole one is hashed once, for the tile and for the frontier."""
        if len(digests) == tiles.WIDTH:
            root = merkle.perfect_root(digests)
            self.frontier.append_perfect(root, width=tiles.WIDTH)
            self._complete(0, hashes=list(digests), root=root)
            return
        self.frontier.extend(digests)
        self._level(0).extend(digests)
        if len(self._tiles[0]) == tiles.WIDTH:
            hashes, self._tiles[0] = self._tiles[0], []
            self._complete(0, hashes=hashes, root=merkle.perfect_root(hashes))

    def _complete(self, level: int, *, hashes: list[bytes], root: bytes) -> None:
        """Compare a full tile, and put its root into the tile above, which may be full with it."""
        self.tile_count += 1
        self._examine_tile(level, hashes=hashes, root=root)
        above = self._level(level + 1)
        above.append(root)
        if len(above) == tiles.WIDTH:
            self._tiles[level + 1] = []
            self._complete(level + 1, hashes=above, root=merkle.perfect_root(above))

    def _level(self, level: int) -> list[bytes]:
        while level >= len(self._tiles):
            self._tiles.append([])
        return self._tiles[level]

    def examine_checkpoint(self, row: Row, *, size: int, last_at: str | None) -> None:
        """Compare a stored checkpoint with the tree as it is now; `last_at` is the time in the leaf it ends with.

        None where that leaf is missing or unreadable, which is reported elsewhere.
        """
        seq = size - 1 if size > 0 else None
        statement = self._signed(row, seq=seq, size=size)
        if statement is None:
            return
        self.last_signed_size = max(self.last_signed_size, size)
        if last_at is not None and row["at"] != parse_time(last_at):
            self._findings.add(seq, f"The time beside the checkpoint of {size} entries is not that of its last entry.")
        self._compare_root(statement, seq=seq)

    def _signed(self, row: Row, *, seq: int | None, size: int) -> checkpoint.Statement | None:
        note = str(row["note"])
        try:
            statement = self._read(note)
        except checkpoint.BadCheckpoint as error:
            self._findings.add(seq, f"The checkpoint of {size} entries is not good: {error}.")
            return None
        if note.count("\n") != LINES_OF_A_NOTE:  # a good signature does not cover lines of others beside it
            self._findings.add(seq, f"The checkpoint of {size} entries has lines that were not written with it.")
        if statement.size != size or statement.root != as_bytes(row["root"]):
            self._findings.add(seq, f"The row of the checkpoint of {size} entries differs from its signed note.")
        return statement if statement.size == size else None

    def _read(self, note: str) -> checkpoint.Statement:
        if self._verifier_key is None:
            return checkpoint.parse(note)
        return checkpoint.verify(note, verifier_key=self._verifier_key)

    def _compare_root(self, statement: checkpoint.Statement, *, seq: int | None) -> None:
        # The first wrong root says it all: every later one contains it.
        if not self.is_whole or not self._roots_agree or statement.size != self.frontier.size:
            return
        if statement.root == self.frontier.root():
            return
        self._roots_agree = False
        self._findings.add(seq, f"The entries do not have the root that the checkpoint of {statement.size} signs.")

    def _examine_tile(self, level: int, *, hashes: list[bytes], root: bytes) -> None:
        height = tiles.HEIGHT * level
        index = (self.frontier.size >> height) // tiles.WIDTH - 1
        row = _read_tile(level, index)
        stored = as_bytes(row["hashes"]) if row else None
        if stored == b"".join(hashes) and row and as_bytes(row["root"]) == root:
            return
        place = index * tiles.WIDTH + _first_difference(stored or b"", hashes)
        self._findings.add(place << height, f"Tile {index} of level {level} does not agree with the entries under it.")


def _first_difference(stored: bytes, hashes: list[bytes]) -> int:
    for place, item in enumerate(hashes):
        if stored[place * merkle.HASH_SIZE_BYTES : (place + 1) * merkle.HASH_SIZE_BYTES] != item:
            return place
    return 0


def _read_tile(level: int, index: int) -> Row | None:
    try:
        return Tile.objects.filter(level=level, index=index).values("hashes", "root").first()
    except UNREADABLE:
        return None
