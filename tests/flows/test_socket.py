"""The socket of the running product: both ways, resumed by cursor, closed on revocation, typed errors."""

import json
import time
import uuid

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.reader import Reader
from tests.stack import Stack

WITHIN_S = 1.0  # what the design promises for revocations


@pytest.fixture(scope="module")
def alice(stack: Stack) -> httpx.Client:
    return stack.sign_in("alice")


@pytest.fixture(scope="module")
def bob(stack: Stack) -> httpx.Client:
    return stack.sign_in("bob")


def _id_of(browser: httpx.Client) -> int:
    return int(browser.get("/api/v1/me").json()["id"])


def _group(owner: httpx.Client, *others: httpx.Client) -> int:
    wish = {"kind": "group", "title": f"Group {uuid.uuid4().hex[:6]}", "people": [_id_of(other) for other in others]}
    answer = owner.post("/api/v1/conversations", json=wish)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def test_messages_arrive_both_ways_and_are_acknowledged_with_their_entry(
    stack: Stack, alice: httpx.Client, bob: httpx.Client
) -> None:
    group = _group(alice, bob)
    left, right = Reader.hello(stack, alice, {group: 1}), Reader.hello(stack, bob, {group: 1})
    key = left.post(group, "to bob")
    ack = left.wait_for("ack", client_key=key)
    assert ack["message"]["seq"] > 0
    right.wait_for("ev", c=group, n=ack["n"])
    right.post(group, "to alice")
    for reader in (left, right):
        reader.wait_for("ev", c=group, n=ack["n"] + 1)
    assert left.bodies(group) == right.bodies(group) == ["to bob", "to alice"]


def test_a_conversation_opened_while_the_socket_is_open_is_heard(
    stack: Stack, alice: httpx.Client, bob: httpx.Client
) -> None:
    reader = Reader.hello(stack, bob)
    group = _group(alice, bob)
    reader.wait_for("ev", c=group, n=1, kind="conversation.created")


def test_a_client_that_was_away_gets_what_it_missed_once_and_in_order(
    stack: Stack, alice: httpx.Client, bob: httpx.Client
) -> None:
    group = _group(alice, bob)
    for number in range(10):
        _post(alice, group, f"line {number}")
    reader = Reader.hello(stack, bob, {group: 4})
    reader.wait_for("ev", c=group, n=11)
    reader.listen(0.3)
    assert [frame["n"] for frame in reader.frames if frame["t"] == "ev" and frame["c"] == group] == list(range(5, 12))


def test_a_removed_member_hears_nothing_and_is_closed_within_a_second(
    stack: Stack, alice: httpx.Client, bob: httpx.Client
) -> None:
    group = _group(alice, bob)
    reader = Reader.hello(stack, bob, {group: 1})
    began = time.monotonic()
    assert alice.delete(f"/api/v1/conversations/{group}/members/{_id_of(bob)}").status_code == 204
    _post(alice, group, "now that he is gone")
    assert reader.wait_for_close(seconds=WITHIN_S + 1) == 4003
    assert time.monotonic() - began <= WITHIN_S + 0.2
    assert reader.bodies(group) == []
    again = Reader.hello(stack, bob, {group: 1})
    _post(alice, group, "still gone")
    again.listen(0.7)
    assert again.bodies(group) == []


def test_signing_out_closes_the_socket_within_a_second(stack: Stack) -> None:
    browser = stack.sign_in("dana")
    reader = Reader.hello(stack, browser)
    began = time.monotonic()
    browser.post("/accounts/logout/", data={"csrfmiddlewaretoken": browser.headers["X-CSRFToken"]})
    assert reader.wait_for_close(seconds=WITHIN_S + 1) == 4001
    assert time.monotonic() - began <= WITHIN_S + 0.2


def test_without_a_session_the_socket_is_closed(stack: Stack) -> None:
    reader = Reader.open(stack, httpx.Client(base_url=stack.url))
    reader.say({"t": "hello", "v": 1, "cursors": {}})
    assert reader.wait_for_close(seconds=3) == 4001


@pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost:1", "https://localhost", "null"])
def test_another_origin_is_refused_before_anything_else(stack: Stack, alice: httpx.Client, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        Reader.open(stack, alice, origin=origin)
    assert refusal.value.response.status_code == 403


@pytest.mark.parametrize("path", ["/", "/ws/", "/ws/7", "/api/v1/me"])
def test_another_address_is_refused_without_a_trace(stack: Stack, alice: httpx.Client, path: str) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        Reader.open(stack, alice, path=path)
    assert refusal.value.response.status_code == 403
    assert "Traceback" not in stack.log()


def test_typing_is_shown_to_the_others_only(stack: Stack, alice: httpx.Client, bob: httpx.Client) -> None:
    group = _group(alice, bob)
    left, right = Reader.hello(stack, alice, {group: 1}), Reader.hello(stack, bob, {group: 1})
    left.say({"t": "typing", "c": group})
    assert right.wait_for("eph", c=group)["person"]["name"].startswith("Alice")
    left.listen(0.3)
    assert not [frame for frame in left.frames if frame["t"] == "eph" and frame["kind"] == "typing"]


@pytest.mark.parametrize("way", ["socket", "http"])
def test_a_reading_is_told_to_ones_own_devices_only(
    stack: Stack, alice: httpx.Client, bob: httpx.Client, way: str
) -> None:
    group = _group(alice, bob)
    _post(alice, group, "read me")
    laptop, phone = Reader.hello(stack, bob, {group: 2}), Reader.hello(stack, bob, {group: 2})
    author = Reader.hello(stack, alice, {group: 2})
    if way == "socket":
        laptop.say({"t": "read", "c": group, "n": 2})
    else:
        assert bob.post(f"/api/v1/conversations/{group}/read", json={"n": 2}).json() == {"n": 2, "unread": 0}
    for device in (laptop, phone):
        assert device.wait_for("eph", kind="read", c=group)["n"] == 2
    author.listen(0.5)
    assert [frame for frame in author.frames if frame.get("kind") == "read"] == []


BAD_FRAMES = {
    "not json": ("{", "malformed_json"),
    "a list": ("[1]", "malformed_json"),
    "deep nesting": ("[" * 30_000, "malformed_json"),
    "no type": ({"c": 1}, "unknown_type"),
    "unknown type": ({"t": "delete"}, "unknown_type"),
    "list as type": ({"t": []}, "unknown_type"),
    "hello twice": ({"t": "hello", "v": 1}, "conflict"),
    "text as conversation": ({"t": "read", "c": "7", "n": 1}, "invalid"),
    "true as number": ({"t": "read", "c": True, "n": 1}, "invalid"),
    "huge number": ({"t": "read", "c": 2**60, "n": 1}, "invalid"),
    "unknown conversation": ({"t": "read", "c": 999_999, "n": 1}, "not_found"),
    "typing elsewhere": ({"t": "typing", "c": 999_999}, "not_found"),
    "post without key": ({"t": "post", "c": 1, "body": "x"}, "invalid"),
    "post elsewhere": ({"t": "post", "c": 999_999, "client_key": str(uuid.uuid4()), "body": "x"}, "not_found"),
    "empty body": ({"t": "post", "c": 1, "client_key": str(uuid.uuid4()), "body": " "}, "invalid"),
    "no body": ({"t": "post", "c": 1, "client_key": str(uuid.uuid4())}, "invalid"),
    "NUL body": ({"t": "post", "c": 1, "client_key": str(uuid.uuid4()), "body": "a\x00"}, "invalid"),
    "lone surrogate as key": (r'{"t":"post","c":1,"client_key":"\ud800","body":"x"}', "invalid"),
    "lone surrogate": (f'{{"t":"post","c":1,"client_key":"{uuid.uuid4()}","body":"\\ud800"}}', "invalid"),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_a_bad_frame_gets_a_typed_error_and_the_socket_stays_open(stack: Stack, alice: httpx.Client, name: str) -> None:
    frame, code = BAD_FRAMES[name]
    reader = Reader.hello(stack, alice)
    reader.say(frame if isinstance(frame, str) else json.dumps(frame))
    error = reader.wait_for("error")
    assert error["code"] == code and error["message"]
    reader.say({"t": "ping"})
    reader.wait_for("pong")
    assert "Traceback" not in stack.log()


def test_anything_before_hello_is_answered_with_hello_first(stack: Stack, alice: httpx.Client) -> None:
    reader = Reader.open(stack, alice)
    reader.say({"t": "ping"})
    assert reader.wait_for("error")["code"] == "hello_first"


@pytest.mark.parametrize("size", [70_000, 10_000_000])
def test_a_frame_over_the_limit_closes_the_socket_and_stores_nothing(
    stack: Stack, alice: httpx.Client, size: int
) -> None:
    reader = Reader.hello(stack, alice)
    reader.post(1, "x" * size)
    assert reader.wait_for_close(seconds=5) in (1009, 4009, 1006)
    assert "Traceback" not in stack.log()


def _post(browser: httpx.Client, conversation: int, body: str) -> httpx.Response:
    wish = {"client_key": str(uuid.uuid4()), "body": body}
    answer = browser.post(f"/api/v1/conversations/{conversation}/messages", json=wish)
    assert answer.status_code == 201, answer.text
    return answer
