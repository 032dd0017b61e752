"""HTTP without a thread for each request: threads are taken again, connections come back, nobody is read to in vain."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from messenger.people.actions import create_token
from messenger.people.models import Person
from messenger.web.handler import OneThreadHandler
from tests.cast import Cast
from tests.messenger.conversations import office, samples
from tests.messenger.web.test_files import post, send_up

pytestmark = pytest.mark.django_db(transaction=True)
ClientFor = Callable[[Person], Client]
SEVERAL_PIECES = samples.PDF + bytes(range(256)) * 4_000


def request_of(path: str, secret: str = "", *, query: bytes = b"") -> dict[str, Any]:
    headers = [(b"host", settings.ALLOWED_HOSTS[0].encode()), (b"authorization", b"Bearer " + secret.encode())]
    return {"type": "http", "method": "GET", "path": path, "query_string": query, "headers": headers}


async def ask(handler: OneThreadHandler, scope: dict[str, Any], *, leave_after: int | None = None) -> list[Any]:
    """Return what the handler sends; the client hangs up after so many messages, else when it has been answered."""
    sent: list[Any] = []
    gone, asked = asyncio.Event(), iter([{"type": "http.request", "body": b""}])

    async def receive() -> Any:
        if (body := next(asked, None)) is not None:
            return body
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) == leave_after:
            gone.set()
        await asyncio.sleep(0)

    await asyncio.wait_for(handler(scope, receive, send), timeout=30)
    return sent


def test_requests_that_follow_each_other_take_the_same_threads(cast: Cast) -> None:
    _, secret = create_token(cast.alice, name="phone")
    handler, before = OneThreadHandler(), set(threading.enumerate())

    async def scene() -> set[int]:
        return {(await ask(handler, request_of("/api/v1/me", secret)))[0]["status"] for _ in range(20)}

    assert asyncio.run(scene()) == {200}
    new = [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("request")]
    assert 1 <= len(new) <= 4  # one that has just answered may not be free yet


def test_a_download_is_whole_and_holds_no_connection_meanwhile(cast: Cast, client_for: ClientFor) -> None:
    address, secret = file_of(cast, client_for)
    handler = OneThreadHandler()

    async def scene() -> tuple[list[Any], bool]:
        sent = await ask(handler, request_of(address, secret))
        return sent, await handler._in_thread(lambda: connection.connection is None)

    sent, has_given_back = asyncio.run(scene())
    assert b"".join(message.get("body", b"") for message in sent) == SEVERAL_PIECES
    assert has_given_back


def test_a_download_ends_when_its_reader_has_gone(cast: Cast, client_for: ClientFor) -> None:
    address, secret = file_of(cast, client_for)
    whole = asyncio.run(ask(OneThreadHandler(), request_of(address, secret)))
    part = asyncio.run(ask(OneThreadHandler(), request_of(address, secret), leave_after=2))
    assert len(part) < len(whole)


def test_an_address_that_is_no_text_is_answered_400() -> None:
    sent = asyncio.run(ask(OneThreadHandler(), request_of("/api/v1/me", query=b"\xff")))
    assert sent[0]["status"] == 400


def file_of(cast: Cast, client_for: ClientFor) -> tuple[str, str]:
    """Return the address of a file of several pieces, and the token of somebody who may read it."""
    conversation, client = office.direct(cast.alice, cast.bob), client_for(cast.alice)
    message = post(client, conversation, send_up(client, SEVERAL_PIECES).json()["id"]).json()
    _, secret = create_token(cast.bob, name="phone")
    return f"/api/v1/conversations/{conversation.pk}/messages/{message['n']}/attachments/0", secret
