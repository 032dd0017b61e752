"""What a process commits reaches its own sockets at once, whatever the bus does, under Daphne and under uvicorn.

The servers stand beside the product's own process on the same database; their bus leads nowhere. So what comes at once
was handed over, and what was said through the other process comes by looking.
"""

import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.flows.test_sockets_engine import SERVERS, _at, _beside, _group, _numbers, _post
from tests.reader import Reader
from tests.stack import Stack

TOKEN = "metrics-for-this-test"


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, stack: Stack) -> Iterator[Stack]:
    stack.environment["ONRECORD_METRICS_TOKEN"] = TOKEN
    with _beside(stack, request.param) as served:
        yield served


@pytest.fixture(scope="module")
def browsers(stack: Stack) -> dict[str, httpx.Client]:
    return {name: stack.sign_in(name) for name in ("alice", "bob")}


def _unread(server: Stack) -> float:
    """Return how many events this process delivered without reading them again."""
    answer = httpx.get(f"{server.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    lines = [line for line in answer.text.splitlines() if line.startswith("onrecord_hub_events_unread_total")]
    assert len(lines) == 1, answer.text[:500]
    return float(lines[0].split()[-1])


def test_what_is_said_here_comes_at_once_and_unread(server: Stack, browsers: dict[str, httpx.Client]) -> None:
    group, before = _group(browsers), _unread(server)
    reader = Reader.hello(server, browsers["bob"], {group: 1})
    alice = Reader.hello(server, browsers["alice"], {group: 1})
    for n in range(2, 12):
        began = time.monotonic()
        key = alice.post(group, f"line *{n}*")
        alice.wait_for("ack", client_key=key)
        reader.wait_for("ev", c=group, n=n)
        assert time.monotonic() - began < 2.5  # a look without a bus comes after up to five
    alice.wait_for("ev", c=group, n=11)
    assert _numbers(reader, group) == _numbers(alice, group) == list(range(2, 12))
    assert _unread(server) == before + 10


def test_what_is_said_here_and_there_comes_once_and_in_order(server: Stack, browsers: dict[str, httpx.Client]) -> None:
    """A gap before what was handed over is read; what the other process said meanwhile is in it."""
    group = _group(browsers)
    reader = Reader.hello(server, browsers["bob"], {group: 1})

    def speak(browser: httpx.Client) -> None:
        for number in range(8):
            _post(browser, group, f"line {number}")

    speakers = [threading.Thread(target=speak, args=[one]) for one in (browsers["alice"], _at(server, browsers["bob"]))]
    for speaker in speakers:
        speaker.start()
    for speaker in speakers:
        speaker.join()
    reader.wait_for("ev", c=group, n=17, seconds=8)
    assert _numbers(reader, group) == list(range(2, 18))


def test_the_event_the_answer_and_the_page_show_the_same_message(
    server: Stack, browsers: dict[str, httpx.Client]
) -> None:
    group = _group(browsers)
    reader = Reader.hello(server, browsers["bob"], {group: 1})
    alice = Reader.hello(server, browsers["alice"], {group: 1})
    key = alice.post(group, "@bob *look* \u2014 \U0001f600 <b>")
    ack = alice.wait_for("ack", client_key=key)
    event = reader.wait_for("ev", c=group, n=2)
    page = _at(server, browsers["bob"]).get(f"/api/v1/conversations/{group}/messages").json()
    synced = _at(server, browsers["bob"]).get("/api/v1/sync", params={"after": f"{group}:1"}).json()
    assert ack["message"] == event["message"] == page["messages"][0] == synced["events"][0]["message"]
    assert event == synced["events"][0]


def test_a_sign_out_that_follows_a_message_ends_the_socket(
    stack: Stack, server: Stack, browsers: dict[str, httpx.Client]
) -> None:
    browser = stack.sign_in("charlie")
    alice = browsers["alice"].get("/api/v1/me").json()["id"]
    talk = _at(server, browser).post("/api/v1/conversations", json={"kind": "direct", "people": [alice]})
    assert talk.status_code in (200, 201), talk.text
    conversation = talk.json()["id"]
    reader = Reader.hello(server, browser, {conversation: talk.json()["head"]})
    _post(_at(server, browser), conversation, "my last words")
    _at(server, browser).post("/accounts/logout/", data={"csrfmiddlewaretoken": browser.headers["X-CSRFToken"]})
    assert reader.wait_for_close(seconds=2.5) == 4001
