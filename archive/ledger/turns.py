"""Turns at the head's lock among the threads of a process, in the order in which they came.

SQLite keeps no queue: who waits looks again after ever longer pauses, and beside a writer that is always busy hardly
ever finds the lock free. The lock that counts is the database's; this must not be what keeps the record whole.
"""

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


class Turns:
    """A lock that is handed over to who has waited longest."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._is_taken = False
        self._waiting: deque[threading.Event] = deque()

    def take(self) -> None:
        with self._guard:
            if not self._is_taken:
                self._is_taken = True
                return
            mine = threading.Event()
            self._waiting.append(mine)
        try:
            mine.wait()
        except BaseException:  # interrupted: nobody may wait for one who has gone
            self._give_up(mine)
            raise

    def give_on(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._is_taken = False

    def _give_up(self, mine: threading.Event) -> None:
        with self._guard:
            is_waiting = mine in self._waiting
            if is_waiting:
                self._waiting.remove(mine)
        if not is_waiting:
            self.give_on()


_turns = Turns()


class _Mine(threading.local):
    """Whether this thread has the turn."""

    is_held = False


_mine = _Mine()


@contextmanager
def turn() -> Iterator[None]:
    """Wait for one's turn. Who is in a transaction already has waited, and others may wait for what it holds.

    So has what is called at a commit: the turn ends after it, and it may begin a transaction of its own.
    """
    if connection.in_atomic_block or _mine.is_held:
        yield
        return
    turns = _turns
    turns.take()
    _mine.is_held = True
    try:
        yield
    finally:
        _mine.is_held = False
        turns.give_on()


def _start_anew() -> None:
    global _turns, _mine  # whoever held the turn is not in a forked child
    _turns, _mine = Turns(), _Mine()


os.register_at_fork(after_in_child=_start_anew)
