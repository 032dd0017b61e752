"""Reading a segment back: its entries, once the verifier that anybody can run has accepted the whole of it.

It must not give out anything of a bag that was not verified with the record's own key.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from archive import ledger, verify
from archive.leaf import Leaf
from archive.segments.bag import Run, ciphertexts_path, parts_of
from archive.segments.names import SegmentName
from archive.segments.packing import NotPacked, unpack
from archive.worm.stores import Store, StoreRefused


@dataclass(frozen=True)
class SealedEntry:
    """An entry as a segment holds it: the exact leaf, what it says, and the ciphertext that it names."""

    data: bytes
    leaf: Leaf
    ciphertext: bytes


@dataclass(frozen=True)
class VerifiedBag:
    """A bag that the verifier accepted."""

    folder: Path
    run: Run
    note: str
    tiles: verify.Tiles

    def root_of(self, size: int) -> bytes:
        """Return the root of the tree of a size from `run.first` to `run.size`; b"" where the bag cannot say."""
        try:
            return verify.tree_root(self.tiles, size)
        except verify.Damage:
            return b""

    def entries(self, *, start: int) -> Iterator[SealedEntry]:
        """Yield the entries from number `start` on, in order."""
        for part in parts_of(self.run):
            if part.level == 0 and (part.index + 1) * verify.TILE_WIDTH > start:
                leaves = self._items(part.bundle_path(), width=part.width, length_bytes=2)
                sealed = self._items(ciphertexts_path(part), width=part.width, length_bytes=4)
                skipped = max(0, start - part.index * verify.TILE_WIDTH)
                for data, ciphertext in zip(leaves[skipped:], sealed[skipped:], strict=True):
                    yield SealedEntry(data, Leaf.parse(data), ciphertext)

    def _items(self, name: str, *, width: int, length_bytes: int) -> list[bytes]:
        return verify.split((self.folder / "data" / name).read_bytes(), width=width, length_bytes=length_bytes)


@contextmanager
def opened_segment(store: Store, name: SegmentName) -> Iterator[VerifiedBag]:
    """Fetch a segment and give it to the block once it is verified. Raises StoreRefused, StoreAway, OSError."""
    with tempfile.TemporaryDirectory(prefix="refill-") as folder:
        file = Path(folder, str(name))
        with file.open("wb") as target:
            for block in store.read(str(name)):
                target.write(block)
        try:
            bag = unpack(file, Path(folder))
        except NotPacked as error:
            raise StoreRefused(str(error)) from error
        file.unlink()
        yield _verified(bag, name)


def _verified(bag: Path, name: SegmentName) -> VerifiedBag:
    _, findings = verify.check_segment(bag, key=verify.read_verifier_key(ledger.verifier_key()))
    if findings.count:
        raise StoreRefused(f"It does not verify: {findings.lines[0]}")
    segment = verify.read_segment(bag)
    run = Run(segment.first, segment.size)
    if SegmentName.of(first=run.first, size=run.size, root=segment.root, kind=name.kind) != name:
        raise StoreRefused(f"It holds entries {run.first} to {run.size - 1}, and was given another name.")
    note = (bag / verify.CHECKPOINT).read_text(encoding="utf-8")
    return VerifiedBag(bag, run, note, verify.read_tiles(bag, segment))
