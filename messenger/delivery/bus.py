"""The wake-up: "conversation 7 has something new". A hint, never the truth; only ids travel.

In one process the listeners are called directly; with Redis the hint is published (publisher.py) on the conversation's
own channel, and the processes hear it that have somebody to tell (subscription.py). A lost wake-up is harmless: every
hub looks by itself (hub.py). Content goes to the listeners of the process that wrote it and nowhere else.
"""

import threading
from collections.abc import Callable, Sequence
from functools import partial

from django.conf import settings
from django.db import transaction

from messenger.delivery.publisher import Publisher, text_of
from messenger.delivery.reading import Fresh

PEOPLE = "people"  # the first word of hints that say who is here; every process hears them
ALL = "onrecord:wake"  # nothing is published there; a subscription that holds it never ends
# Takes a hint: "7" (conversation 7 has something new), "7 n42" (up to number 42), "7 3" (person 3 types in 7),
# "7 r3 n42" (person 3 has read 7 up to 42), "people …" (who is here, roll.py).
Listener = Callable[[str], None]
Taker = Callable[[Sequence[Fresh]], None]

_listeners: set[Listener] = set()
_takers: set[Taker] = set()
_lock = threading.Lock()


def channel_of(hint: int | str) -> str:
    """Return the channel on which hints travel, from a conversation or from a hint."""
    return f"{ALL}:{str(hint).partition(' ')[0]}"


def announce(conversation_id: int) -> None:
    """Wake everybody's readers of the conversation once this transaction has committed."""
    transaction.on_commit(lambda: publish(str(conversation_id)), robust=True)


def announce_fresh(events: Sequence[Fresh]) -> None:
    """Give these events to this process's own readers and wake everybody else's, once this transaction has committed.

    Ascending by number within a conversation.
    """
    transaction.on_commit(partial(hand_over, events), robust=True)


def announce_typing(conversation_id: int, person_id: int) -> None:
    """Say that somebody types. Lost hints are not repeated."""
    publish(f"{conversation_id} {person_id}")


def announce_reading(conversation_id: int, person_id: int, *, n: int) -> None:
    """Tell the person's devices that they have read up to `n`, once this transaction has committed. Lost hints are not
    repeated.
    """
    transaction.on_commit(partial(publish, f"{conversation_id} r{person_id}", n=n), robust=True)


def announce_people(text: str) -> None:
    """Say who is here. A lost hint is made good by the next one."""
    publish(f"{PEOPLE} {text}")


def publish(hint: str, *, n: int | None = None) -> None:
    """Pass a hint on now, with its number if it has one. Never waits and never raises for a bus that is away: the
    readers find out by themselves.
    """
    if _publisher is None:
        deliver(text_of(hint, n=n))
    else:
        _publisher.put(hint, n=n)


def hand_over(events: Sequence[Fresh]) -> None:
    """Give what was just committed to this process's own readers, and hints to the other processes."""
    with _lock:
        takers = tuple(_takers)
    for take in takers:
        take(events)
    if _publisher is not None:
        for conversation_id, n in {event.conversation_id: event.n for event in events}.items():
            _publisher.put(str(conversation_id), n=n)


def deliver(hint: str) -> None:
    """Call the listeners of this process; each must return at once."""
    with _lock:
        listeners = tuple(_listeners)
    for listener in listeners:
        listener(hint)


def listen(listener: Listener, *, take: Taker) -> Callable[[], None]:
    """Have `listener(hint)` called at every wake-up and `take(events)` with what is committed here, from any thread;
    return what ends that.
    """
    with _lock:
        _listeners.add(listener)
        _takers.add(take)
    return partial(_stop_listening, listener, take)


def _stop_listening(listener: Listener, take: Taker) -> None:
    with _lock:
        _listeners.discard(listener)
        _takers.discard(take)


_publisher = Publisher(settings.REDIS_URL, channel_of=channel_of, fall_back=deliver) if settings.REDIS_URL else None
