"""Names and bytes of a published record: C2SP tlog-tiles (tiles 256 wide, entry bundles) and tlog-proof.

Pure: it must not read the record or write files, and it must not know what an entry says.
"""

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

HEIGHT = 8
WIDTH = 1 << HEIGHT
PROOF_HEADER = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True)
class Part:
    """A tile or bundle of a tree of some size: full where `width` is 256, else partial."""

    level: int
    index: int
    width: int

    @property
    def is_full(self) -> bool:
        return self.width == WIDTH

    def tile_path(self) -> str:
        return f"tile/{self.level}/{self._number()}"

    def bundle_path(self) -> str:
        """Return the name of the entries under a tile of level 0."""
        return f"tile/entries/{self._number()}"

    def _number(self) -> str:
        return index_path(self.index) + ("" if self.is_full else f".p/{self.width}")


def index_path(index: int) -> str:
    """Return a number in groups of three digits, all but the last with an x before: 1234067 is x001/x234/067."""
    last, groups = f"{index % 1000:03}", list[str]()
    while index := index // 1000:
        groups.append(f"x{index % 1000:03}")
    return "/".join([*reversed(groups), last])


def parts(size: int) -> Iterator[Part]:
    """Yield the tiles of a tree of `size` leaves, lowest level first, each level's partial tile last."""
    level = 0
    while width := size >> (HEIGHT * level):
        yield from (Part(level, index, WIDTH) for index in range(width // WIDTH))
        if width % WIDTH:
            yield Part(level, width // WIDTH, width % WIDTH)
        level += 1


def bundle(leaves: Iterable[bytes]) -> bytes:
    """Return an entry bundle: each leaf after its length in two bytes, the larger first."""
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)


def proof_text(seq: int, *, path: Sequence[bytes], note: str) -> str:
    """Return a .tlog-proof file: that entry `seq` is in the tree of the signed checkpoint."""
    hashes = "".join(f"{base64.b64encode(node).decode()}\n" for node in path)
    return f"{PROOF_HEADER}\nindex {seq}\n{hashes}\n{note}"
