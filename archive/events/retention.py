"""What is kept and what is destroyed: holds, disposals, and the keys that are gone.

These entries are kept for ever: without them nobody could tell a disposal from a loss. Events are plain values: no
Django, and nothing that could change under them. Numbers of entries are spans, [first, last] with both included.
"""

from dataclasses import dataclass
from typing import ClassVar

from archive.canonical import Json
from archive.events.base import Actor, Event

HOLDS_STREAM = "holds"
DISPOSALS_STREAM = "disposals"


@dataclass(frozen=True, kw_only=True)
class HoldPlaced(Event):
    """From here on, nothing in the scope may be disposed of. The hold's number is the entry's in its stream.

    The scope covers `entries`, and what was said at or after `since` and before `until` ("" leaves an end open) in one
    of `streams` or by one of `actors`, also what is said later.
    """

    kind: ClassVar[str] = "hold.placed"
    retention: ClassVar[str] = "always"
    matter: str
    reason: str
    streams: tuple[str, ...]
    actors: tuple[str, ...]
    entries: tuple[tuple[int, int], ...]
    since: str
    until: str


@dataclass(frozen=True, kw_only=True)
class HoldReleased(Event):
    """The hold of this number ended. Nothing is disposed of by that alone; other holds go on."""

    kind: ClassVar[str] = "hold.released"
    retention: ClassVar[str] = "always"
    hold: int
    reason: str
    asked_by: Actor
    approved_by: Actor


@dataclass(frozen=True, kw_only=True)
class Disposal(Event):
    """The content of these entries is destroyed: their record keys, search words and derived rows went in this commit.

    `keys` are wrapping keys under which nothing is left; that they are gone is a later entry, `key.destroyed`.
    """

    kind: ClassVar[str] = "disposal.made"
    retention: ClassVar[str] = "always"
    cause: str  # "expired" or "erasure"
    reason: str
    asked_by: Actor
    approved_by: Actor
    entries: tuple[tuple[int, int], ...]
    count: int
    buckets: dict[str, Json]  # class and day -> how many entries
    floor_years: int  # nothing younger was erased
    kept_back: dict[str, Json]  # number of a hold -> how many entries that were asked for it kept
    keys: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class KeyDestroyed(Event):
    """The files of these wrapping keys, which disposals named, were overwritten and removed."""

    kind: ClassVar[str] = "key.destroyed"
    retention: ClassVar[str] = "always"
    keys: tuple[str, ...]
