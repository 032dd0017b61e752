"""When a post cannot be recorded just now, every door says so, nothing is kept, and the same call works later."""

import asyncio
import sqlite3
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.db import connection, connections
from django.test import Client

from archive import ledger
from archive.ledger import writer
from messenger.asgi import application
from messenger.conversations.models import Message, ReadMarker
from messenger.people.models import Person
from tests.cast import Cast
from tests.messenger.conversations import office

pytestmark = pytest.mark.django_db(transaction=True)
ClientFor = Callable[[Person], Client]
READS = 10


@contextmanager
def crowded() -> Iterator[None]:
    """Leave no room in the writer's queue."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer._writer._waiting, "_limit", 0)
        yield


def test_http_answers_come_back_later_and_the_same_key_then_works(cast: Cast, client_for: ClientFor) -> None:
    conversation, browser = office.direct(cast.alice, cast.bob), client_for(cast.alice)
    wish = {"client_key": str(uuid.uuid4()), "body": "patience"}
    address = f"/api/v1/conversations/{conversation.pk}/messages"
    with crowded():
        refused = browser.post(address, wish, content_type="application/json")
    assert (refused.status_code, refused["Retry-After"], refused.json()["code"]) == (503, "1", "unavailable")
    assert not Message.objects.exists()
    assert browser.post(address, wish, content_type="application/json").status_code == 201
    assert Message.objects.get().body == "patience"


def test_the_socket_says_so_with_the_client_key_and_stays_open(cast: Cast, client_for: ClientFor) -> None:
    conversation, browser = office.direct(cast.alice, cast.bob), client_for(cast.alice)
    frame = {"t": "post", "c": conversation.pk, "client_key": str(uuid.uuid4()), "body": "patience"}

    async def scene(socket: WebsocketCommunicator) -> None:
        assert (await _ask(socket, {"t": "hello", "v": 1, "cursors": {}}))["t"] == "welcome"
        with crowded():
            refused = await _ask(socket, frame)
        assert (refused["t"], refused["code"], refused["client_key"]) == ("error", "unavailable", frame["client_key"])
        while (answer := await _ask(socket, frame))["t"] != "ack":
            assert answer["t"] == "ev"
        assert answer["client_key"] == frame["client_key"]

    asyncio.run(_with_socket(browser, scene))
    assert Message.objects.get().body == "patience"


def test_reads_that_wait_for_the_record_hold_up_nobody_who_only_asks(cast: Cast, client_for: ClientFor) -> None:
    """More of them wait than the event loop's own pool has threads; a browser without a pong takes us for dead."""
    conversation = office.group(cast.alice, cast.bob)
    heads = [office.say(cast.alice, conversation).n for _ in range(READS)]

    async def play() -> None:
        async with AsyncExitStack() as opened:
            readers = [await opened.enter_async_context(_greeted(client_for(cast.bob))) for _ in heads]
            witness = await opened.enter_async_context(_greeted(client_for(cast.alice)))
            with record_kept():
                for reader, n in zip(readers, heads, strict=True):
                    await reader.send_json_to({"t": "read", "c": conversation.pk, "n": n})
                await asyncio.sleep(0.3)  # they all wait now
                answer = await _ask(witness, {"t": "ping"})
                while answer["t"] != "pong":  # somebody else has come
                    answer = await witness.receive_json_from(timeout=5)
                assert not ReadMarker.objects.filter(person=cast.bob, n__gte=heads[0]).exists(), "control: they wait"

    asyncio.run(play())


@pytest.mark.backend("sqlite")
def test_while_the_database_is_away_a_post_and_any_other_act_get_the_same_answer(
    cast: Cast, client_for: ClientFor
) -> None:
    conversation, browser = office.direct(cast.alice, cast.bob), client_for(cast.bob)
    n = office.say(cast.alice, conversation).n
    acts: list[tuple[str, dict[str, object], int]] = [
        ("messages", {"client_key": str(uuid.uuid4()), "body": "patience"}, 201),
        ("read", {"n": n}, 200),
    ]
    for name, wish, expected in acts:
        address = f"/api/v1/conversations/{conversation.pk}/{name}"
        with database_kept():
            refused = browser.post(address, wish, content_type="application/json")
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable"), name
        assert browser.post(address, wish, content_type="application/json").status_code == expected


@contextmanager
def database_kept() -> Iterator[None]:
    """Keep SQLite's write lock, as another program may, for longer than the writer waits for it."""
    ledger.stop_writer()
    other = sqlite3.connect(str(connection.settings_dict["NAME"]), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(connections.settings["default"]["OPTIONS"], "timeout", 0.2)
        yield
    other.execute("ROLLBACK")
    other.close()
    ledger.stop_writer()


@contextmanager
def record_kept() -> Iterator[None]:
    """Hold the record's lock."""
    is_held, is_over = threading.Event(), threading.Event()

    def keep() -> None:
        with ledger.transaction():
            is_held.set()
            is_over.wait(30)
        connection.close()

    thread = threading.Thread(target=keep)
    thread.start()
    is_held.wait()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@asynccontextmanager
async def _greeted(browser: Client) -> AsyncIterator[WebsocketCommunicator]:
    socket = await _connected(browser)
    try:
        await socket.send_json_to({"t": "hello", "v": 1})
        while not await socket.receive_nothing(timeout=0.2):
            await socket.receive_json_from()
        yield socket
    finally:
        await socket.disconnect()


async def _with_socket(browser: Client, scene: Callable[[WebsocketCommunicator], Any]) -> None:
    socket = await _connected(browser)
    await scene(socket)
    await socket.disconnect()


async def _connected(browser: Client) -> WebsocketCommunicator:
    cookie = f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"
    headers = [(b"origin", settings.ONRECORD_ORIGINS[0].encode()), (b"cookie", cookie.encode())]
    socket = WebsocketCommunicator(application, "/ws", headers=headers)
    assert (await socket.connect(timeout=5))[0]
    return socket


async def _ask(socket: WebsocketCommunicator, frame: dict[str, Any]) -> dict[str, Any]:
    await socket.send_json_to(frame)
    answer: dict[str, Any] = await socket.receive_json_from(timeout=10)
    return answer
