"""Whose turn it is: a bounded queue with lanes, so that busy lanes can neither starve a quiet one nor shut it out.

They are served in rotation, and one lane may hold as many items as there are places left: alone half of all. The last
quarter of the places is for lanes in which nothing waits: one of them is refused only while so many lanes wait.

Within a lane the order stays. It must not lock anything or know what it holds: its owner does.
"""

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class QueueFull(Exception):
    """As much waits as may wait, in this lane or in all."""


class FairQueue(Generic[Item]):
    """Items in lanes. Taking one sends its lane to the back of the row of lanes."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._lanes: dict[Hashable, deque[Item]] = {}

    def __len__(self) -> int:
        return self._size

    def put(self, item: Item, *, lane: Hashable) -> None:
        """Add an item at the end of its lane. Raises QueueFull."""
        left, ahead = self._limit - self._size, len(self._lanes.get(lane, ()))
        if not left or ahead > left or (ahead and left <= self._limit // 4):
            raise QueueFull
        self._lanes.setdefault(lane, deque()).append(item)
        self._size += 1

    def take(self) -> Item | None:
        """Remove and return the next item, None where nothing waits."""
        if not self._lanes:
            return None
        lane = next(iter(self._lanes))
        items = self._lanes.pop(lane)
        item = items.popleft()
        if items:
            self._lanes[lane] = items
        self._size -= 1
        return item
