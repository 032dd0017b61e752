"""Hints on their way to Redis: nobody waits for it, whatever it does, and what can be told is told."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import redis

from messenger.delivery import bus
from messenger.delivery.publisher import Publisher
from tests import services
from tests.guards.source import ROOT


@pytest.fixture(scope="module")
def server() -> Iterator[services.RedisServer]:
    started = services.start_redis()
    yield started
    started.stop()


def _publisher(url: str) -> tuple[Publisher, list[str]]:
    fallen: list[str] = []
    return Publisher(url, channel_of=bus.channel_of, fall_back=fallen.append), fallen


def _heard(pubsub: redis.client.PubSub, count: int) -> list[str]:
    heard: list[str] = []
    deadline = time.monotonic() + 10
    while len(heard) < count and time.monotonic() < deadline:
        message = pubsub.get_message(timeout=1)
        if message and message["type"] == "pmessage":
            heard.append(message["data"].decode())
    return heard


def test_hints_arrive_on_the_channels_of_their_conversations_in_order(server: services.RedisServer) -> None:
    publisher, fallen = _publisher(server.url)
    with redis.Redis.from_url(server.url) as client, client.pubsub() as pubsub:
        pubsub.psubscribe(f"{bus.ALL}:*")
        pubsub.get_message(timeout=5)
        for hint in ("7", "8 3", "9"):
            publisher.put(hint)
        assert _heard(pubsub, 3) == ["7", "8 3", "9"]
    assert publisher.flush() and fallen == []


def test_a_redis_that_hangs_holds_up_nobody_and_costs_one_hint_a_conversation() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        publisher, fallen = _publisher(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        publisher.put("1")
        began = time.monotonic()
        for number in range(20_000):
            publisher.put(str(number % 10))
        assert time.monotonic() - began < 1
        assert not publisher.flush(0.1)
        assert len(publisher._waiting) <= 10
        deadline = time.monotonic() + 20
        while len(set(fallen)) < 10:
            assert time.monotonic() < deadline, "this process's own listeners were not told"
            time.sleep(0.05)


def test_of_hints_with_numbers_the_highest_of_a_conversation_goes_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        publisher, fallen = _publisher(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        publisher.put("1")
        deadline = time.monotonic() + 10
        while publisher._waiting:  # the first one is on its way, and the others wait for it
            assert time.monotonic() < deadline
            time.sleep(0.01)
        for n in (41, 43, 42):
            publisher.put("7", n=n)
        publisher.put("8", n=1)
        publisher.put("7")
        while len(fallen) < 4:
            assert time.monotonic() < deadline + 10
            time.sleep(0.05)
        assert fallen == ["1", "7 n43", "8 n1", "7"]


def test_after_redis_has_come_back_hints_pass_again(server: services.RedisServer) -> None:
    publisher, fallen = _publisher(server.url)
    server.kill()
    publisher.put("7")
    assert publisher.flush(10) and fallen == ["7"]
    server.start()
    with redis.Redis.from_url(server.url) as client, client.pubsub() as pubsub:
        pubsub.psubscribe(f"{bus.ALL}:*")
        pubsub.get_message(timeout=5)
        publisher.put("8")
        assert _heard(pubsub, 1) == ["8"]


def test_a_process_that_ends_at_once_has_told_what_it_had_to_tell(server: services.RedisServer) -> None:
    program = "import django; django.setup(); from messenger.delivery import bus; bus.publish('7')"
    with redis.Redis.from_url(server.url) as client, client.pubsub() as pubsub:
        pubsub.psubscribe(f"{bus.ALL}:*")
        pubsub.get_message(timeout=5)
        environment = os.environ | {"DJANGO_SETTINGS_MODULE": "messenger.settings", "REDIS_URL": server.url}
        subprocess.run([sys.executable, "-c", program], env=environment, cwd=ROOT, check=True, timeout=60)
        assert _heard(pubsub, 1) == ["7"]


def test_a_forked_process_publishes_too(server: services.RedisServer) -> None:
    publisher, _ = _publisher(server.url)
    publisher.put("1")
    assert publisher.flush()
    with redis.Redis.from_url(server.url) as client, client.pubsub() as pubsub:
        pubsub.psubscribe(f"{bus.ALL}:*")
        pubsub.get_message(timeout=5)
        child = os.fork()
        if child == 0:
            publisher.put("7")
            os._exit(0 if publisher.flush(5) else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert _heard(pubsub, 1) == ["7"]
