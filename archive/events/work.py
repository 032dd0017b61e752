"""What people decide about work that could not be done by itself.

Events are plain values: no Django, and nothing that could change under them.
"""

from dataclasses import dataclass
from typing import ClassVar

from archive.events.base import Event


@dataclass(frozen=True, kw_only=True)
class WorkRetried(Event):
    """Somebody put parked work in line again."""

    kind: ClassVar[str] = "work.retried"
    outbox: str  # the kind of work: "exports", "texts", …
    item: str  # which one of them, as its outbox numbers it
    parked_at: str
    tries: int
    failure: str  # how the last try ended
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class WorkSetAside(Event):
    """Somebody decided that parked work is not done any more."""

    kind: ClassVar[str] = "work.set_aside"
    outbox: str
    item: str
    parked_at: str
    tries: int
    failure: str
    reason: str
