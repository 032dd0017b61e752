"""Who listens to what in this process: how far each socket is in a conversation, and what of it its person may read.

It reads nothing: who may hear a number is decided by the stays that the hub has read, whose ends are known up to that
number (stays.py). Must not look into what it hands over.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from messenger.delivery import metrics
from messenger.delivery.line import MEMBERSHIP_CHANGED, Line
from messenger.delivery.named import Named
from messenger.delivery.parcels import Shipment
from messenger.delivery.reading import Start, Stay
from messenger.delivery.stays import StayBook


class Interest(Protocol):
    """Who wants to know for which conversations somebody listens here."""

    def want(self, conversation_id: int) -> None: ...

    def drop(self, conversation_id: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Since:
    """Where a round begins in a conversation: after which number, and up to which every end of a stay is known."""

    start: int
    known: int


@dataclass(slots=True)
class Audience:
    """The sockets by conversation. What is kept of a conversation goes with the last of them."""

    interest: Interest | None = None
    stays: StayBook = field(default_factory=StayBook)
    named: Named = field(default_factory=Named)
    _listeners: dict[int, set[Line]] = field(default_factory=dict)
    _counted: dict[int, int] = field(default_factory=dict)  # up to which number events are in the figures

    def __contains__(self, conversation_id: int) -> bool:
        return conversation_id in self._listeners

    def __iter__(self) -> Iterator[int]:
        return iter(self._listeners)

    def listeners(self, conversation_id: int) -> Collection[Line]:
        """Return the sockets of a conversation as they are now; the answer does not change with them."""
        return tuple(self._listeners.get(conversation_id, ()))

    def begin(self, line: Line, conversation_id: int, start: Start) -> bool:
        """Serve a socket a conversation from its start on; False where it is served already."""
        if self.interest is not None and conversation_id not in self._listeners:
            self.interest.want(conversation_id)
        self.stays.begin(conversation_id, line.person_id, start)
        self._counted.setdefault(conversation_id, start.head)
        lines = self._listeners.setdefault(conversation_id, set())
        is_new = line not in lines
        if is_new:
            line.cursors[conversation_id] = start.cursor
            lines.add(line)
        return is_new

    def drop(self, line: Line, conversation_id: int) -> None:
        """Serve a socket a conversation no more."""
        lines = self._listeners.get(conversation_id)
        if lines is None or line not in lines:
            return
        lines.remove(line)
        if not lines:
            del self._listeners[conversation_id]
            self.stays.forget(conversation_id)
            self.named.forget(conversation_id)
            self._counted.pop(conversation_id, None)
            if self.interest is not None:
                self.interest.drop(conversation_id)

    def drop_line(self, line: Line) -> None:
        """Serve a socket nothing more."""
        for conversation_id in line.cursors:
            self.drop(line, conversation_id)

    def lowest_cursor(self, conversation_id: int) -> int:
        return min(line.cursors[conversation_id] for line in self._listeners[conversation_id])

    def since(self, conversation_id: int) -> Since:
        return Since(start=self.lowest_cursor(conversation_id), known=self.stays.known(conversation_id))

    def deliver(self, conversation_id: int, shipment: Shipment, *, since: Since) -> int | None:
        """Write to the sockets that this was read for, and return how many of the events nobody here had heard; None
        when somebody's stay is older than what was read, so that it has to be read again.

        A socket that came meanwhile may lack the events before the first one read: the next reading serves it whole.
        """
        if conversation_id not in self._listeners:
            return 0
        if not self.stays.advance(conversation_id, since=since.known, n=shipment.last_n):
            return None
        new = self._count_new(conversation_id, shipment)
        stays, handed = self.stays.of(conversation_id), 0
        for line in self.listeners(conversation_id):
            if line.cursors[conversation_id] >= since.start:
                handed += self._hand_over(line, conversation_id, shipment, stays.get(line.person_id))
        metrics.count(metrics.DELIVERIES, handed)
        return new

    def _count_new(self, conversation_id: int, shipment: Shipment) -> int:
        """Count an event once, however often it is read again for somebody whose cursor is older."""
        before = self._counted[conversation_id]
        self._counted[conversation_id] = max(before, shipment.last_n)
        new = shipment.count_after(before)
        metrics.count(metrics.EVENTS, new)
        return new

    def _hand_over(self, line: Line, conversation_id: int, shipment: Shipment, stay: Stay | None) -> int:
        """Return how many events the socket was handed."""
        # A closing socket stands still: the others must not be read for from its cursor.
        if stay is None or line.is_closing:
            self.drop(line, conversation_id)
            return 0
        cursor, last_n = line.cursors[conversation_id], shipment.last_n
        if last_n <= cursor:
            return 0
        readable_n, handed = last_n if stay.until_n is None else min(last_n, stay.until_n), 0
        for part in shipment.between(max(cursor, stay.from_n - 1), readable_n):
            if line.offer(part):
                handed += len(part.payloads)
        line.cursors[conversation_id] = last_n
        if stay.until_n is not None and last_n >= stay.until_n:
            self.drop(line, conversation_id)
            line.end_after_queue(MEMBERSHIP_CHANGED)
        return handed
