"""How far each conversation is said to have come, so that what was named once is not looked for again.

Two things are told apart: a hint may be wrong and is believed only until the next reading; what this process has
committed is true, and is either delivered or on its way. Pure values; it must not know sockets or people.
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Named:
    """The highest number by conversation."""

    _hinted: dict[int, int] = field(default_factory=dict)  # read, or named by a hint since
    _committed: dict[int, int] = field(default_factory=dict)

    def knows(self, conversation_id: int, n: int) -> bool:
        return n <= max(self._hinted.get(conversation_id, 0), self._committed.get(conversation_id, 0))

    def hint(self, conversation_id: int, n: int | None) -> bool:
        """Note what a hint names, and say whether that is news. Without a number it may be anything."""
        if n is None:
            return True
        is_news = not self.knows(conversation_id, n)
        if is_news:
            self._hinted[conversation_id] = n
        return is_news

    def commit(self, conversation_id: int, n: int) -> None:
        """Note what this process has committed; it is delivered or read, whatever is read meanwhile."""
        self._committed[conversation_id] = max(n, self._committed.get(conversation_id, 0))

    def settle(self, conversation_id: int, n: int) -> None:
        """Go by what the database said: a hint that is far too high would silence all others. One that came since the
        reading has marked its conversation.
        """
        self._hinted[conversation_id] = n

    def forget(self, conversation_id: int) -> None:
        self._hinted.pop(conversation_id, None)
        self._committed.pop(conversation_id, None)
