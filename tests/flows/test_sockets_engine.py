"""Delivery in the running product, under Daphne and under uvicorn: races, a lost bus, goodbyes, senders of too much.

Each stands beside the product's own process on the same database with a bus that leads nowhere: what is posted through
it wakes its own sockets, what is posted through the other one it must find by itself.
"""

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest

from bench.client import Client
from tests import services
from tests.reader import Reader
from tests.stack import ROOT, Stack, WebProcess

NOWHERE = "redis://127.0.0.1:1/0"
APPLICATION = "messenger.asgi:application"
SERVERS = {
    "daphne": ("-m", "daphne", "-b", "127.0.0.1", APPLICATION, "-p"),
    "uvicorn": ("-m", "uvicorn", "--log-level", "warning", "--ws-per-message-deflate", "false", APPLICATION, "--port"),
}


@contextmanager
def _beside(stack: Stack, name: str) -> Iterator[Stack]:
    """Start a web process of its own on the stack's database."""
    port = services.free_port()
    environment = stack.environment | {"PORT": str(port), "PYTHONPATH": str(ROOT)}
    if "REDIS_URL" in environment:
        environment["REDIS_URL"] = NOWHERE
    arguments = (*SERVERS[name], str(port))
    process = WebProcess(folder=services.new_folder(name), port=port, arguments=arguments, environment=environment)
    try:
        process.start()
        yield replace(stack, web=process)
    finally:
        process.stop()


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, stack: Stack) -> Iterator[Stack]:
    with _beside(stack, request.param) as served:
        yield served


@pytest.fixture(scope="module")
def browsers(stack: Stack) -> dict[str, httpx.Client]:
    return {name: stack.sign_in(name) for name in ("alice", "bob")}


def _at(server: Stack, browser: httpx.Client) -> httpx.Client:
    """Return the signed-in browser at this server."""
    return httpx.Client(base_url=server.url, cookies=browser.cookies, headers=browser.headers, timeout=30)


def _group(browsers: dict[str, httpx.Client]) -> int:
    bob = browsers["bob"].get("/api/v1/me").json()["id"]
    wish = {"kind": "group", "title": uuid.uuid4().hex[:6], "people": [bob]}
    answer = browsers["alice"].post("/api/v1/conversations", json=wish)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def _post(browser: httpx.Client, conversation: int, body: str) -> int:
    wish = {"client_key": str(uuid.uuid4()), "body": body}
    answer = browser.post(f"/api/v1/conversations/{conversation}/messages", json=wish)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["n"])


def _numbers(reader: Reader, conversation: int) -> list[int]:
    return [frame["n"] for frame in reader.frames if frame["t"] == "ev" and frame["c"] == conversation]


@pytest.mark.parametrize("after", [2, 9])
def test_a_removal_that_races_with_a_burst_lets_nothing_after_it_through(
    server: Stack, browsers: dict[str, httpx.Client], after: int
) -> None:
    group, bob_id = _group(browsers), browsers["bob"].get("/api/v1/me").json()["id"]
    reader = Reader.hello(server, browsers["bob"], {group: 1})
    alice = _at(server, browsers["alice"])

    def burst() -> None:
        for number in range(12):
            _post(_at(server, browsers["alice"]), group, f"line {number}")

    posting = [threading.Thread(target=burst) for _ in range(2)]
    for thread in posting:
        thread.start()
    reader.wait_for("ev", c=group, n=1 + after)
    assert alice.delete(f"/api/v1/conversations/{group}/members/{bob_id}").status_code == 204
    for thread in posting:
        thread.join()
    assert reader.wait_for_close(seconds=5) == 4003
    events = alice.get("/api/v1/sync", params={"after": f"{group}:1"}).json()["events"]
    (removal,) = [event["n"] for event in events if event["kind"] == "membership.removed"]
    assert max(event["n"] for event in events) == 26 > removal
    assert _numbers(reader, group) == list(range(2, removal + 1))


def test_without_a_bus_everything_comes_within_five_seconds_once_and_in_order(
    server: Stack, browsers: dict[str, httpx.Client]
) -> None:
    group = _group(browsers)
    reader = Reader.hello(server, browsers["bob"], {group: 1})
    for number in range(5):
        last = _post(browsers["alice"], group, f"line {number}")
    began = time.monotonic()
    reader.wait_for("ev", c=group, n=last, seconds=8)
    assert time.monotonic() - began < 6
    assert _numbers(reader, group) == list(range(2, last + 1))


def test_without_a_bus_a_sign_out_still_ends_the_socket_within_a_second_or_so(stack: Stack, server: Stack) -> None:
    browser = stack.sign_in("dana")
    reader = Reader.hello(server, browser)
    browser.post("/accounts/logout/", data={"csrfmiddlewaretoken": browser.headers["X-CSRFToken"]})
    assert reader.wait_for_close(seconds=1.5) == 4001


def test_who_sends_too_much_is_throttled_and_served_again_after_a_pause(
    server: Stack, browsers: dict[str, httpx.Client]
) -> None:
    reader = Reader.hello(server, browsers["alice"])
    for _ in range(1_200):  # of which a busy machine may forgive some: the bucket fills while it reads
        reader.say({"t": "ping"})
    keys = [reader.post(1, "too much", str(uuid.uuid4())) for _ in range(20)]
    assert "throttled" in {reader.wait_for("error", client_key=key, seconds=20)["code"] for key in keys}
    pongs = [frame["t"] for frame in reader.frames].count("pong")
    assert 150 <= pongs < 1_200
    time.sleep(0.5)
    reader.frames.clear()
    reader.say({"t": "ping"})
    reader.wait_for("pong")


def test_frames_behind_one_that_is_too_large_are_passed_over(server: Stack, browsers: dict[str, httpx.Client]) -> None:
    reader = Reader.open(server, browsers["alice"])
    for _ in range(5):
        reader.say(b"not text")
        reader.say({"t": "ping"})
    assert reader.wait_for_close(seconds=5) == 4009


def test_who_never_stops_is_closed(server: Stack, browsers: dict[str, httpx.Client]) -> None:
    reader = Reader.hello(server, browsers["alice"])
    for _ in range(3_000):
        reader.say({"t": "typing"})
    assert reader.wait_for_close(seconds=20) == 4009


def test_a_server_that_stops_says_when_to_come_back_and_the_reference_client_misses_nothing(
    server: Stack, browsers: dict[str, httpx.Client]
) -> None:
    group = _group(browsers)
    token = browsers["bob"].post("/api/v1/tokens", json={"name": uuid.uuid4().hex}).json()["secret"]
    readers = [Reader.hello(server, browsers["bob"]) for _ in range(4)]
    alice = _at(server, browsers["alice"])
    with _reference_client(server.url, token, {group: 1}) as heard:
        _post(alice, group, "before")
        _wait_until(lambda: heard == [2])
        server.web.stop()
        try:
            for reader in readers:
                reader.listen(5)
            waits = [frame["reconnect_ms"] for reader in readers for frame in reader.frames if frame["t"] == "bye"]
            assert len(waits) == len(set(waits)) == 4 and min(waits) >= 500
            assert all(reader.closed is not None for reader in readers)
        finally:
            server.web.start()
        for number in range(5):
            _post(alice, group, f"after {number}")
        _wait_until(lambda: len(heard) >= 6, seconds=60)  # its next try may be half a minute away
    assert heard == [2, 3, 4, 5, 6, 7]
    logs = [path.read_text(errors="replace") for path in server.web.folder.glob("*.log")]
    assert not [line for log in logs for line in log.splitlines() if "Traceback" in line or "never retrieved" in line]


def test_the_reference_client_goes_on_after_a_time_in_which_it_did_not_belong(
    server: Stack, browsers: dict[str, httpx.Client]
) -> None:
    group, alice = _group(browsers), _at(server, browsers["alice"])
    bob, people = browsers["bob"].get("/api/v1/me").json()["id"], f"/api/v1/conversations/{group}/members"
    assert alice.delete(f"{people}/{bob}").status_code == 204
    _post(alice, group, "not for Bob")
    assert alice.post(people, json={"person": bob}).status_code == 201
    _post(alice, group, "welcome back")
    token = browsers["bob"].post("/api/v1/tokens", json={"name": uuid.uuid4().hex}).json()["secret"]
    with _reference_client(server.url, token, {group: 1}) as heard:
        _wait_until(lambda: heard == [4, 5])
        _post(alice, group, "and on")
        _wait_until(lambda: heard == [4, 5, 6])


def test_the_reference_client_hears_all_of_a_conversation_into_which_it_comes_while_it_is_connected(
    server: Stack, browsers: dict[str, httpx.Client]
) -> None:
    alice, bob = _at(server, browsers["alice"]), browsers["bob"].get("/api/v1/me").json()["id"]
    (dana,) = alice.get("/api/v1/people", params={"q": "dana"}).json()["results"]
    wish = {"kind": "group", "title": uuid.uuid4().hex[:6], "people": [dana["id"]]}
    group = alice.post("/api/v1/conversations", json=wish).json()["id"]
    token = browsers["bob"].post("/api/v1/tokens", json={"name": uuid.uuid4().hex}).json()["secret"]
    cursors: dict[int, int] = {}
    with _reference_client(server.url, token, cursors, group=group) as heard:
        _wait_until(lambda: len(cursors) > 0)  # it has been welcomed
        assert group not in cursors
        assert alice.post(f"/api/v1/conversations/{group}/members", json={"person": bob}).status_code == 201
        for number in range(5):
            _post(alice, group, f"at once {number}")
        _wait_until(lambda: heard[-1:] == [7])
        assert heard == [2, 3, 4, 5, 6, 7]


@contextmanager
def _reference_client(
    url: str, token: str, cursors: dict[int, int], *, group: int | None = None
) -> Iterator[list[int]]:
    """Run the client of bench/ in a thread; give the numbers that it was told in the group, or that of the cursor."""
    heard: list[int] = []
    if group is None:
        (group,) = cursors

    def note(event: dict[str, Any]) -> None:
        if event["c"] == group:
            heard.append(event["n"])

    loop = asyncio.new_event_loop()
    running = loop.create_task(Client(url, token, on_event=note, cursors=cursors).run())
    thread = threading.Thread(target=lambda: loop.run_until_complete(asyncio.wait([running])))
    thread.start()
    try:
        yield heard
    finally:
        loop.call_soon_threadsafe(running.cancel)
        thread.join()
        loop.close()


def _wait_until(is_so: Callable[[], bool], *, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
