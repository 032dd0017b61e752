"""The workers and the clock of the embedded way to run: threads that call the same tasks as Celery would.

Nothing is kept in memory: the database outboxes say what is due, so a stop at any point loses nothing.
"""

import threading

import structlog
from django.conf import settings
from django.db import close_old_connections

from messenger.celery import app

log = structlog.get_logger(__name__)


class EmbeddedWorker:
    """A thread for each scheduled task, so that a long export or check holds up no text and no STOP."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(
                name=name, target=self._repeat, args=(str(entry["task"]), float(str(entry["schedule"]))), daemon=True
            )
            for name, entry in settings.CELERY_BEAT_SCHEDULE.items()
        ]

    def start(self) -> None:
        app.loader.import_default_modules()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let every task at hand finish, for ten seconds at most each; what does not is taken up at the next start."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=10)

    def _repeat(self, task: str, seconds: float) -> None:
        while True:
            self._call(task)
            if self._stopping.wait(seconds):
                return

    def _call(self, task: str) -> None:
        try:
            app.tasks[task].run()
        except Exception:  # a sweep that fails is tried again by the next one; the thread must live on
            log.exception("sweep_failed", task=task)
        finally:
            close_old_connections()
