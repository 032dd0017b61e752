"""Sockets when the server's own side fails: a typed error or a close that says "later", and nothing left behind."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from messenger.asgi import application
from messenger.delivery import hub
from messenger.delivery.line import SESSION_ENDED, TOO_MANY
from messenger.delivery.process import hub_of_this_loop
from messenger.people.models import Person, SignInSession
from messenger.web import sockets
from messenger.web.sockets import SOURCE, TRY_AGAIN_LATER
from tests.cast import Cast
from tests.messenger.conversations import office

ClientFor = Callable[[Person], Client]
pytestmark = pytest.mark.django_db(transaction=True)


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
    await socket.send_json_to(frame)
    answer: dict[str, Any] = await socket.receive_json_from(timeout=5)
    return answer


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
        assert (error["t"], error["code"]) == ("error", "failed")
        assert (await _ask(socket, {"t": "ping"}))["t"] == "pong"

    _with_socket(client_for(cast.alice), scene)


def test_a_hello_that_fails_on_our_side_closes_the_socket_for_now(cast: Cast, client_for: ClientFor) -> None:
    office.direct(cast.alice, cast.bob)

    async def scene(socket: WebsocketCommunicator) -> None:
        broken = _without_markers()
        await sync_to_async(broken.__enter__)()
        try:
            await socket.send_json_to({"t": "hello", "v": 1})
            closed = await socket.receive_output(timeout=5)
            assert (closed["type"], closed.get("code")) == ("websocket.close", TRY_AGAIN_LATER)
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
            closed = await third.receive_output(timeout=5)
            assert (closed["type"], closed["code"]) == ("websocket.close", TOO_MANY)
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
        closed = await socket.receive_output(timeout=5)
        assert (closed["type"], closed["code"]) == ("websocket.close", SESSION_ENDED)

    _with_socket(browser, scene)
