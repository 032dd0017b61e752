"""The workers and the clock of the embedded way to run: threads that call the same tasks as Celery would.

Nothing is kept in memory: the database outboxes say what is due, so a stop at any point loses nothing.
"""

import threading

import structlog
from django.conf import settings
from django.db import close_old_connections

from archive.outbox import NUDGES_SENT, carry_nudges, task_of
from messenger.celery import app

log = structlog.get_logger(__name__)


class EmbeddedWorker:
    """A thread for each scheduled task, so that a long export or check holds up no text and no STOP."""

    def __init__(self) -> None:
        self._is_stopping = False
        self._bells = {str(entry["task"]): threading.Event() for entry in settings.CELERY_BEAT_SCHEDULE.values()}
        self._threads = [
            threading.Thread(
                name=name, target=self._repeat, args=(str(entry["task"]), float(str(entry["schedule"]))), daemon=True
            )
            for name, entry in settings.CELERY_BEAT_SCHEDULE.items()
        ]

    def start(self) -> None:
        app.loader.import_default_modules()
        carry_nudges(self.wake)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let every task at hand finish, for ten seconds at most each; what does not is taken up at the next start."""
        self._is_stopping = True
        for bell in self._bells.values():
            bell.set()
        for thread in self._threads:
            thread.join(timeout=10)

    def wake(self, box: str) -> None:
        """Have the thread look that looks through this outbox, again where it is about it; returns at once."""
        self._bells[task_of(box)].set()
        NUDGES_SENT[box] += 1

    def _repeat(self, task: str, seconds: float) -> None:
        bell = self._bells[task]
        while True:
            bell.clear()  # before the look, so that what comes during it has another one
            if self._is_stopping:
                return
            self._call(task)
            bell.wait(seconds)

    def _call(self, task: str) -> None:
        try:
            app.tasks[task].run()
        except Exception:  # a sweep that fails is tried again by the next one; the thread must live on
            log.exception("sweep_failed", task=task)
        finally:
            close_old_connections()
