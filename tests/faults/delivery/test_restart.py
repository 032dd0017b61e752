"""PostgreSQL is restarted under a running server: its connections are dead, and nobody who asks then notices."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest

from tests import services
from tests.stack import Stack, new_stack

pytestmark = [pytest.mark.backend("postgres"), pytest.mark.faults_only]
AT_ONCE = 12


@pytest.fixture(scope="module")
def server() -> Iterator[services.PostgresServer]:
    started = services.start_postgres()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def stack(server: services.PostgresServer) -> Iterator[Stack]:
    stack = new_stack()
    stack.environment["DATABASE_URL"] = server.url
    stack.web.start()
    yield stack
    stack.web.stop()


def _ask(url: str) -> int:
    """Ask for a page that every request looks into the database for: while there is no firm, the first run."""
    return httpx.get(f"{url}/accounts/login/", timeout=30).status_code


def _ask_often(stack: Stack, times: int) -> set[int]:
    with ThreadPoolExecutor(AT_ONCE) as callers:
        return set(callers.map(_ask, [stack.url] * times))


def _is_ready(stack: Stack) -> bool:
    return httpx.get(f"{stack.url}/readyz", timeout=10).status_code == 200


def _connections(server: services.PostgresServer) -> int:
    with psycopg.connect(server.url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = 'onrecord' AND pid <> pg_backend_pid()"
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_once_it_says_that_it_is_ready_no_request_fails(stack: Stack, server: services.PostgresServer) -> None:
    assert _ask_often(stack, 60) == {302}
    assert _connections(server) > 2, "the pool holds connections that can die"
    server.stop()
    assert not _is_ready(stack)
    assert _ask(stack.url) == 500, "control: without a database it does fail"
    server.start()
    deadline = time.monotonic() + 20
    while not _is_ready(stack):
        assert time.monotonic() < deadline, "it did not come back by itself"
        time.sleep(0.1)
    assert _ask_often(stack, 60) == {302}
