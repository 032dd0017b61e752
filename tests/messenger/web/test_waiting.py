"""When a post cannot be recorded just now, every door says so, nothing is kept, and the same call works later."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.test import Client

from archive.ledger import writer
from messenger.asgi import application
from messenger.conversations.models import Message
from messenger.people.models import Person
from tests.cast import Cast
from tests.messenger.conversations import office

pytestmark = pytest.mark.django_db(transaction=True)
ClientFor = Callable[[Person], Client]


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


async def _with_socket(browser: Client, scene: Callable[[WebsocketCommunicator], Any]) -> None:
    cookie = f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"
    headers = [(b"origin", settings.ONRECORD_ORIGINS[0].encode()), (b"cookie", cookie.encode())]
    socket = WebsocketCommunicator(application, "/ws", headers=headers)
    assert (await socket.connect(timeout=5))[0]
    await scene(socket)
    await socket.disconnect()


async def _ask(socket: WebsocketCommunicator, frame: dict[str, Any]) -> dict[str, Any]:
    await socket.send_json_to(frame)
    answer: dict[str, Any] = await socket.receive_json_from(timeout=10)
    return answer
