"""What files of segments are called: what run they hold, and the beginning of the root that they end with.

Pure. A name can be held against the record without reading the file.
"""

import re
from dataclasses import dataclass
from typing import Self

SEALED, TAIL = "segment", "tail"
_NAME = re.compile(r"(segment|tail)-(\d{19})-(\d{19})-([0-9a-f]{16})\.tar", re.ASCII)


@dataclass(frozen=True, order=True)
class SegmentName:
    """The entries `first` to `size` - 1. `root` is the first 16 hex digits of the root of the tree up to `size`."""

    size: int
    first: int
    root: str
    kind: str = SEALED

    @classmethod
    def of(cls, *, first: int, size: int, root: bytes, kind: str = SEALED) -> Self:
        return cls(size=size, first=first, root=root.hex()[:16], kind=kind)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return what a file's name says, None for the name of something else."""
        match = _NAME.fullmatch(text)
        if match is None or int(match[2]) >= int(match[3]):
            return None
        return cls(size=int(match[3]), first=int(match[2]), root=match[4], kind=match[1])

    def __str__(self) -> str:
        return f"{self.kind}-{self.first:019}-{self.size:019}-{self.root}.tar"

    @property
    def folder(self) -> str:
        """Return the name of the bag inside the file."""
        return str(self).removesuffix(".tar")
