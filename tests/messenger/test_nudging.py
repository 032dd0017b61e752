"""Nudges on their way to Celery: once a moment, and a Redis that is away or hangs is felt by nobody."""

import base64
import json
import os
import socket
import time
from collections.abc import Iterator

import pytest
import redis

from archive.outbox import NUDGES_LOST, NUDGES_SENT
from messenger.nudging import TASK, Nudger
from tests import services

QUEUE = "celery"


@pytest.fixture(scope="module")
def server() -> Iterator[services.RedisServer]:
    started = services.start_redis()
    yield started
    started.stop()


def taken(server: services.RedisServer, count: int) -> list[str]:
    """Take so many tasks out of the queue, as a worker would, and what else is in it; return the outboxes' names."""
    names = []
    with redis.Redis.from_url(server.url) as client:
        while (found := client.blpop([QUEUE], timeout=10 if len(names) < count else 0.2)) is not None:
            message = json.loads(found[1])
            arguments, keywords, _ = json.loads(base64.b64decode(message["body"]))
            assert (message["headers"]["task"], keywords) == (TASK, {})
            names.append(*arguments)
    return names


def test_a_hundred_puts_in_a_moment_are_one_task_an_outbox(server: services.RedisServer) -> None:
    nudger, before = Nudger(server.url), NUDGES_SENT["texts"]
    for _ in range(100):
        nudger.put("texts")
        nudger.put("exports")
    assert taken(server, 2) == ["texts", "exports"]
    assert NUDGES_SENT["texts"] == before + 1
    nudger.put("texts")
    assert taken(server, 1) == ["texts"], "what comes later is told anew"


def test_a_redis_that_hangs_holds_up_nobody_and_the_nudges_are_counted_as_lost() -> None:
    lost = NUDGES_LOST["texts"]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nudger = Nudger(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        began = time.monotonic()
        for _ in range(20_000):
            nudger.put("texts")
        assert time.monotonic() - began < 1
        assert not nudger.flush(0.2), "it is still waited for, by nobody but the nudger"
        assert nudger.flush(30)
    assert 0 < NUDGES_LOST["texts"] - lost <= 3, "however many were put"


def test_after_redis_has_come_back_nudges_pass_again(server: services.RedisServer) -> None:
    nudger = Nudger(server.url)
    nudger.put("texts")
    assert taken(server, 1) == ["texts"]
    server.kill()
    lost = NUDGES_LOST["texts"]
    nudger.put("texts")
    assert nudger.flush(30)
    assert NUDGES_LOST["texts"] == lost + 1
    server.start()
    nudger.put("exports")
    assert taken(server, 1) == ["exports"], "what was lost is not sent later: the sweep has looked"


def test_a_forked_process_nudges_too(server: services.RedisServer) -> None:
    nudger = Nudger(server.url)
    nudger.put("texts")
    assert taken(server, 1) == ["texts"]
    child = os.fork()
    if child == 0:
        nudger.put("exports")
        os._exit(0 if nudger.flush(5) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert taken(server, 1) == ["exports"]
    nudger.put("texts")
    assert taken(server, 1) == ["texts"], "the parent's connection is its own"
