"""The wake-up: "conversation 7 has something new". A hint, never the truth; only ids travel.

In one process the listeners are called directly; with Redis the hint is published on the conversation's own channel,
and the processes hear it that have somebody to tell (subscription.py). A lost wake-up is harmless: every hub looks by
itself (hub.py).
"""

import threading
from collections.abc import Callable

import redis
import structlog
from django.conf import settings
from django.db import transaction

ALL = "onrecord:wake"  # nothing is published there; a subscription that holds it never ends
Listener = Callable[[str], None]  # takes a hint: "7" (conversation 7 has something new) or "7 3" (person 3 types in 7)

log = structlog.get_logger(__name__)
_listeners: set[Listener] = set()
_lock = threading.Lock()
_client = (
    redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1) if settings.REDIS_URL else None
)


def channel_of(conversation_id: int | str) -> str:
    """Return the channel on which a conversation's hints travel."""
    return f"{ALL}:{conversation_id}"


def announce(conversation_id: int) -> None:
    """Wake everybody's readers of the conversation once this transaction has committed."""
    transaction.on_commit(lambda: publish(str(conversation_id)), robust=True)


def announce_typing(conversation_id: int, person_id: int) -> None:
    """Say that somebody types. Lost hints are not repeated."""
    publish(f"{conversation_id} {person_id}")


def publish(hint: str) -> None:
    """Pass a hint on now. Never raises for a bus that is away: the readers find out by themselves."""
    if _client is None:
        deliver(hint)
        return
    try:
        _client.publish(channel_of(hint.partition(" ")[0]), hint)
    except redis.RedisError as error:
        deliver(hint)
        log.warning("bus_away", hint=hint, error=type(error).__name__)


def deliver(hint: str) -> None:
    """Call the listeners of this process; each must return at once."""
    with _lock:
        listeners = tuple(_listeners)
    for listener in listeners:
        listener(hint)


def listen(listener: Listener) -> None:
    """Have `listener(hint)` called, from any thread, at every wake-up."""
    with _lock:
        _listeners.add(listener)
