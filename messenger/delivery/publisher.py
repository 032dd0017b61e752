"""Hints on their way to Redis, in a thread of their own: neither a commit nor an answer ever waits for the bus.

Hints that wait are told once, however often they were given; so a Redis that hangs costs memory for one hint a
conversation. Must not decide what is hinted at.
"""

import atexit
import os
import threading
from collections.abc import Callable, Sequence

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from messenger.delivery import metrics

TIMEOUT_S = 1.0
LAST_S = 1.0  # how long the end of the process waits for hints under way

log = structlog.get_logger(__name__)


class Publisher:
    """Publishes hints in the order in which they were first given; calls `fall_back(hint)` for those that failed."""

    def __init__(self, url: str, *, channel_of: Callable[[str], str], fall_back: Callable[[str], None]) -> None:
        self._channel_of, self._fall_back = channel_of, fall_back
        # One retry, for a pooled connection that Redis has closed meanwhile.
        once = Retry(NoBackoff(), 1)
        self._client = redis.Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=once)
        self._begin_anew()
        os.register_at_fork(after_in_child=self._begin_anew)
        atexit.register(self.flush)

    def _begin_anew(self) -> None:
        self._waiting: dict[tuple[str, bool], int] = {}  # by hint and whether it has a number: the number, or 0
        self._is_busy = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def put(self, hint: str, *, n: int | None = None) -> None:
        """Have a hint published; returns at once. Of those that differ in their number only, the highest goes out."""
        key = (hint, n is not None)
        with self._changed:
            self._waiting[key] = max(n or 0, self._waiting.get(key, 0))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self, timeout_s: float = LAST_S) -> bool:
        """Wait until every hint is out; False when that takes too long."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._is_busy, timeout=timeout_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                waiting, self._waiting, self._is_busy = self._waiting, {}, True
            hints = [f"{hint} n{n}" if is_numbered else hint for (hint, is_numbered), n in waiting.items()]
            try:
                self._publish(hints)
            except Exception as error:  # noqa: BLE001  # whatever it was: the thread must live on
                metrics.count(metrics.BUS_LOST)
                log.warning("bus_away", hints=len(hints), error=type(error).__name__)
                for hint in hints:
                    self._fall_back(hint)
            finally:
                with self._changed:
                    self._is_busy = False
                    self._changed.notify_all()

    def _publish(self, hints: Sequence[str]) -> None:
        with self._client.pipeline(transaction=False) as pipeline:
            for hint in hints:
                pipeline.publish(self._channel_of(hint), hint)
            pipeline.execute()
