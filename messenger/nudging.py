"""Nudges on their way to Celery (courier.py): a task with the name of an outbox that something was put into.

Losing them costs nothing but the sweep's pause, so nothing is tried again. Must not send anything but the name.
"""

from typing import Any

import structlog
from django.conf import settings

from archive.outbox import NUDGES_LOST, NUDGES_SENT, carry_nudges, task_of
from messenger.celery import app
from messenger.delivery.courier import Courier

TASK = "archive.nudge"
GATHER_S = 0.05  # however many are put into an outbox within it, the workers are told once
TIMEOUT_S = 1.0
# No second try: a Redis that is away would hold up the nudges that come after it is back.
PATIENCE = {"socket_timeout": TIMEOUT_S, "socket_connect_timeout": TIMEOUT_S, "max_retries": 1, "interval_start": 0}

log = structlog.get_logger(__name__)


def connect() -> None:
    """Have this process's nudges sent to Celery, where there is a Redis for it."""
    if settings.REDIS_URL:
        carry_nudges(Nudger(settings.REDIS_URL).put)


class Nudger(Courier[str]):
    """Sends each outbox's name once, however often it was put while the ones before were on their way."""

    def __init__(self, url: str) -> None:
        self._url = url
        super().__init__("nudger", gather_s=GATHER_S)

    def put(self, box: str) -> None:
        """Have the workers look at an outbox; returns at once, and what fails is only counted."""
        self._put(box)

    def _begin_anew(self) -> None:
        super()._begin_anew()
        self._producer: Any = None  # Any: Celery's libraries ship no types

    def _carry(self, waiting: dict[str, int]) -> None:
        if self._producer is None:
            connection = app.connection_for_write(self._url, transport_options=PATIENCE)
            self._producer = app.amqp.Producer(connection, auto_declare=False)
        for box in tuple(waiting):
            app.send_task(TASK, args=(box,), producer=self._producer, expires=_pause_of(box), retry=False)
            NUDGES_SENT[box] += 1
            del waiting[box]

    def _lose(self, waiting: dict[str, int], error: Exception) -> None:
        NUDGES_LOST.update(waiting.keys())
        log.warning("nudges_lost", outboxes=sorted(waiting), error=type(error).__name__)
        self._producer = None  # its connection may be what is broken


def _pause_of(box: str) -> float:
    """Return the seconds between two sweeps of an outbox; a nudge that is older than that is of no use any more."""
    pauses = {str(entry["task"]): float(str(entry["schedule"])) for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    return pauses[task_of(box)]
