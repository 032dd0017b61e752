"""What the API answers to input that nobody should send: one typed error each, nothing stored, no traceback."""

import re
import time
import uuid
from typing import Any

import httpx
import pytest

from tests.stack import Stack

QUIET_S = 1.5  # several sweeps
QUIET_LIMIT_S = 30


@pytest.fixture(scope="module")
def alice(stack: Stack) -> httpx.Client:
    return stack.sign_in("alice")


@pytest.fixture(scope="module")
def home(alice: httpx.Client) -> str:
    """The address of the messages of alice's and bob's direct conversation."""
    rows = alice.get("/api/v1/conversations").json()["results"]
    direct = next(row for row in rows if row["kind"] == "direct")
    return f"/api/v1/conversations/{direct['id']}/messages"


@pytest.fixture(scope="module", autouse=True)
def _quiet(stack: Stack, alice: httpx.Client) -> None:
    """Wait until the worker has done what a start leaves it to do: its entries are not what these tests count."""
    last, since, deadline = stack.size(), time.monotonic(), time.monotonic() + QUIET_LIMIT_S
    while time.monotonic() - since < QUIET_S:
        assert time.monotonic() < deadline, "the record does not come to rest"
        time.sleep(0.1)
        if (size := stack.size()) != last:
            last, since = size, time.monotonic()


def _without_tokens(page: str) -> str:
    """Every answer carries the same CSRF token in another mask."""
    return re.sub(r"\b\w{64}\b", "", page)


def _wish(body: Any = "hello", key: Any = None) -> dict[str, Any]:
    return {"client_key": key or str(uuid.uuid4()), "body": body}


BAD_WISHES: dict[str, tuple[dict[str, Any], int, str, str | None]] = {
    "empty body": ({"json": _wish("")}, 400, "invalid", "body"),
    "blank body": ({"json": _wish(" \n ")}, 400, "invalid", "body"),
    "no body": ({"json": {"client_key": str(uuid.uuid4())}}, 400, "invalid", "body"),
    "NUL": ({"json": _wish("a\x00b")}, 400, "invalid", "body"),
    "number as body": ({"json": _wish([1])}, 400, "invalid", "body"),
    "body over the limit": ({"json": _wish("x" * 20_001)}, 400, "invalid", "body"),
    "10 MB": ({"json": _wish("x" * 10_000_000)}, 413, "too_large", None),
    "no key": ({"json": {"body": "hello"}}, 400, "invalid", "client_key"),
    "bad key": ({"json": _wish(key="seven")}, 400, "invalid", "client_key"),
    "broken JSON": (
        {"content": b'{"body": ', "headers": {"Content-Type": "application/json"}},
        400,
        "malformed_json",
        None,
    ),
    "not JSON": ({"data": {"body": "hello"}}, 415, "malformed_json", None),
    "invalid UTF-8": (
        {"content": b'{"body":"\xff"}', "headers": {"Content-Type": "application/json"}},
        400,
        "malformed_json",
        None,
    ),
    "lone surrogate": (
        {
            "content": b'{"client_key":"7e0cfa0e-5e0b-4a53-8f52-9c7ac40c6c11","body":"\\ud800"}',
            "headers": {"Content-Type": "application/json"},
        },
        400,
        "malformed_json",
        None,
    ),
}


@pytest.mark.parametrize("name", BAD_WISHES)
def test_a_bad_post_is_refused_with_a_typed_error_and_nothing_is_stored(
    stack: Stack, alice: httpx.Client, home: str, name: str
) -> None:
    request, status, code, field = BAD_WISHES[name]
    before = stack.size()
    answer = alice.post(home, **request)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (status, code, field), answer.text
    assert answer.json()["message"]
    assert stack.size() == before
    assert "Traceback" not in stack.log()


def test_an_unknown_conversation_and_a_hidden_one_get_the_same_answer(
    stack: Stack, alice: httpx.Client, home: str
) -> None:
    charlie = stack.sign_in("charlie")
    hidden = charlie.post(home, json=_wish())
    absent = charlie.post("/api/v1/conversations/987654/messages", json=_wish())
    assert hidden.status_code == absent.status_code == 404
    assert hidden.content == absent.content
    page = charlie.get(home.replace("/api/v1/conversations", "/c").replace("messages", ""))
    no_page = charlie.get("/c/987654/")
    assert page.status_code == no_page.status_code == 404
    assert _without_tokens(page.text) == _without_tokens(no_page.text)


def test_another_persons_client_key_is_refused(stack: Stack, alice: httpx.Client, home: str) -> None:
    key = str(uuid.uuid4())
    assert alice.post(home, json=_wish(key=key)).status_code == 201
    assert alice.post(home, json=_wish(key=key)).status_code == 200
    bob = stack.sign_in("bob")
    answer = bob.post(home, json=_wish("other words", key=key))
    assert (answer.status_code, answer.json()["code"]) == (409, "key_taken")


@pytest.mark.parametrize("token", ["", "x" * 64])
def test_a_wrong_csrf_token_is_refused(stack: Stack, alice: httpx.Client, home: str, token: str) -> None:
    answer = alice.post(home, json=_wish(), headers={"X-CSRFToken": token})
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")


def test_a_post_from_another_origin_is_refused(stack: Stack, alice: httpx.Client, home: str) -> None:
    answer = alice.post(home, json=_wish(), headers={"Origin": "https://evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")


def test_without_a_session_the_api_says_so(stack: Stack, home: str) -> None:
    answer = httpx.get(f"{stack.url}{home}")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


def test_another_host_name_is_refused(stack: Stack) -> None:
    answer = httpx.get(f"{stack.url}/accounts/login/", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "Traceback" not in stack.log()


def test_a_personal_token_opens_the_api_until_it_is_revoked(stack: Stack, alice: httpx.Client) -> None:
    made = alice.post("/api/v1/tokens", json={"name": "script"}).json()
    bearer = {"Authorization": f"Bearer {made['secret']}"}
    assert httpx.get(f"{stack.url}/api/v1/me", headers=bearer).json()["name"].startswith("Alice")
    assert alice.delete(f"/api/v1/tokens/{made['id']}").status_code == 204
    assert httpx.get(f"{stack.url}/api/v1/me", headers=bearer).status_code == 401


def test_the_schema_describes_every_call(stack: Stack, alice: httpx.Client) -> None:
    schema = alice.get("/api/v1/schema/?format=json").json()
    for path in ("/api/v1/conversations", "/api/v1/sync", "/api/v1/exports", "/api/v1/record/search"):
        assert path in schema["paths"], sorted(schema["paths"])
    assert alice.get("/api/v1/docs/").status_code == 200
