"""Rules, reports by members, and what moderators decided.

Events are plain values: no Django, and nothing that could change under them.
"""

from dataclasses import dataclass
from typing import ClassVar

from archive.events.base import Event


@dataclass(frozen=True, kw_only=True)
class MessageReported(Event):
    """Recorded in the reporter's own stream: the members of the conversation do not learn of it."""

    kind: ClassVar[str] = "message.reported"
    conversation: str
    n: int
    reason: str
    comment: str


@dataclass(frozen=True, kw_only=True)
class ReportDecided(Event):
    kind: ClassVar[str] = "report.decided"
    report: int
    conversation: str
    n: int
    decision: str  # removed, kept
    reason: str


@dataclass(frozen=True, kw_only=True)
class RuleChanged(Event):
    kind: ClassVar[str] = "rule.changed"
    rule: str
    version: int
    pattern: str
    effect: str
    is_active: bool
