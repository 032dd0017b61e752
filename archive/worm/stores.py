"""What every store of segments offers: the one interface of a folder and of S3.

An adapter must not replace a sealed segment, and must say honestly what keeps one from being changed. It passes
tests/archive/test_segments_stores.py.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

BLOCK_BYTES = 1 << 20


class StoreAway(Exception):
    """The store could not be reached or could not answer; trying again later may help."""


class StoreRefused(Exception):
    """The store will not keep a segment as it must be kept, or holds something else. A person must look."""


@dataclass(frozen=True)
class Stored:
    """Where a segment is. `version` names this very file, `retained_until` is when its lock ends; "" for none."""

    name: str
    version: str
    retained_until: str


class Store(Protocol):
    """A place for files that are written once. All methods raise StoreAway and StoreRefused."""

    @property
    def label(self) -> str:
        """Say where it is and what keeps a sealed segment there, as the record and the portal write it."""
        ...

    def put_sealed(self, name: str, path: Path, *, digest: str) -> Stored:
        """Store a file for good, unless the very same is there; `digest` is its SHA-256 in hex."""
        ...

    def put_tail(self, name: str, path: Path, *, digest: str) -> Stored:
        """Store a file that may be removed again."""
        ...

    def remove_tail(self, name: str) -> None:
        """Remove such a file; nothing happens where it is gone already."""
        ...

    def read(self, name: str, *, version: str = "") -> Iterator[bytes]:
        """Yield a file's bytes in blocks."""
        ...

    def names(self) -> list[str]:
        """Return the names of all files, sorted."""
        ...

    def shortcoming(self, name: str, *, version: str) -> str:
        """Say what does not keep a sealed segment as it should be kept; "" where all does."""
        ...


def digest_of(blocks: Iterable[bytes]) -> str:
    """Return the SHA-256 of a file's blocks, in hex."""
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()
