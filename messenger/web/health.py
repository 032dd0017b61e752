"""Is it alive, is it ready: for load balancers and for people who start it. Shows states, never content or reasons.

Each part is looked at in a thread of its own and by one look at a time, so that one which hangs holds up neither the
answer nor a second thread. Why a part is not ready stands in the log.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass, field
from functools import cache

import redis
import structlog
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from archive import ledger
from messenger.people.models import Firm

PATIENCE_S = 2.0

log = structlog.get_logger(__name__)


@dataclass
class Part:
    """What requests need, or are slower without; `problem` says what is wrong with it, or raises, or hangs."""

    name: str
    problem: Callable[[], str]
    event: str = "not_ready"
    _look: "Future[str] | None" = None
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=1))

    def look(self) -> "Future[str]":
        """Begin to look, unless somebody does already; return what will be found."""
        if self._look is None or self._look.done():
            self._look = self._thread.submit(self._find)
        return self._look

    def is_well(self, look: "Future[str]", *, until: float) -> bool:
        """Say whether nothing was found; a look that is not done by then (of time.monotonic) found that it hangs."""
        try:
            found = look.result(timeout=max(0.0, until - time.monotonic()))
        except TooLate:
            found = "no answer"
        if found:
            log.warning(self.event, part=self.name, reason=found)
        return not found

    def _find(self) -> str:
        try:
            return self.problem()
        except Exception as error:  # noqa: BLE001  # whatever it is, this part is not ready
            return type(error).__name__
        finally:
            connection.close()


def _database() -> str:
    Firm.objects.exists()
    return ""


def _bus() -> str:
    if settings.REDIS_URL:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1) as client:
            client.ping()
    return ""


def _migrations() -> str:
    missing = _known_migrations() - set(MigrationRecorder(connection).applied_migrations())
    return f"{len(missing)} not applied" if missing else ""


@cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).disk_migrations)


PARTS = (
    Part("database", _database),
    # Without it posts, pages and, by the sweep, delivery work. It is away for all nodes at once: a balancer that took
    # them out would make an outage of a delay.
    Part("bus", _bus, event="degraded"),
    Part("migrations", _migrations),
    Part("keys", ledger.key_problem),
    Part("guard", ledger.guard_problem),
)


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the process answers. Nobody else is asked: what is away does not come back by a start of ours."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 while all that a request cannot do without is there; a balancer takes the node out otherwise."""
    until = time.monotonic() + PATIENCE_S
    looks = [(part, part.look()) for part in PARTS]
    states = {part.name: "ok" if part.is_well(look, until=until) else "failing" for part, look in looks}
    failing = {part.event for part in PARTS if states[part.name] == "failing"}
    if "not_ready" in failing:
        return JsonResponse({"status": "failing", **states}, status=503)
    return JsonResponse({"status": "degraded" if failing else "ok", **states})
