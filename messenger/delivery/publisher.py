"""Hints on their way to Redis (courier.py). Must not decide what is hinted at."""

from collections.abc import Callable, Sequence

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from messenger.delivery import metrics
from messenger.delivery.courier import Courier

TIMEOUT_S = 1.0

log = structlog.get_logger(__name__)
Numbered = tuple[str, bool]  # a hint, and whether it has a number


class Publisher(Courier[Numbered]):
    """Publishes hints in the order in which they were first given; calls `fall_back(hint)` for those that failed."""

    def __init__(self, url: str, *, channel_of: Callable[[str], str], fall_back: Callable[[str], None]) -> None:
        self._channel_of, self._fall_back = channel_of, fall_back
        # One retry, for a pooled connection that Redis has closed meanwhile.
        once = Retry(NoBackoff(), 1)
        self._client = redis.Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=once)
        super().__init__("publisher")

    def put(self, hint: str, *, n: int | None = None) -> None:
        """Have a hint published; returns at once. Of those that differ in their number only, the highest goes out."""
        self._put((hint, n is not None), n=n or 0)

    def _carry(self, waiting: dict[Numbered, int]) -> None:
        self._publish(_texts(waiting))

    def _lose(self, waiting: dict[Numbered, int], error: Exception) -> None:
        metrics.count(metrics.BUS_LOST)
        log.warning("bus_away", hints=len(waiting), error=type(error).__name__)
        for hint in _texts(waiting):
            self._fall_back(hint)

    def _publish(self, hints: Sequence[str]) -> None:
        with self._client.pipeline(transaction=False) as pipeline:
            for hint in hints:
                pipeline.publish(self._channel_of(hint), hint)
            pipeline.execute()


def _texts(waiting: dict[Numbered, int]) -> list[str]:
    return [text_of(hint, n=n if is_numbered else None) for (hint, is_numbered), n in waiting.items()]


def text_of(hint: str, *, n: int | None) -> str:
    """Return a hint as it travels."""
    return hint if n is None else f"{hint} n{n}"
