"""One hub's ear on Redis: the conversations that somebody here listens to, who is here, and no more.

Redis may go away and come back; the hub finds by itself what was not heard (hub.py). Must not read the database.
"""

import asyncio
import contextlib
from collections.abc import Callable

import redis.asyncio
import structlog
from redis.asyncio.client import PubSub

from messenger.delivery import bus, metrics

RECONNECT_S = 1.0
AT_ONCE = 1_000  # channels in one command
PING_S = 10.0  # a connection whose other end vanished says nothing for ever: so it is asked
SILENCE_S = 25.0  # and given up on when nothing comes for so long

log = structlog.get_logger(__name__)


class Subscription:
    """Keeps the channels in step with what is wanted. `hear(hint)` is called in the hub's event loop."""

    def __init__(self, url: str, hear: Callable[[str], None]) -> None:
        self._url, self._hear = url, hear
        self._wanted: set[int] = set()
        self._changed = asyncio.Event()

    def want(self, conversation_id: int) -> None:
        """Listen to a conversation from now on; what was said before Redis knows of it is hinted at then."""
        self._wanted.add(conversation_id)
        self._changed.set()

    def drop(self, conversation_id: int) -> None:
        """Listen to it no more."""
        self._wanted.discard(conversation_id)
        self._changed.set()

    async def run(self) -> None:
        """Listen for ever. Redis away, or whatever else broke: log, wait, come back."""
        while True:
            client = redis.asyncio.Redis.from_url(self._url)
            try:
                await self._stay_connected(client.pubsub())
            except* Exception as lost:  # noqa: BLE001  # an ear that ends is not missed: all would come by the sweep
                metrics.count(metrics.BUS_LOST)
                log.warning("bus_subscription_lost", error=type(lost.exceptions[0]).__name__)
            finally:
                await client.aclose()
            await asyncio.sleep(RECONNECT_S)

    async def _stay_connected(self, pubsub: PubSub) -> None:
        async with asyncio.timeout(SILENCE_S):
            await pubsub.subscribe(bus.ALL, bus.channel_of(bus.PEOPLE))
        async with asyncio.TaskGroup() as both:
            both.create_task(self._listen(pubsub))
            both.create_task(self._keep_in_step(pubsub))

    async def _listen(self, pubsub: PubSub) -> None:
        messages = pubsub.listen()
        while True:
            async with asyncio.timeout(SILENCE_S):
                message = await anext(messages)
            if message["type"] == "message":
                self._hear(message["data"].decode(errors="replace"))
            elif message["type"] == "subscribe" and (conversation_id := _conversation(message["channel"].decode())):
                self._hear(conversation_id)  # what was announced while the subscription was under way

    async def _keep_in_step(self, pubsub: PubSub) -> None:
        heard: set[int] = set()
        self._changed.set()
        while True:
            if not await self._has_changed():
                await pubsub.ping()
            self._changed.clear()
            new, old = sorted(self._wanted - heard), sorted(heard - self._wanted)
            for first in range(0, len(new), AT_ONCE):
                await pubsub.subscribe(*map(bus.channel_of, new[first : first + AT_ONCE]))
            for first in range(0, len(old), AT_ONCE):
                await pubsub.unsubscribe(*map(bus.channel_of, old[first : first + AT_ONCE]))
            heard = (heard | set(new)) - set(old)

    async def _has_changed(self) -> bool:
        """Wait until something is wanted or dropped, or it is time for a ping; say which."""
        # Not wait_for: before Python 3.12 it swallows a cancellation that meets the event.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PING_S):
                await self._changed.wait()
        return self._changed.is_set()


def _conversation(channel: str) -> str:
    """Return a channel's conversation, "" for the channels of no conversation."""
    word = channel.removeprefix(bus.ALL).lstrip(":")
    return "" if word == bus.PEOPLE else word
