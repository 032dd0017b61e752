"""Conversations of which something cannot be shown: left alone for a while, so that they stop nobody else.

Must not decide what becomes of their sockets; it remembers which ones, and when to look again.
"""

import time
from dataclasses import dataclass, field

REST_S = 10.0


@dataclass(slots=True)
class LeftOut:
    """By conversation, when to look again."""

    _until: dict[int, float] = field(default_factory=dict)

    def add(self, conversation_id: int) -> bool:
        """Leave a conversation out from now on; say whether that is news."""
        is_news = conversation_id not in self._until
        self._until[conversation_id] = time.monotonic() + REST_S
        return is_news

    def rests(self, conversation_id: int) -> bool:
        return bool(self._until) and self._until.get(conversation_id, 0.0) > time.monotonic()

    def due(self) -> list[int]:
        """Return those at which to look again."""
        now = time.monotonic()
        return [conversation_id for conversation_id, until in self._until.items() if until <= now]

    def take_back(self, conversation_id: int) -> bool:
        """Forget that a conversation was left out; say whether it was."""
        return self._until.pop(conversation_id, None) is not None
