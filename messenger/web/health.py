"""Is it alive, is it ready: for load balancers and for people who start it. Shows states, never content."""

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from messenger.people.models import Firm


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the process serves and its database answers."""
    return _answer({"database": _database()})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 while everything that a request needs answers; a balancer takes the node out otherwise."""
    return _answer({"database": _database(), "bus": _bus()})


def _answer(states: dict[str, str]) -> JsonResponse:
    is_well = all(state == "ok" for state in states.values())
    return JsonResponse({"status": "ok" if is_well else "failing", **states}, status=200 if is_well else 503)


def _database() -> str:
    try:
        Firm.objects.exists()
    except DatabaseError:
        connection.close()
        return "away"
    return "ok"


def _bus() -> str:
    if not settings.REDIS_URL:
        return "ok"
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1) as client:
            client.ping()
    except redis.RedisError:
        return "away"
    return "ok"
