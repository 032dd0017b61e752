"""What this process has to tell others, carried in a thread of its own: neither a commit nor an answer ever waits.

What waits is kept once, however often it was put; so an outside that hangs costs memory for one of each. Must not know
what it carries, nor try again what was lost: it is for hints, that somebody can do without.
"""

import abc
import atexit
import os
import threading
import time
from collections.abc import Hashable
from typing import Generic, TypeVar

import structlog

LAST_S = 1.0  # how long the end of the process waits for what is under way

log = structlog.get_logger(__name__)
Hint = TypeVar("Hint", bound=Hashable)


class Courier(abc.ABC, Generic[Hint]):
    """Carries hints in the order in which they were first put. It waits `gather_s` for others before it sets out."""

    def __init__(self, name: str, *, gather_s: float = 0.0) -> None:
        self._name, self._gather_s = name, gather_s
        self._begin_anew()
        os.register_at_fork(after_in_child=self._begin_anew)
        atexit.register(self.flush)

    @abc.abstractmethod
    def _carry(self, waiting: dict[Hint, int]) -> None:
        """Carry these; raise whatever went wrong."""

    @abc.abstractmethod
    def _lose(self, waiting: dict[Hint, int], error: Exception) -> None:
        """Do without what `_carry` left in its dictionary when it raised."""

    def flush(self, timeout_s: float = LAST_S) -> bool:
        """Wait until everything is out; False when that takes too long."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._is_busy, timeout=timeout_s)

    def _begin_anew(self) -> None:
        self._waiting: dict[Hint, int] = {}
        self._is_busy = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def _put(self, hint: Hint, *, n: int = 0) -> None:
        """Have a hint carried, with the highest number that it is put with; returns at once."""
        with self._changed:
            self._waiting[hint] = max(n, self._waiting.get(hint, 0))
            try:
                self._start()
            except RuntimeError as error:
                failure, (waiting, self._waiting) = error, (self._waiting, {})
            else:
                self._changed.notify_all()
                return
        # No thread is to be had: whoever put it has committed, and must not hear of that. The next hint tries again.
        self._do_without(waiting, failure)

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            thread.start()
            self._thread = thread

    def _run(self) -> None:
        while True:
            waiting = self._take()
            try:
                self._carry(waiting)
            except Exception as error:  # noqa: BLE001  # whatever it was: the thread must live on
                self._do_without(waiting, error)
            finally:
                with self._changed:
                    self._is_busy = False
                    self._changed.notify_all()

    def _do_without(self, waiting: dict[Hint, int], error: Exception) -> None:
        try:
            self._lose(waiting, error)
        except Exception:  # a loop that has ended meanwhile: those who come later are to be carried all the same
            log.exception("hints_lost", courier=self._name, hints=len(waiting))

    def _take(self) -> dict[Hint, int]:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting)
        if self._gather_s:
            time.sleep(self._gather_s)
        with self._changed:
            waiting, self._waiting, self._is_busy = self._waiting, {}, True
        return waiting
