"""The wake-up: "conversation 7 has something new". A hint, never the truth; only ids travel.

In one process the listeners are called directly; with Redis the hint is published (publisher.py) on the conversation's
own channel, and the processes hear it that have somebody to tell (subscription.py). A lost wake-up is harmless: every
hub looks by itself (hub.py).
"""

import threading
from collections.abc import Callable

from django.conf import settings
from django.db import transaction

from messenger.delivery.publisher import Publisher

ALL = "onrecord:wake"  # nothing is published there; a subscription that holds it never ends
Listener = Callable[[str], None]  # takes a hint: "7" (conversation 7 has something new) or "7 3" (person 3 types in 7)

_listeners: set[Listener] = set()
_lock = threading.Lock()


def channel_of(hint: int | str) -> str:
    """Return the channel on which a conversation's hints travel, from the conversation or from a hint."""
    return f"{ALL}:{str(hint).partition(' ')[0]}"


def announce(conversation_id: int) -> None:
    """Wake everybody's readers of the conversation once this transaction has committed."""
    transaction.on_commit(lambda: publish(str(conversation_id)), robust=True)


def announce_typing(conversation_id: int, person_id: int) -> None:
    """Say that somebody types. Lost hints are not repeated."""
    publish(f"{conversation_id} {person_id}")


def publish(hint: str) -> None:
    """Pass a hint on now. Never waits and never raises for a bus that is away: the readers find out by themselves."""
    if _publisher is None:
        deliver(hint)
    else:
        _publisher.put(hint)


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


_publisher = Publisher(settings.REDIS_URL, channel_of=channel_of, fall_back=deliver) if settings.REDIS_URL else None
