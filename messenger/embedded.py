"""The worker and the clock of the embedded way to run: one thread that calls the same tasks as Celery would.

Nothing is kept in memory: the database outboxes say what is due, so a stop at any point loses nothing.
"""

import threading
import time

import structlog
from django.conf import settings
from django.db import close_old_connections

from messenger.celery import app

log = structlog.get_logger(__name__)


class EmbeddedWorker(threading.Thread):
    """Runs each scheduled task when its time comes, one after another, until `stop` is called."""

    def __init__(self) -> None:
        super().__init__(name="worker", daemon=True)
        self._stopping = threading.Event()
        now = time.monotonic()
        self._due = dict.fromkeys(settings.CELERY_BEAT_SCHEDULE, now)

    def run(self) -> None:
        app.loader.import_default_modules()
        while not self._stopping.wait(0.2):
            for name, entry in settings.CELERY_BEAT_SCHEDULE.items():
                if time.monotonic() >= self._due[name] and not self._stopping.is_set():
                    self._due[name] = time.monotonic() + float(str(entry["schedule"]))
                    self._call(str(entry["task"]))
            close_old_connections()

    def stop(self) -> None:
        """Finish the task at hand and end."""
        self._stopping.set()
        self.join(timeout=10)

    def _call(self, task: str) -> None:
        try:
            app.tasks[task].run()
        except Exception:  # a sweep that fails is tried again by the next one; the thread must live on
            log.exception("sweep_failed", task=task)
