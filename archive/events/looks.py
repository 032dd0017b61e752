"""The record's own readers: each search, look and export.

Events are plain values: no Django, and nothing that could change under them.
"""

from dataclasses import dataclass
from typing import ClassVar

from archive.canonical import Json
from archive.events.base import Event


@dataclass(frozen=True, kw_only=True)
class RecordSearched(Event):
    kind: ClassVar[str] = "record.searched"
    purpose: str
    query: dict[str, Json]
    results: int


@dataclass(frozen=True, kw_only=True)
class EntryOpened(Event):
    kind: ClassVar[str] = "entry.opened"
    purpose: str
    seq: int
    conversation: str
    n: int
    author: str  # whose words were looked at: "person:3"
    shown: tuple[int, ...]  # the numbers shown with it (two before, two after)


@dataclass(frozen=True, kw_only=True)
class AttachmentOpened(Event):
    """Somebody fetched a file of somebody else's message, at the desk."""

    kind: ClassVar[str] = "attachment.opened"
    purpose: str
    seq: int  # of the entry that names the file
    conversation: str
    n: int
    author: str
    attachment: int  # its place in the entry, from 0
    sha256: str  # of the file


@dataclass(frozen=True, kw_only=True)
class ExportRequested(Event):
    kind: ClassVar[str] = "export.requested"
    export: int
    purpose: str
    scope: dict[str, Json]


@dataclass(frozen=True, kw_only=True)
class ExportApproved(Event):
    kind: ClassVar[str] = "export.approved"
    export: int


@dataclass(frozen=True, kw_only=True)
class ExportRefused(Event):
    kind: ClassVar[str] = "export.refused"
    export: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class ExportMade(Event):
    kind: ClassVar[str] = "export.made"
    export: int
    digest: str  # SHA-256 of the package
    size_bytes: int
    entries: int


@dataclass(frozen=True, kw_only=True)
class ExportFailed(Event):
    kind: ClassVar[str] = "export.failed"
    export: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class ExportDownloaded(Event):
    kind: ClassVar[str] = "export.downloaded"
    export: int
    digest: str
