"""Events that this process has just committed, kept until its hub's next round: they save the hub the reading.

The database stays the only truth: only what is exactly next is taken from here, all else is read there. Pure values; it
must not know sockets or people, and holds a bounded number of events.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from messenger.delivery.reading import Fresh

MOST = 1_000  # events of all conversations together; what has no room is read


@dataclass(slots=True)
class Supply:
    """Fresh events by conversation, in whatever order they came."""

    _events: dict[int, list[Fresh]] = field(default_factory=dict)
    _count: int = 0

    def add(self, event: Fresh) -> bool:
        """Keep an event; False where there is no room for it, and its conversation has to be read."""
        if self._count >= MOST:
            return False
        self._events.setdefault(event.conversation_id, []).append(event)
        self._count += 1
        return True

    def take(self) -> Mapping[int, Sequence[Fresh]]:
        """Return everything and begin anew."""
        taken, self._events, self._count = self._events, {}, 0
        return taken


def next_after(n: int, events: Sequence[Fresh]) -> list[Fresh] | None:
    """Return the events numbered after `n`, ascending; None where one is missing before or between them."""
    found = {event.n: event for event in events if event.n > n}
    numbers = sorted(found)
    is_whole = not numbers or numbers == list(range(n + 1, numbers[-1] + 1))
    return [found[number] for number in numbers] if is_whole else None
