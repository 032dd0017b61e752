"""Who is here, in the running product: two processes on one bus, pages that load anew, and several tabs."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx
import pytest

from messenger.delivery.roll import GRACE_S
from tests import services
from tests.reader import Reader
from tests.stack import ROOT, Stack, WebProcess

pytestmark = pytest.mark.backend("postgres")  # with Redis: embedded there is one process only
SOON_S = 4.0  # changes are told within a second; a busy machine gets more


@pytest.fixture(scope="module")
def other(stack: Stack) -> Iterator[Stack]:
    """Another web process on the same database and bus."""
    port = services.free_port()
    environment = stack.environment | {"PORT": str(port)}
    arguments = (str(ROOT / "manage.py"), "serve", "--no-worker")
    web = WebProcess(folder=services.new_folder("other"), port=port, arguments=arguments, environment=environment)
    web.start()
    yield replace(stack, web=web)
    web.stop()


def _here(reader: Reader) -> set[int]:
    """Return who is here, as docs/protocol.md says to read the frames."""
    people: set[int] = set()
    for frame in reader.frames:
        if frame["t"] == "eph" and frame["kind"] == "presence":
            people = set(frame["here"]) if frame["whole"] else (people | set(frame["here"])) - set(frame["gone"])
    return people


def _until(reader: Reader, is_so: Callable[[set[int]], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_so(_here(reader)):
        assert time.monotonic() < deadline, _here(reader)
        reader.listen(0.2)


def _id_of(browser: httpx.Client) -> int:
    return int(browser.get("/api/v1/me").json()["id"])


def test_colleagues_at_two_processes_see_each_other_and_a_new_page_changes_nothing(stack: Stack, other: Stack) -> None:
    alice, bob = stack.sign_in("alice"), stack.sign_in("bob")
    bob_id = _id_of(bob)
    watching = Reader.hello(stack, alice)
    first, second = Reader.hello(other, bob), Reader.hello(stack, bob)
    _until(watching, lambda here: bob_id in here, seconds=SOON_S * 3)
    _until(first, lambda here: _id_of(alice) in here, seconds=SOON_S * 3)
    watching.frames.clear()
    for reader in (first, second):
        reader.close()
    last = Reader.hello(stack, bob)
    watching.listen(GRACE_S + 2)
    told = [frame for frame in watching.frames if frame["t"] == "eph" and bob_id in frame["here"] + frame["gone"]]
    assert told == [], "he was here all the time"
    last.close()
    deadline = time.monotonic() + GRACE_S + SOON_S
    while not any(bob_id in frame.get("gone", ()) for frame in watching.frames):
        assert time.monotonic() < deadline, "he has gone"
        watching.listen(0.2)
