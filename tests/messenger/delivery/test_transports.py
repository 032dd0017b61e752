"""Frames written past the servers' own send path: whole, in order, bounded, under Daphne and uvicorn as they run.

The servers are real processes over a small application (served.py); the product itself is in tests/flows.
"""

import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from websockets.sync.client import ClientConnection, connect

from messenger.delivery.outlets import QUEUE_BYTES, QUEUE_FRAMES, DirectOutlet, QueuedOutlet
from messenger.delivery.parcels import PARCEL_BYTES
from messenger.delivery.transports import transport_of
from tests import services
from tests.messenger.delivery.raw import CLOSE, PONG, TEXT, RawSocket

ROOT = Path(__file__).resolve().parents[3]
APPLICATION = "tests.messenger.delivery.served:application"
DAPHNE = ("daphne", "--ping-interval", "1", "--ping-timeout", "3", "--websocket_timeout", "-1", "-b", "127.0.0.1", "-p")
UVICORN = ("uvicorn", "--log-level", "warning", "--ws-ping-interval", "1", "--ws-ping-timeout", "3", "--port")
WITHOUT_DEFLATE = ("--ws-per-message-deflate", "false")
DIRECT = {
    "daphne": (DAPHNE, ()),
    "uvicorn": (UVICORN, WITHOUT_DEFLATE),
    "uvicorn asyncio": (UVICORN, (*WITHOUT_DEFLATE, "--loop", "asyncio")),
}
PLAIN = {
    "uvicorn with deflate": (UVICORN, ()),
    "uvicorn legacy": (UVICORN, (*WITHOUT_DEFLATE, "--ws", "websockets")),
}


@dataclass
class Served(services.Server):
    """The small application under one server."""

    program: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    name = "the small application"

    def command(self) -> list[str]:
        before, after = self.program
        return ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", *before, str(self.port), *after, APPLICATION]

    def answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def _serving(name: str) -> Iterator[Served]:
    served = Served(folder=services.new_folder("served"), port=services.free_port(), program=(DIRECT | PLAIN)[name])
    try:
        served.start()
        yield served
    finally:
        served.stop()


@pytest.fixture(scope="module", params=DIRECT)
def direct(request: pytest.FixtureRequest) -> Iterator[Served]:
    with _serving(request.param) as served:
        yield served


def _open(served: Served, *, compression: str | None = None) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{served.port}/ws", compression=compression, max_size=2**24, max_queue=None)


def _stats(client: ClientConnection) -> dict[str, object]:
    client.send("stats")
    while "outlet" not in (frame := json.loads(client.recv(timeout=10))):
        pass
    return dict(frame)


def _numbers(client: ClientConnection, count: int) -> list[int]:
    return [json.loads(client.recv(timeout=10))["n"] for _ in range(count)]


def test_the_transport_is_found_and_a_batch_of_300_frames_arrives_whole_and_in_order(direct: Served) -> None:
    with _open(direct) as client:
        assert _stats(client)["outlet"] == DirectOutlet.__name__
        client.send("burst 300 700")
        assert _numbers(client, 300) == list(range(1, 301))


@pytest.mark.parametrize("size", [0, 200, 66_000])
def test_frames_of_every_length_form_pass(direct: Served, size: int) -> None:
    with _open(direct) as client:
        client.send(f"burst 3 {size}")
        frames = [json.loads(client.recv(timeout=10)) for _ in range(3)]
        assert [len(frame["pad"]) for frame in frames] == [size // 2] * 3


@pytest.mark.parametrize("is_rude", [False, True])
def test_a_client_that_went_while_it_was_being_answered_holds_up_nobody(direct: Served, is_rude: bool) -> None:
    """Found by reading: uvloop raises at a write to a connection that is gone, whatever the protocol's state says."""
    gone = RawSocket.open(direct.port)
    gone.say("stall 3")
    with _open(direct) as client:
        while _stats(client)["lines"] != 2:
            time.sleep(0.05)
        if is_rude:
            gone.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        gone.close()
        time.sleep(0.5)
        client.send("everybody 3 100")
        assert [json.loads(client.recv(timeout=10))["pad"] for _ in range(3)] == ["é" * 50] * 3
        assert _stats(client)["lines"] == 2, "control: it was still there"
    while True:
        with _open(direct) as client:
            if _stats(client)["lines"] == 1:
                return


def test_pings_and_fragments_between_the_batches_tear_no_frame(direct: Served) -> None:
    """The reader's window is tiny, so that frames are cut by the kernel while pongs of the server go out as well."""
    raw = RawSocket.open(direct.port, receive_buffer=2048)
    for _ in range(5):
        raw.say("burst 20", is_final=False)
        raw.say("between", opcode=9)
        raw.say(" 1500", opcode=0)
    heard: list[int] = []
    pongs = 0
    while len(heard) < 100 or pongs < 5:
        opcode, payload = raw.frame()
        if opcode == TEXT:
            heard.append(json.loads(payload)["n"])
        pongs += opcode == PONG and payload == b"between"
    raw.close()
    assert heard == list(range(1, 21)) * 5


def test_nothing_follows_the_close_frame(direct: Served) -> None:
    raw = RawSocket.open(direct.port)
    with _open(direct) as other:
        raw.say("burst 2 10")
        raw.say("end 4001")
        for _ in range(20):
            other.send("everybody 1 10")
        assert len(_numbers(other, 20)) == 20
    heard = []
    while True:
        opcode, payload = raw.frame()
        heard.append(opcode)
        if opcode == CLOSE:
            assert payload[:2] == (4001).to_bytes(2)
            break
    assert heard.count(TEXT) <= 22
    raw.connection.settimeout(1)
    with pytest.raises((EOFError, OSError)):
        raw.frame()


def test_a_slow_reader_among_50_fast_ones_delays_nobody_and_is_closed_with_bounded_memory(direct: Served) -> None:
    heard: dict[int, list[int]] = {}
    with ExitStack() as opened:
        steward = opened.enter_context(_open(direct))
        slow = RawSocket.open(direct.port, receive_buffer=2048)
        filled = _fill_the_kernel(slow, steward)
        before = _stats(steward)
        for i in range(50):
            client = opened.enter_context(_open(direct))
            listener = threading.Thread(target=lambda i=i, c=client: heard.update({i: _numbers(c, 600)}))
            listener.start()
            opened.callback(listener.join, timeout=20)
        fullest = []
        for _ in range(20):
            steward.send("everybody 30 1000")
            fullest.append(float(str(_stats(steward)["fullest"])))
        after = _stats(steward)
        missed = _read_to_the_end(slow)[filled:]
    assert len(heard) == 50
    first = heard[0][0]
    assert all(numbers == list(range(first, first + 600)) for numbers in heard.values())
    assert _closed(after, "4008") == _closed(before, "4008") + 1
    assert 0.5 < max(fullest) <= 1 + max(30 / QUEUE_FRAMES, PARCEL_BYTES / QUEUE_BYTES)
    assert missed == list(range(first, first + len(missed))) and len(missed) < 600


def _fill_the_kernel(slow: RawSocket, steward: ClientConnection) -> int:
    """Have frames written to a reader that does not read, until the server must keep some; return how many."""
    count = 0
    while not _stats(steward)["fullest"]:
        slow.say("burst 2 60000")
        count += 2
    return count


def _closed(stats: dict[str, object], code: str) -> float:
    closed = stats["closed"]
    assert isinstance(closed, dict)
    return float(closed.get(code, 0))


def _read_to_the_end(slow: RawSocket) -> list[int]:
    """Return the numbers that came before the close frame, or before the cut when that was not taken in time."""
    heard: list[int] = []
    with suppress(EOFError, OSError):
        while (frame := slow.frame())[0] != CLOSE:
            if frame[0] == TEXT:
                heard.append(json.loads(frame[1])["n"])
        assert frame[1][:2] == (4008).to_bytes(2)
    return heard


def test_a_peer_that_is_gone_without_a_word_is_noticed(direct: Served) -> None:
    with _open(direct) as steward:
        before = _stats(steward)["lines"]
        silent = RawSocket.open(direct.port)
        assert _stats(steward)["lines"] == int(str(before)) + 1
        deadline = time.monotonic() + 15
        while _stats(steward)["lines"] != before:
            assert time.monotonic() < deadline, "the silent peer is still served"
            time.sleep(0.2)
        silent.close()


@pytest.mark.parametrize("name", PLAIN)
def test_anything_unknown_or_compressed_goes_the_plain_way_with_the_same_outcome(name: str) -> None:
    with _serving(name) as served:
        compression = "deflate" if name == "uvicorn with deflate" else None
        with _open(served, compression=compression) as client:
            assert _stats(client)["outlet"] == QueuedOutlet.__name__
            client.send("burst 300 700")
            assert _numbers(client, 300) == list(range(1, 301))


def test_a_send_of_no_known_server_has_no_transport() -> None:
    async def send(message: object) -> None: ...

    assert transport_of(send) is None
    assert transport_of(print) is None


def test_an_inside_that_another_version_calls_otherwise_means_the_plain_way() -> None:
    class Changed:
        pass

    Changed.__module__, Changed.__qualname__ = (
        "uvicorn.protocols.websockets.websockets_sansio_impl",
        "WebSocketsSansIOProtocol",
    )

    class Bound:
        __self__ = Changed()

    assert transport_of(Bound()) is None
