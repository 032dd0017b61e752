"""The hub's ear on a real Redis: it hears what it wants and nothing else, and comes back after Redis has gone."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Collection, Iterator
from functools import partial

import pytest
import redis

from messenger.delivery import bus, metrics, subscription
from messenger.delivery.presence import Presence
from messenger.delivery.process import pass_hint
from messenger.delivery.reading import Circles
from messenger.delivery.subscription import Subscription
from tests import services
from tests.messenger.delivery import stage

Scene = Callable[[Subscription, list[str]], Awaitable[None]]


@pytest.fixture(scope="module")
def server() -> Iterator[services.RedisServer]:
    started = services.start_redis()
    yield started
    started.stop()


def _listening(server: services.RedisServer, scene: Scene) -> None:
    async def play() -> None:
        heard: list[str] = []
        ear = Subscription(server.url, heard.append)
        running = asyncio.create_task(ear.run())
        try:
            async with asyncio.timeout(15):
                await scene(ear, heard)
        finally:
            running.cancel()

    asyncio.run(play())


async def _until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        await asyncio.sleep(0.01)


def _publish(server: services.RedisServer, *hints: str) -> None:
    with redis.Redis.from_url(server.url) as client:
        for hint in hints:
            client.publish(bus.channel_of(hint), hint)


def test_what_nobody_here_listens_to_is_not_heard(server: services.RedisServer) -> None:
    async def scene(ear: Subscription, heard: list[str]) -> None:
        ear.want(7)
        ear.want(70)
        await _until(lambda: {"7", "70"} <= set(heard))  # a hint for each as its subscription begins
        heard.clear()
        _publish(server, "8", "7", "700", "7 3", "70")
        await _until(lambda: len(heard) >= 3)
        assert heard == ["7", "7 3", "70"]

    _listening(server, scene)


def test_a_conversation_that_was_left_is_heard_no_more(server: services.RedisServer) -> None:
    async def scene(ear: Subscription, heard: list[str]) -> None:
        ear.want(7)
        ear.want(8)
        await _until(lambda: {"7", "8"} <= set(heard))
        ear.drop(7)
        await _until(lambda: _listeners(server, 7) == 0)
        heard.clear()
        _publish(server, "7", "8")
        await _until(lambda: bool(heard))
        assert heard == ["8"]

    _listening(server, scene)


def test_after_redis_was_away_everything_wanted_is_hinted_at_and_heard_again(
    server: services.RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "RECONNECT_S", 0.1)

    async def scene(ear: Subscription, heard: list[str]) -> None:
        ear.want(7)
        await _until(lambda: "7" in heard)
        server.kill()
        ear.want(8)
        await asyncio.sleep(0.3)
        heard.clear()
        server.start()
        await _until(lambda: {"7", "8"} <= set(heard))
        heard.clear()
        _publish(server, "8")
        await _until(lambda: bool(heard))
        assert heard == ["8"]

    _listening(server, scene)


def test_a_redis_that_says_nothing_any_more_is_given_up_on(
    server: services.RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in {"RECONNECT_S": 0.1, "PING_S": 0.2, "SILENCE_S": 0.8}.items():
        monkeypatch.setattr(subscription, name, seconds)

    async def scene(ear: Subscription, heard: list[str]) -> None:
        ear.want(7)
        await _until(lambda: "7" in heard)
        before = _counted()["onrecord_bus_failures_total"]
        await asyncio.sleep(1.5)  # nobody says anything: its answers to our pings are signs of life enough
        assert _counted()["onrecord_bus_failures_total"] == before
        assert server.process is not None
        server.process.send_signal(signal.SIGSTOP)
        try:
            await _until(lambda: _counted()["onrecord_bus_failures_total"] >= before + 2)  # coming back failed too
            heard.clear()
        finally:
            server.process.send_signal(signal.SIGCONT)
        await _until(lambda: "7" in heard)

    _listening(server, scene)


def test_whatever_breaks_the_ear_listens_again(server: services.RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "RECONNECT_S", 0.1)
    heard: list[str] = []

    def hear(hint: str) -> None:
        heard.append(hint)
        if len(heard) == 1:
            raise RuntimeError("a fault of ours")

    async def play() -> None:
        ear = Subscription(server.url, hear)
        ear.want(7)
        running = asyncio.create_task(ear.run())
        try:
            async with asyncio.timeout(10):
                await _until(lambda: len(heard) > 1 or running.done())
        finally:
            running.cancel()
        assert heard == ["7", "7"]

    asyncio.run(play())


def test_a_hint_that_cannot_be_read_is_counted_and_passed_over(server: services.RedisServer) -> None:
    bad = ("7 n", "7 nx", "7 x", "7 3 4", "7 r", "7 r3", "7 rx n4", "7 r3 n", "", "seven", "people {", "people nobody",
           b"\xff\xfe", b"7 \xff")  # fmt: skip

    async def scene(office: stage.Office) -> None:
        alice, _ = await office.connect(stage.ALICE, after=0)
        ear = Subscription(server.url, partial(pass_hint, office.hub))
        ear.want(stage.TALK)
        running = asyncio.create_task(ear.run())
        try:
            await office.wait_until(lambda: _listeners(server, stage.TALK) == 1)
            before = _counted()
            with redis.Redis.from_url(server.url) as client:
                for hint in bad:
                    client.publish(bus.channel_of(stage.TALK), hint)
                office.store.say(1)
                client.publish(bus.channel_of(stage.TALK), str(stage.TALK))
            await office.wait_until(lambda: alice.heard == [1])
            after = _counted()
            assert after[metrics.BUS_LOST] == before[metrics.BUS_LOST], "it has not gone away meanwhile"
            assert after[metrics.UNREADABLE] == before[metrics.UNREADABLE] + len(bad)
        finally:
            running.cancel()

    stage.in_office(
        scene, attendance=Presence(circles=Circles(read=_nobody, crossed=_no_one), publish=lambda _text: None)
    )


def _counted() -> dict[str, float]:
    return {sample.name: sample.value for sample in metrics.samples()}


def _listeners(server: services.RedisServer, conversation_id: int) -> int:
    with redis.Redis.from_url(server.url) as client:
        return int(client.pubsub_numsub(bus.channel_of(conversation_id))[0][1])


async def _nobody(people: Collection[int]) -> dict[int, frozenset[int]]:
    return {}


async def _no_one(grown: Collection[int], shrunk: Collection[int]) -> frozenset[int]:
    return frozenset()


def test_thousands_of_conversations_are_subscribed_to(server: services.RedisServer) -> None:
    async def scene(ear: Subscription, heard: list[str]) -> None:
        for conversation_id in range(1, 3_501):
            ear.want(conversation_id)
        await _until(lambda: len(set(heard)) == 3_500)

    _listening(server, scene)
