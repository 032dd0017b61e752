"""What people say, search, send up and mistype through the running product stands in no log of any of its processes."""

import json
import uuid

import httpx

from tests.reader import Reader
from tests.stack import OFFICE, Stack

WORDS = {place: f"{place}-{uuid.uuid4().hex}" for place in ("body", "long", "frame", "file", "search", "name", "guess")}
NUMBER = "+12025550188"


def _say(alice: httpx.Client) -> None:
    talk = alice.get("/api/v1/conversations").json()["results"][0]["id"]
    for body in (WORDS["body"], WORDS["long"] * 2_000):
        wish = {"client_key": str(uuid.uuid4()), "body": body}
        alice.post(f"/api/v1/conversations/{talk}/messages", json=wish)
    alice.post("/api/v1/contacts", json={"name": WORDS["name"], "number": NUMBER})
    name = {"Content-Disposition": f"attachment; filename*=UTF-8''{WORDS['file']}.exe"}
    alice.post("/api/v1/uploads", content=b"MZ" + WORDS["file"].encode(), headers=name)
    alice.get("/api/v1/people", params={"q": WORDS["search"]})
    assert WORDS["body"] in alice.get(f"/api/v1/conversations/{talk}/messages").text, "control: they did arrive"


def _mistype(stack: Stack, alice: httpx.Client) -> None:
    reader = Reader.hello(stack, alice)
    for frame in (f'{{"t":"post","body":"{WORDS["frame"]}"', json.dumps({"t": WORDS["frame"]}), WORDS["frame"] * 2_000):
        reader.say(frame)
    reader.wait_for_close(seconds=15)
    stranger = httpx.Client(base_url=stack.url, timeout=30)
    answer = stranger.post("/accounts/login/", data={"login": f"bob@{OFFICE}", "password": WORDS["guess"]})
    assert answer.status_code == 403, "control: this is a line in the log"


def test_no_log_holds_what_was_said_or_typed(stack: Stack) -> None:
    alice = stack.sign_in("alice")
    token = alice.post("/api/v1/tokens", json={"name": uuid.uuid4().hex}).json()["secret"]
    _say(alice)
    _mistype(stack, alice)
    written = stack.log()
    assert "/accounts/login/" in written, "control: the log is written, and read here"
    secrets = [*WORDS.values(), NUMBER, NUMBER[2:], token, alice.cookies["session"]]
    assert [secret for secret in secrets if secret in written] == []
