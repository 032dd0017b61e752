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
