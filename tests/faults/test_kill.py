"""kill -9 of the server while clients send: what was acknowledged is there once, in order, in stream and record.

The clients keep an outbox and their client keys, as the page does: after the restart they send the rest again.
The rig counts what was in flight at each kill: a run in which nothing was would show nothing.
"""

import random
import threading
import time
import uuid
from dataclasses import dataclass, field

import httpx
import pytest

from tests.stack import Stack, new_stack

CYCLES = 10
SENDERS = ("alice", "bob", "henry", "ines")
SECONDS_BETWEEN = (0.4, 1.2)


@dataclass
class Sender(threading.Thread):
    """Sends numbered messages one after another; keeps what was acknowledged and what is still in the outbox."""

    browser: httpx.Client
    address: str
    who: str
    acknowledged: dict[str, int] = field(default_factory=dict)  # body -> n
    written: list[str] = field(default_factory=list)  # every body that was ever handed to the network
    keys: dict[str, str] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        number = 0
        while not self.stopping.is_set():
            body = f"{self.who} {number}"
            self.written.append(body)
            self.keys[body] = str(uuid.uuid4())
            while not self._send(body) and not self.stopping.is_set():
                time.sleep(0.05)
            number += 1

    def flush(self) -> None:
        """Send what the outbox still holds."""
        for body in self.written:
            if body not in self.acknowledged:
                assert self._send(body), f"{body} could not be sent after the restart"

    def _send(self, body: str) -> bool:
        try:
            answer = self.browser.post(self.address, json={"client_key": self.keys[body], "body": body}, timeout=10)
        except httpx.HTTPError:
            return False
        if answer.status_code not in (200, 201):
            return False
        self.acknowledged[body] = answer.json()["n"]
        return True


@pytest.fixture
def stack() -> Stack:
    stack = new_stack()
    stack.manage("demo")
    return stack


def test_ten_kills_lose_nothing_double_nothing_and_keep_the_order(stack: Stack) -> None:
    stack.start()
    try:
        conversation, senders = _begin(stack)
        seen_before_kill = _kill_again_and_again(stack, senders)
        for sender in senders:
            sender.stopping.set()
            sender.join(30)
        unacknowledged = sum(len(sender.written) - len(sender.acknowledged) for sender in senders)
        for sender in senders:
            sender.flush()
        _compare(stack, conversation, senders)
        assert seen_before_kill > 0, "no kill met a message in flight: the run shows nothing"
        print(
            f"kills: {CYCLES}, acknowledged: {sum(len(s.acknowledged) for s in senders)}, "
            f"unacknowledged at the end: {unacknowledged}, in flight at kills: {seen_before_kill}"
        )
        assert "Traceback" not in stack.log()
    finally:
        stack.stop()
    assert "sound" in stack.manage("record", "check").stdout


def _begin(stack: Stack) -> tuple[int, list[Sender]]:
    browsers = {name: stack.sign_in(name) for name in SENDERS}
    people = [browser.get("/api/v1/me").json()["id"] for browser in browsers.values()]
    wish = {"kind": "group", "title": "Storm", "people": people[1:]}
    conversation = browsers["alice"].post("/api/v1/conversations", json=wish).json()["id"]
    address = f"/api/v1/conversations/{conversation}/messages"
    senders = [Sender(browser=browser, address=address, who=name) for name, browser in browsers.items()]
    for sender in senders:
        sender.start()
    return conversation, senders


def _kill_again_and_again(stack: Stack, senders: list[Sender]) -> int:
    """Return how many messages had been handed to the network and not acknowledged at the moments of the kills."""
    dice, in_flight = random.Random(20261121), 0
    for _ in range(CYCLES):
        time.sleep(dice.uniform(*SECONDS_BETWEEN))
        stack.web.kill()
        in_flight += sum(len(sender.written) - len(sender.acknowledged) for sender in senders)
        stack.web.start()
    time.sleep(0.5)
    return in_flight


def _compare(stack: Stack, conversation: int, senders: list[Sender]) -> None:
    stored = _history(senders[0].browser, conversation)
    bodies = [message["body"] for message in stored]
    assert len(bodies) == len(set(bodies)), "a message is there twice"
    numbers = {message["body"]: message["n"] for message in stored}
    for sender in senders:
        assert set(sender.acknowledged) == set(sender.written)
        assert {body: numbers.get(body) for body in sender.acknowledged} == sender.acknowledged
        mine = [body for body in bodies if body.split()[0] == sender.who]
        assert mine == sender.written, f"{sender.who}: order or content differs"
    assert [message["n"] for message in stored] == sorted(numbers.values())


def _history(browser: httpx.Client, conversation: int) -> list[dict[str, object]]:
    """Return the whole conversation by its stream: every event from the first, through `sync`."""
    found: list[dict[str, object]] = []
    cursor, is_limited = 1, True
    while is_limited:
        answer = browser.get(f"/api/v1/sync?after={conversation}:{cursor}&limit=500").json()
        events = [event for event in answer["events"] if event["c"] == conversation]
        assert [event["n"] for event in events] == list(range(cursor + 1, cursor + 1 + len(events))), "a gap"
        found += [event["message"] for event in events if event["kind"] == "message.created"]
        cursor, is_limited = cursor + len(events), answer["limited"]
    return found
