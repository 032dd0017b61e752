"""Who sends while their first frame waits cannot fill our memory: Daphne reads no further, and loses nothing.

And a broken name of a protocol breaks nothing.
"""

import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest

from tests import services
from tests.guards.source import ROOT
from tests.messenger.delivery.raw import RawSocket

pytestmark = pytest.mark.backend("sqlite")  # no database is asked
FRAME_BYTES, FLOOD_BYTES = 60_000, 48 * 2**20
SILENCE_S = 2.0


@dataclass
class Served(services.Server):
    """The program under Daphne."""

    how: str = ""

    name = "Daphne"

    def command(self) -> list[str]:
        program = ("-m", "tests.messenger.web.inflow_program", str(self.port), self.how)
        return ["env", f"PYTHONPATH={ROOT}", sys.executable, *program]

    def answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
def standing() -> Iterator[ExitStack]:
    with ExitStack() as standing:
        yield standing


def serve(how: str, standing: ExitStack) -> Served:
    served = Served(folder=services.new_folder("inflow"), port=services.free_port(), how=how)
    served.start()
    standing.callback(served.stop)
    return served


def flood(link: socket.socket) -> int:
    """Send numbered frames until the server takes no more for a while, or all of them; return how many went out."""
    link.settimeout(SILENCE_S)
    head, mask = struct.pack("!BBH", 0x81, 0xFE, FRAME_BYTES), bytes(4)
    most = FLOOD_BYTES // FRAME_BYTES
    for number in range(most):
        try:
            link.sendall(head + mask + f"{number:08}".encode().ljust(FRAME_BYTES, b"x"))
        except TimeoutError:
            return number
    return most


def test_a_sender_whose_first_frame_waits_is_held_up_and_nothing_is_lost(standing: ExitStack) -> None:
    served = serve("bounded", standing)
    sent = flood(RawSocket.open(served.port).connection)
    assert sent < FLOOD_BYTES // FRAME_BYTES / 2, "the kernel's buffers and a few frames"
    url = f"http://127.0.0.1:{served.port}/"
    httpx.get(url)
    deadline = time.monotonic() + 20
    while (answer := httpx.get(url).text) != f"{sent} True":
        assert time.monotonic() < deadline, f"{answer} of {sent} frames"
        time.sleep(0.05)


def test_control_daphne_by_itself_takes_everything(standing: ExitStack) -> None:
    assert flood(RawSocket.open(serve("unbounded", standing).port).connection) == FLOOD_BYTES // FRAME_BYTES


def knock(port: int) -> bytes:
    """Ask for a socket and name the protocol in letters that no header has; return the first line of the answer."""
    key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
    head = f"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{key}"
    with socket.create_connection(("127.0.0.1", port), timeout=20) as link:
        link.sendall(f"{head}Sec-WebSocket-Protocol: \u00e9\r\n\r\n".encode())
        return link.makefile("rb").readline()


def test_a_protocol_in_letters_that_no_header_has_is_one_that_we_do_not_know(standing: ExitStack) -> None:
    served = serve("bounded", standing)
    assert b" 101 " in knock(served.port)
    assert "Traceback" not in served._log_path().read_text()


def test_control_daphne_by_itself_fails_at_such_a_protocol(standing: ExitStack) -> None:
    assert b" 500 " in knock(serve("unbounded", standing).port)
