"""Evidence about the record that comes from outside it.

Events are plain values: no Django, and nothing that could change under them.
"""

from dataclasses import dataclass
from typing import ClassVar

from archive.events.base import Event


@dataclass(frozen=True, kw_only=True)
class CheckpointWitnessed(Event):
    """A witness saw the record grow into this checkpoint."""

    kind: ClassVar[str] = "checkpoint.witnessed"
    size: int
    root: str  # hex
    witness: str
    cosignature: str  # the note line, as C2SP tlog-cosignature writes it


@dataclass(frozen=True, kw_only=True)
class CheckpointStamped(Event):
    """A time stamp authority (RFC 3161) says that it saw this checkpoint at a time of its own clock."""

    kind: ClassVar[str] = "checkpoint.stamped"
    size: int
    root: str  # hex
    checkpoint: str  # the signed note, whose exact bytes are stamped
    authority: str  # subject of the certificate that signed
    stamped_at: str  # the authority's time, as leaves write times
    reply: str  # base64 of the TimeStampResp


@dataclass(frozen=True, kw_only=True)
class CheckpointMailed(Event):
    """A checkpoint went to these addresses, as far as our mail server took it."""

    kind: ClassVar[str] = "checkpoint.mailed"
    size: int
    root: str  # hex
    addresses: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SegmentSealed(Event):
    """The entries `first` to `size` - 1 lie in a segment store, read back from there and found the same."""

    kind: ClassVar[str] = "segment.sealed"
    first: int
    size: int
    root: str  # hex, of the whole tree up to `size`
    digest: str  # SHA-256 of the segment's file
    store: str
    name: str
    version: str  # that the store gave; "" where it has none
    retained_until: str  # "" where nothing but the file system keeps it
