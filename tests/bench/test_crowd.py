"""The accounts of the crowd: what one member heard twice does not stand for what another never heard."""

import socket
import struct
from collections.abc import Iterator

import pytest

from bench.crowd import Account, Crowd
from bench.wires import OnRecordWire, Refused, Wire, XmppWire

EVENT = b'{"t":"ev","c":7,"n":3,"kind":"message.created","message":{"body":"zq%d.Good morning"}}'


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The server's end and the member's."""
    server, member = socket.socketpair()
    member.setblocking(False)
    with server, member:
        yield server, member


def _frame(payload: bytes, opcode: int = 0x81) -> bytes:
    size = len(payload)
    return (struct.pack("!BB", opcode, size) if size < 126 else struct.pack("!BBH", opcode, 126, size)) + payload


@pytest.mark.parametrize(
    ("heard", "account"),
    [
        ((3, 3), {"lost": 0, "doubled": 0, "hung_up": 0}),
        ((4, 2), {"lost": 1, "doubled": 1, "hung_up": 0}),
        ((3, 1), {"lost": 2, "doubled": 0, "hung_up": 0}),
    ],
)
def test_each_members_account_is_their_own(heard: tuple[int, int], account: dict[str, int]) -> None:
    crowd = Crowd(kind="onrecord", port=0, url="", names=())
    with socket.socket() as unused:
        wires: list[Wire] = [OnRecordWire(number, unused) for number in range(2)]
        wires[0].count = 5  # heard before the row began
        taken = Account(crowd, wires)
        for wire, count in zip(wires, heard, strict=True):
            wire.count += count
        assert taken.close([3, 3]) == account


def test_frames_are_counted_however_they_are_cut(line: tuple[socket.socket, socket.socket]) -> None:
    server, member = line
    wire = OnRecordWire(0, member)
    sent = _frame(EVENT % 1) + _frame(b'{"t":"eph"}') + _frame(EVENT % 2)
    for cut in range(1, len(sent)):
        before = wire.count
        server.sendall(sent[:cut])
        wire.read()
        server.sendall(sent[cut:])
        wire.read()
        assert (wire.count - before, wire.rest) == (2, b"")


def test_a_ping_is_answered_and_an_acknowledgement_is_noticed(line: tuple[socket.socket, socket.socket]) -> None:
    server, member = line
    wire = OnRecordWire(0, member)
    wire.post("7", "Good morning")
    server.recv(4096)
    server.sendall(_frame(b'{"t":"ack","c":8,"n":3}') + _frame(b"here?", 0x89))
    wire.read()
    assert wire.pending
    assert server.recv(4096).endswith(b"here?")
    server.sendall(_frame(b'{"t":"ack","c":7,"n":3}'))
    wire.read()
    assert not wire.pending


def test_an_error_ends_the_benchmark(line: tuple[socket.socket, socket.socket]) -> None:
    server, member = line
    wire = OnRecordWire(0, member)
    server.sendall(_frame(b'{"t":"error","code":"throttled"}'))
    with pytest.raises(Refused, match="throttled"):
        wire.read()


def test_a_member_of_a_peers_room_waits_for_its_own_message(line: tuple[socket.socket, socket.socket]) -> None:
    """A room sends everything to everybody: only the own words, archived, are the acknowledgement."""
    server, member = line
    wire = XmppWire(4, member)
    wire.begin(wire.enter("room9@conference.localhost"))
    assert b"to='room9@conference.localhost/m4'" in server.recv(4096)
    server.sendall(b"<presence/><message from='room9'><subj")
    wire.read()
    assert wire.talk is not None
    server.sendall(b"ect/></message>")
    wire.read()
    assert wire.talk is None
    wire.post("room9@conference.localhost", "Good morning")
    own = server.recv(4096)
    server.sendall(b"<message><body>zq12.Good morning wire5n1.</body></message>" + own[:-4])
    wire.read()
    assert (wire.count, bool(wire.pending)) == (1, True)
    server.sendall(own[-4:])
    wire.read()
    assert (wire.count, wire.pending) == (2, b"")
