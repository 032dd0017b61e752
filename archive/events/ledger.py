"""The record about itself: stream heads, checks, configuration.

Events are plain values: no Django, and nothing that could change under them.
"""

from dataclasses import dataclass
from typing import ClassVar

from archive.events.base import Event


@dataclass(frozen=True, kw_only=True)
class StreamHeads(Event):
    """Commits to the last item of every stream, so that an export can prove that nothing was left out."""

    kind: ClassVar[str] = "stream.heads"
    count: int
    root: str  # hex, RFC 6962 tree hash over the sorted heads


@dataclass(frozen=True, kw_only=True)
class RecordChecked(Event):
    """The record was checked from the first entry to the last. The actor is who asked, or the nightly schedule."""

    kind: ClassVar[str] = "record.checked"
    size: int
    is_sound: bool
    problems: tuple[str, ...] = ()  # the first ones
    problem_count: int = 0
    root: str = ""  # hex, over these entries; "" where the record is not sound
    duration_ms: int = 0
    checked: str = "full"  # what was looked at


@dataclass(frozen=True, kw_only=True)
class AlarmAcknowledged(Event):
    """A person has seen an alarm about the record and says what is done about it."""

    kind: ClassVar[str] = "alarm.acknowledged"
    alarm: str  # "check", "late", "guard", "fences", "evidence", "disposal" or "parked"
    raised_at: str
    problems: tuple[str, ...]
    reason: str


@dataclass(frozen=True, kw_only=True)
class KeyRotated(Event):
    """All keys are wrapped by another key-encryption key from here on. Keys are named, never shown."""

    kind: ClassVar[str] = "key.rotated"
    before: str  # "adapter:name" of the key-encryption key
    after: str
    protection_before: str
    protection_after: str


@dataclass(frozen=True, kw_only=True)
class LogBreak(Event):
    """The database was put back and a person decided to go on: what was committed after this point is lost."""

    kind: ClassVar[str] = "log.break"
    reason: str
    lost_size: int  # the size of the largest checkpoint that is known of what is lost
    lost_root: str  # hex
    lost_checkpoint: str  # the signed note


@dataclass(frozen=True, kw_only=True)
class RecordRefilled(Event):
    """The database was put back to `before` entries, and those up to `size` were taken from the segment store again."""

    kind: ClassVar[str] = "record.refilled"
    before: int
    size: int
    segments: tuple[str, ...]  # names of the files, which say run and root
    without_key: int  # entries whose content could not be opened


@dataclass(frozen=True, kw_only=True)
class ConfigurationChanged(Event):
    kind: ClassVar[str] = "configuration.changed"
    what: str
    before: str
    after: str
