"""A socket whose server breaks in the middle of a send is ended, and not left open in silence."""

import asyncio

import pytest

from messenger.delivery.line import TOO_SLOW, Line
from messenger.delivery.outlets import QueuedOutlet
from messenger.delivery.parcels import parcel
from tests.messenger.delivery.stage import Phone


def closed_after_a_failing_send(error: Exception) -> list[int]:
    """Return the close codes of a socket whose second frame cannot be sent; nothing is offered after it."""

    async def play() -> list[int]:
        phone = Phone()

        async def send(payload: bytes) -> None:
            if payload == b"2":
                raise error
            await phone.take(payload)

        line = Line(person_id=1, session_id=1, outlet=QueuedOutlet(send), close=phone.hang_up)
        for number in (b"1", b"2", b"3"):
            assert line.offer(parcel(number))
        for _ in range(50):
            await asyncio.sleep(0)
        assert phone.heard == [1]
        line.stop()
        return phone.closed

    return asyncio.run(play())


@pytest.mark.parametrize("error", [RuntimeError("the handler is closed"), ValueError("an inside of the server")])
def test_a_socket_that_breaks_in_a_send_is_ended_at_once(error: Exception) -> None:
    assert closed_after_a_failing_send(error) == [TOO_SLOW]


def test_a_client_that_is_gone_is_left_to_the_server() -> None:
    assert closed_after_a_failing_send(ConnectionResetError()) == []
