"""The rollback guard is told in a thread of its own, so that its disk, or who holds its lock, holds up no commit.

What waits is kept once for each guard, the largest; a guard that hangs costs one thread and one note. It must not tell
anything that is not committed, and the end of a process waits for it only briefly: the guard may lag (decision 0006).
"""

import atexit
import os
import threading
from pathlib import Path

import structlog

from archive import checkpoint, guard

LAST_S = 1.0  # how long the end of the process waits for what is under way

log = structlog.get_logger(__name__)


class Keeper:
    """Tells guards what was committed. Its thread ends when nothing waits: there is something once a second at most."""

    def __init__(self) -> None:
        self._begin_anew()
        os.register_at_fork(after_in_child=self._begin_anew)
        atexit.register(self.flush)

    def keep(self, path: Path, *, note: str) -> None:
        """Have a guard told of a committed checkpoint; returns at once."""
        with self._changed:
            waiting = self._waiting.get(path)
            # Commits may come here in another order than they were made in.
            if waiting is None or checkpoint.parse(waiting).size < checkpoint.parse(note).size:
                self._waiting[path] = note
            self._start()

    def flush(self, timeout_s: float = LAST_S) -> bool:
        """Wait until the guards have been told; False when that takes too long."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._is_busy, timeout=timeout_s)

    def _begin_anew(self) -> None:
        self._waiting: dict[Path, str] = {}
        self._is_busy = False
        self._changed = threading.Condition()

    def _start(self) -> None:
        if self._is_busy:
            return
        try:
            threading.Thread(target=self._run, name="guard-keeper", daemon=True).start()
        except RuntimeError:  # no thread is to be had: the note waits for the next commit, or the sweep tells it
            log.exception("guard_not_kept")
            return
        self._is_busy = True

    def _run(self) -> None:
        while (waiting := self._take()) is not None:
            for path, note in waiting.items():
                advance(path, note=note)

    def _take(self) -> dict[Path, str] | None:
        with self._changed:
            if self._waiting:
                waiting, self._waiting = self._waiting, {}
                return waiting
            self._is_busy = False
            self._changed.notify_all()
            return None


def advance(path: Path, *, note: str) -> None:
    """Tell a guard now; what fails is logged: a guard that lags makes the next rollback harder to see, no more."""
    try:
        guard.advance(path, note=note)
    except Exception:  # whatever it was: the commit stands, and the next one is to be told again
        log.exception("guard_not_kept")


keeper = Keeper()
