"""One hub's ear on Redis: the conversations that somebody here listens to, who is here, and no more.

Redis may go away and come back; the hub finds by itself what was not heard (hub.py). Must not read the database.
"""

import asyncio
from collections.abc import Callable

import redis.asyncio
import structlog
from redis.asyncio.client import PubSub

from messenger.delivery import bus, metrics

RECONNECT_S = 1.0
AT_ONCE = 1_000  # channels in one command

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
            client = redis.asyncio.Redis.from_url(self._url, health_check_interval=10)
            try:
                await self._stay_connected(client.pubsub())
            except* Exception as lost:  # noqa: BLE001  # an ear that ends is not missed: all would come by the sweep
                metrics.count(metrics.BUS_LOST)
                log.warning("bus_subscription_lost", error=type(lost.exceptions[0]).__name__)
            finally:
                await client.aclose()
            await asyncio.sleep(RECONNECT_S)

    async def _stay_connected(self, pubsub: PubSub) -> None:
        await pubsub.subscribe(bus.ALL, bus.channel_of(bus.PEOPLE))
        async with asyncio.TaskGroup() as both:
            both.create_task(self._listen(pubsub))
            both.create_task(self._keep_in_step(pubsub))

    async def _listen(self, pubsub: PubSub) -> None:
        async for message in pubsub.listen():
            if message["type"] == "message":
                self._hear(message["data"].decode(errors="replace"))
            elif message["type"] == "subscribe" and (conversation_id := _conversation(message["channel"].decode())):
                self._hear(conversation_id)  # what was announced while the subscription was under way

    async def _keep_in_step(self, pubsub: PubSub) -> None:
        heard: set[int] = set()
        self._changed.set()
        while True:
            await self._changed.wait()
            self._changed.clear()
            new, old = sorted(self._wanted - heard), sorted(heard - self._wanted)
            for first in range(0, len(new), AT_ONCE):
                await pubsub.subscribe(*map(bus.channel_of, new[first : first + AT_ONCE]))
            for first in range(0, len(old), AT_ONCE):
                await pubsub.unsubscribe(*map(bus.channel_of, old[first : first + AT_ONCE]))
            heard = (heard | set(new)) - set(old)


def _conversation(channel: str) -> str:
    """Return a channel's conversation, "" for the channels of no conversation."""
    word = channel.removeprefix(bus.ALL).lstrip(":")
    return "" if word == bus.PEOPLE else word
