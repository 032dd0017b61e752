"""Sockets that say nothing: how long they may, how many may, and that a place is given back whatever happens."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.test import Client
from pytest_django import Settings

from messenger.asgi import application
from messenger.delivery.line import NO_HELLO, SESSION_ENDED, TOO_MANY
from messenger.people.models import Person
from messenger.web import lobby
from messenger.web.lobby import address_of
from messenger.web.sockets import LOBBY
from tests.cast import Cast

ClientFor = Callable[[Person], Client]
HELLO = {"t": "hello", "v": 1}


@pytest.mark.parametrize(
    ("trusted", "forwarded", "address"),
    [
        (0, ["203.0.113.9"], "192.0.2.1"),
        (1, ["203.0.113.9"], "203.0.113.9"),
        (1, ["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
        (2, ["6.6.6.6", "203.0.113.9, 10.0.0.1"], "203.0.113.9"),
        (2, ["203.0.113.9"], "192.0.2.1"),
        (1, [], "192.0.2.1"),
    ],
)
def test_an_address_is_what_the_proxies_that_we_trust_say(
    settings: Settings, trusted: int, forwarded: list[str], address: str
) -> None:
    settings.ONRECORD_TRUSTED_PROXIES = trusted
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    assert address_of({"client": ["192.0.2.1", 4711], "headers": headers}) == address


async def _open(browser: Client | None, *, address: str = "192.0.2.1") -> WebsocketCommunicator:
    headers = [(b"origin", settings.ONRECORD_ORIGINS[0].encode())]
    if browser is not None:
        name = settings.SESSION_COOKIE_NAME
        headers.append((b"cookie", f"{name}={browser.cookies[name].value}".encode()))
    socket = WebsocketCommunicator(application, "/ws", headers=headers)
    socket.scope["client"] = [address, 4711]
    assert (await socket.connect(timeout=5))[0]
    return socket


async def _code(socket: WebsocketCommunicator) -> int:
    closed = await socket.receive_output(timeout=5)
    assert closed["type"] == "websocket.close", closed
    return int(closed["code"])


async def _begin(socket: WebsocketCommunicator) -> dict[str, Any]:
    await socket.send_json_to(HELLO)
    answer: dict[str, Any] = await socket.receive_json_from(timeout=5)
    return answer


async def _settle(*sockets: WebsocketCommunicator) -> None:
    """Let the sockets reach the place at which they wait for a frame."""
    for socket in sockets:
        await socket.send_json_to({"t": "ping"})
        assert (await socket.receive_json_from(timeout=5))["code"] == "hello_first"


async def _leave(*sockets: WebsocketCommunicator) -> None:
    """Let everybody go; nobody's place is kept."""
    for socket in sockets:
        await socket.disconnect()
    assert len(LOBBY) == 0


@pytest.mark.django_db(transaction=True)
def test_who_says_nothing_is_closed_and_who_has_said_hello_is_not(
    cast: Cast, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lobby, "HELLO_S", 1.5)

    async def play() -> None:
        browser = await sync_to_async(client_for)(cast.alice)
        silent, chatting = await _open(browser), await _open(browser)
        assert (await _begin(chatting))["t"] == "welcome"
        await _settle(silent)  # words that are no hello give no time
        assert await _code(silent) == NO_HELLO
        await asyncio.sleep(0.2)
        await chatting.send_json_to({"t": "ping"})
        while (await chatting.receive_json_from(timeout=5))["t"] != "pong":
            pass
        await _leave(silent, chatting)

    asyncio.run(play())


@pytest.mark.django_db(transaction=True)
def test_so_many_of_one_person_may_wait_and_a_hello_makes_room(
    cast: Cast, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lobby, "MOST_OF_PERSON", 2)

    async def play() -> None:
        alice, bob = [await sync_to_async(client_for)(person) for person in (cast.alice, cast.bob)]
        waiting = [await _open(alice), await _open(alice)]
        await _settle(*waiting)
        assert await _code(await _open(alice)) == TOO_MANY
        other = await _open(bob)
        await _settle(other)
        assert (await _begin(waiting[0]))["t"] == "welcome"
        fourth = await _open(alice)
        await _settle(fourth)
        await _leave(*waiting, other, fourth)

    asyncio.run(play())


@pytest.mark.django_db(transaction=True)
def test_so_many_of_one_address_may_wait_and_strangers_take_nobodys_place_for_long(
    cast: Cast, client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lobby, "MOST_OF_ADDRESS", 1)

    async def play() -> None:
        alice = await sync_to_async(client_for)(cast.alice)
        stranger = await _open(None)
        assert await _code(stranger) == SESSION_ENDED
        await stranger.disconnect()
        first = await _open(alice)
        await _settle(first)
        assert await _code(await _open(alice)) == TOO_MANY
        elsewhere = await _open(alice, address="192.0.2.2")
        await _settle(elsewhere)
        await _leave(first, elsewhere)

    asyncio.run(play())
