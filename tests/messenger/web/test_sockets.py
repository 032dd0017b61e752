"""Sockets when the server's own side fails: a typed error or a close that says "later", and nothing left behind."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from messenger.asgi import application
from messenger.delivery import hub, metrics, presence, roll
from messenger.delivery.line import BAD_FRAME, SESSION_ENDED, SESSION_RENEWED, TOO_MANY, TRY_AGAIN_LATER
from messenger.delivery.process import hub_of_this_loop
from messenger.people.models import Person, SignInSession
from messenger.web import sockets
from messenger.web.sockets import SOURCE
from tests.cast import PASSWORD, Cast
from tests.environment import BACKEND
from tests.messenger.conversations import office

ClientFor = Callable[[Person], Client]
pytestmark = pytest.mark.django_db(transaction=True)
NEW_PASSWORD = "another-harbour-lantern"


@contextmanager
def _without_markers() -> Iterator[None]:
    """Take a table away that every hello and every `read` needs, as a database that fails would."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE messenger_readmarker RENAME TO messenger_away")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE messenger_away RENAME TO messenger_readmarker")


def _with_socket(browser: Client, scene: Callable[[WebsocketCommunicator], Awaitable[None]]) -> None:
    async def play() -> None:
        async with _socket_of(browser) as socket:
            await scene(socket)

    asyncio.run(play())


@asynccontextmanager
async def _socket_of(browser: Client) -> AsyncIterator[WebsocketCommunicator]:
    cookie = f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"
    headers = [(b"origin", settings.ONRECORD_ORIGINS[0].encode()), (b"cookie", cookie.encode())]
    socket = WebsocketCommunicator(application, "/ws", headers=headers)
    try:
        assert (await socket.connect(timeout=5))[0]
        yield socket
    finally:
        if not socket.future.done():
            await socket.disconnect()


async def _ask(socket: WebsocketCommunicator, frame: dict[str, Any]) -> dict[str, Any]:
    """Send a frame and return its answer; who comes and goes meanwhile is passed over."""
    await socket.send_json_to(frame)
    while (answer := await socket.receive_json_from(timeout=5))["t"] == "eph":
        pass
    return dict(answer)


async def _closed(socket: WebsocketCommunicator) -> int:
    """Return the code with which the server closes the socket."""
    while (output := await socket.receive_output(timeout=5))["type"] != "websocket.close":
        pass
    return int(output["code"])


def test_a_frame_that_fails_on_our_side_is_answered_and_the_socket_stays_open(
    cast: Cast, client_for: ClientFor
) -> None:
    talk = office.direct(cast.alice, cast.bob)
    office.say(cast.bob, talk)

    async def scene(socket: WebsocketCommunicator) -> None:
        assert (await _ask(socket, {"t": "hello", "v": 1}))["t"] == "welcome"
        broken = _without_markers()
        await sync_to_async(broken.__enter__)()
        try:
            error = await _ask(socket, {"t": "read", "c": talk.pk, "n": 2})
        finally:
            await sync_to_async(broken.__exit__)(None, None, None)
        # SQLite says of a missing table what it says of a database that is away.
        assert (error["t"], error["code"]) == ("error", "unavailable" if BACKEND == "sqlite" else "failed")
        assert (await _ask(socket, {"t": "ping"}))["t"] == "pong"

    _with_socket(client_for(cast.alice), scene)


def test_a_socket_that_is_closed_for_what_it_sends_is_counted_once(cast: Cast, client_for: ClientFor) -> None:
    def closed() -> float:
        return sum(one.value for one in metrics.samples() if (one.name, one.reason) == (metrics.CLOSED, str(BAD_FRAME)))

    async def scene(socket: WebsocketCommunicator) -> None:
        assert (await _ask(socket, {"t": "hello", "v": 1}))["t"] == "welcome"
        await socket.send_to(bytes_data=b"no text")
        await socket.send_to(bytes_data=b"no text")
        while (message := await socket.receive_output(timeout=10))["type"] != "websocket.close":
            pass
        assert message["code"] == BAD_FRAME

    before = closed()
    _with_socket(client_for(cast.alice), scene)
    assert closed() == before + 1


def test_a_hello_that_fails_on_our_side_closes_the_socket_for_now(cast: Cast, client_for: ClientFor) -> None:
    office.direct(cast.alice, cast.bob)

    async def scene(socket: WebsocketCommunicator) -> None:
        broken = _without_markers()
        await sync_to_async(broken.__enter__)()
        try:
            await socket.send_json_to({"t": "hello", "v": 1})
            assert await _closed(socket) == TRY_AGAIN_LATER
        finally:
            await sync_to_async(broken.__exit__)(None, None, None)

    _with_socket(client_for(cast.alice), scene)


def test_nobody_has_more_than_so_many_sockets_and_that_is_nobody_elses_affair(
    cast: Cast, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "MOST_SOCKETS", 2)
    alice, bob, hello = client_for(cast.alice), client_for(cast.bob), {"t": "hello", "v": 1}

    async def scene(first: WebsocketCommunicator) -> None:
        assert (await _ask(first, hello))["t"] == "welcome"
        async with _socket_of(alice) as second, _socket_of(alice) as third, _socket_of(bob) as other:
            assert (await _ask(second, hello))["t"] == "welcome"
            await third.send_json_to(hello)
            assert await _closed(third) == TOO_MANY
            assert (await _ask(other, hello))["t"] == "welcome"
        async with _socket_of(alice) as again:
            assert (await _ask(again, hello))["t"] == "welcome", "two have left"

    _with_socket(alice, scene)


def test_a_socket_that_the_server_cancels_is_forgotten(cast: Cast, client_for: ClientFor) -> None:
    async def scene(socket: WebsocketCommunicator) -> None:
        await _ask(socket, {"t": "hello", "v": 1})
        assert len(hub_of_this_loop(SOURCE).lines) == 1
        socket.future.cancel()
        await asyncio.wait([socket.future])
        assert hub_of_this_loop(SOURCE).lines == set()

    _with_socket(client_for(cast.alice), scene)


def test_a_socket_outlives_its_session_by_no_more_than_a_sweep(
    cast: Cast, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "SWEEP_S", 0.2)
    monkeypatch.setattr(hub, "TICK_S", 0.1)
    browser = client_for(cast.alice)
    started_at = timezone.now() - timedelta(seconds=settings.SESSION_COOKIE_AGE - 1)
    SignInSession.objects.filter(person=cast.alice).update(started_at=started_at)

    async def scene(socket: WebsocketCommunicator) -> None:
        assert (await _ask(socket, {"t": "hello", "v": 1}))["t"] == "welcome"
        assert await _closed(socket) == SESSION_ENDED

    _with_socket(browser, scene)


def test_a_change_of_password_sends_its_own_browser_back_with_the_new_cookie(cast: Cast, client_for: ClientFor) -> None:
    """The socket of the old cookie ends: whoever holds a copy of it must not hear on."""
    browser, copied = client_for(cast.alice), Client()
    copied.cookies[settings.SESSION_COOKIE_NAME] = browser.cookies[settings.SESSION_COOKIE_NAME].value
    hello = {"t": "hello", "v": 1}
    fields = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}

    async def scene(own: WebsocketCommunicator) -> None:
        async with _socket_of(copied) as copy:
            for socket in (own, copy):
                assert (await _ask(socket, hello))["t"] == "welcome"
            answer = await sync_to_async(browser.post)("/accounts/password/change/", fields)
            assert answer.status_code == 302
            assert await _closed(own) == await _closed(copy) == SESSION_RENEWED
        async with _socket_of(browser) as again:
            assert (await _ask(again, hello))["t"] == "welcome"
            assert (await _ask(again, {"t": "ping"}))["t"] == "pong"
        async with _socket_of(copied) as copy:
            assert await _closed(copy) == SESSION_ENDED

    _with_socket(browser, scene)


def test_a_client_that_was_told_more_than_the_database_knows_is_sent_back(cast: Cast, client_for: ClientFor) -> None:
    talk = office.direct(cast.alice, cast.bob)
    head = office.say(cast.bob, talk).n

    async def scene(socket: WebsocketCommunicator) -> None:
        welcome = await _ask(socket, {"t": "hello", "v": 1, "cursors": {str(talk.pk): head + 5}})
        assert welcome["heads"][0][:2] == [talk.pk, head]
        assert await socket.receive_json_from(timeout=5) == {"t": "reset", "c": talk.pk, "head": head}
        await sync_to_async(office.say)(cast.bob, talk, "after it")
        assert (await _next(socket, "ev"))["n"] == head + 1

    _with_socket(client_for(cast.alice), scene)


def test_colleagues_see_who_is_here_and_others_do_not(
    cast: Cast, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roll, "GRACE_S", 0.1)
    monkeypatch.setattr(presence, "TICK_S", 0.05)
    office.direct(cast.alice, cast.bob)
    browsers = [client_for(person) for person in (cast.bob, cast.charlie)]

    async def scene(alice: WebsocketCommunicator) -> None:
        await _ask(alice, {"t": "hello", "v": 1})
        assert (await _next(alice, "eph"))["here"] == []
        async with _socket_of(browsers[0]) as bob, _socket_of(browsers[1]) as charlie:
            for socket in (bob, charlie):
                await _ask(socket, {"t": "hello", "v": 1})
            came = {"t": "eph", "kind": "presence", "whole": False, "here": [cast.bob.pk], "gone": []}
            assert await _next(alice, "eph") == came
            assert (await _next(bob, "eph"))["here"] == [cast.alice.pk]
            assert (await _next(charlie, "eph"))["here"] == []
        assert await _next(alice, "eph") == came | {"here": [], "gone": [cast.bob.pk]}

    _with_socket(client_for(cast.alice), scene)


def test_typing_that_cannot_be_shown_is_a_line_in_the_log_and_no_more(
    cast: Cast, client_for: ClientFor, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = office.direct(cast.alice, cast.bob)

    async def away(conversation_id: int, person_id: int) -> bytes:
        raise OperationalError("the database is away")

    async def scene(socket: WebsocketCommunicator) -> None:
        await _ask(socket, {"t": "hello", "v": 1})
        faults: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
        monkeypatch.setattr(hub_of_this_loop(SOURCE), "source", replace(SOURCE, typing=away))
        await socket.send_json_to({"t": "typing", "c": talk.pk})
        async with asyncio.timeout(5):
            while "typing_not_shown" not in caplog.text:
                await asyncio.sleep(0.01)
        gc.collect()  # a task whose error nobody asks for is complained of when it is forgotten
        await asyncio.sleep(0)
        assert faults == []

    _with_socket(client_for(cast.alice), scene)


async def _next(socket: WebsocketCommunicator, t: str) -> dict[str, Any]:
    """Return the next frame of a type; others are passed over."""
    while True:
        frame: dict[str, Any] = await socket.receive_json_from(timeout=5)
        if frame["t"] == t:
            return frame
