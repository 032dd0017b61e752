"""A short form of each row: a crowd of two in a room of the running product. Peers are left to `make bench`."""

import subprocess
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from bench.asking import ask, dismiss, start_crowd
from tests.stack import Stack

pytestmark = pytest.mark.both
Crowd = subprocess.Popen[str]
WHOLE = {"lost": 0, "doubled": 0, "hung_up": 0}


@pytest.fixture(scope="module")
def office(stack: Stack) -> dict[str, Any]:
    """Tokens of two people, a room of theirs and a desk that only the first one knows."""
    browsers = [stack.sign_in(name) for name in ("alice", "bob")]
    bob = browsers[1].get("/api/v1/me").json()["id"]
    return {
        "names": [_token(browser) for browser in browsers],
        "room": _group(browsers[0], bob),
        "alone": _group(browsers[0], None),
    }


def _token(browser: httpx.Client) -> str:
    made = browser.post("/api/v1/tokens", json={"name": uuid.uuid4().hex})
    return str(made.json()["secret"])


def _group(browser: httpx.Client, other: int | None) -> str:
    people = [] if other is None else [other]
    made = browser.post("/api/v1/conversations", json={"kind": "team", "people": people, "title": uuid.uuid4().hex})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


@pytest.fixture
def crowd(stack: Stack, office: dict[str, Any]) -> Iterator[Crowd]:
    who = {"kind": "onrecord", "port": stack.web.port, "url": stack.url, "names": office["names"]}
    started = start_crowd(who)
    assert ask(started, {"do": "connect", "upto": 2})["connected"] == 2
    ask(started, {"do": "enter", "rooms": [office["room"]], "members": 2})
    yield started
    dismiss(started)


def test_senders_wait_for_the_record_and_everybody_hears_all(
    crowd: Crowd, office: dict[str, Any], stack: Stack
) -> None:
    before = stack.size()
    figures = ask(crowd, {"do": "send", "rooms": [office["room"]] * 2, "seconds": 0.4})
    assert figures["messages"] >= 2
    assert {name: figures[name] for name in WHOLE} == WHOLE
    assert figures["unanswered"] == 0
    assert stack.size() >= before + figures["messages"]


def test_messages_in_flight_are_heard_by_all(crowd: Crowd, office: dict[str, Any]) -> None:
    wish = {"do": "flight", "room": office["room"], "members": 2, "in_flight": 4, "seconds": 0.3}
    figures = ask(crowd, wish)
    assert figures["messages"] >= 4
    assert figures["deliveries_per_s"] > 0
    assert 0 < figures["last_p50_ms"] <= figures["last_p99_ms"]
    assert {name: figures[name] for name in WHOLE} == WHOLE


def test_a_steady_pace_is_kept_and_each_delivery_timed(crowd: Crowd, office: dict[str, Any]) -> None:
    wish = {"do": "pace", "room": office["room"], "members": 2, "per_second": 20.0, "seconds": 0.5}
    figures = ask(crowd, wish)
    assert figures["messages"] == 10
    assert 0 < figures["p50_ms"] <= figures["p99_ms"]
    assert {name: figures[name] for name in WHOLE} == WHOLE


def test_what_somebody_never_hears_is_called_lost(crowd: Crowd, office: dict[str, Any]) -> None:
    """The control: one message into a room that only its speaker hears."""
    room = {"room": office["alone"], "members": 2, "patience_s": 1.0}
    figures = ask(crowd, {"do": "pace", **room, "per_second": 5.0, "seconds": 0.2})
    assert (figures["messages"], figures["lost"]) == (1, 1)
