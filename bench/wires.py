"""How one member of the crowd speaks: OnRecord's socket and XMPP, both as bytes over plain TCP.

Cheap on purpose: what arrives is counted, not decoded, so that the load stays below one core. Imports nothing of the
product; OnRecord's side follows docs/protocol.md, XMPP's RFC 6120, RFC 6121 and XEP-0045. Must not wait: the crowd
calls it when something has come.
"""

import json
import re
import socket
import struct
import uuid
from abc import ABC, abstractmethod
from collections.abc import Generator

TEXT, PING, PONG = 0x81, 0x89, 0x8A
CHUNK_BYTES = 256 * 1024
STAMP = "zq%d."
OWN = "wire%dn%d."

Talk = Generator[bytes, bytes]  # gives what it waits for, is sent what has come up to there

_chunk = bytearray(CHUNK_BYTES)  # one for all: a fresh one for each read costs more than the read
_view = memoryview(_chunk)


class Refused(RuntimeError):
    """The server does not do what the benchmark asks of it; the message holds its words."""


class Wire(ABC):
    """One connection. `count` is how many messages have come; `pending` is empty when its own last one is durable."""

    __slots__ = ("count", "is_lost", "number", "pending", "rest", "socket", "stamps", "talk")

    needle: bytes  # occurs once in what one member receives of one message
    stamp: re.Pattern[bytes]  # finds the time that the sender wrote into it

    def __init__(self, number: int, connection: socket.socket) -> None:
        self.number, self.socket = number, connection
        self.rest = b""
        self.count = 0
        self.pending = b""  # what tells that its own message is durable
        self.is_lost = False
        self.stamps: list[int] | None = None  # where the senders' times go while they are wanted
        self.talk: tuple[Talk, bytes] | None = None

    def fileno(self) -> int:
        return self.socket.fileno()

    def begin(self, talk: Talk) -> None:
        """Go through a talk; until it is over nothing is counted."""
        self.talk = (talk, next(talk))
        self._go_on()

    def read(self) -> None:
        """Take what has come."""
        try:
            size = self.socket.recv_into(_chunk)
        except BlockingIOError:
            return
        except OSError:
            size = 0
        if not size:
            self.is_lost = True
            return
        self.rest = self.rest + bytes(_view[:size]) if self.rest else bytes(_view[:size])
        if self.talk is not None:
            self._go_on()
        else:
            self._count(self.take())

    def send(self, data: bytes) -> None:
        try:
            if self.socket.send(data) != len(data):
                raise Refused("the server does not read what a member says")
        except BlockingIOError as full:
            raise Refused("the server does not read what a member says") from full
        except OSError:
            self.is_lost = True

    def _go_on(self) -> None:
        while self.talk is not None:
            talk, needle = self.talk
            before, found, after = self.rest.partition(needle)
            if not found:
                return
            self.rest = after
            try:
                self.talk = (talk, talk.send(before + found))
            except StopIteration:
                self.talk = None
        self._count(self.take())

    def _count(self, data: bytes) -> None:
        """Count whole frames or stanzas."""
        if not data:
            return
        self.count += data.count(self.needle)
        if self.pending and self.pending in data:
            self.pending = b""
        if self.stamps is not None:
            self.stamps += map(int, self.stamp.findall(data))

    @abstractmethod
    def take(self) -> bytes:
        """Return the whole frames or stanzas in `rest`, and keep what is left."""

    @abstractmethod
    def open(self, *, url: str, name: str) -> Talk:
        """Sign in."""

    @abstractmethod
    def enter(self, room: str) -> Talk | None:
        """Enter a room; None when there is nothing to be said for that."""

    @abstractmethod
    def post(self, room: str, text: str) -> None:
        """Send a message into the room; `pending` is empty again when it is durable."""


class OnRecordWire(Wire):
    """RFC 6455 with a mask of zeros: allowed, and free."""

    __slots__ = ()

    needle = b'"kind":"message.created"'
    stamp = re.compile(rb'"body":"zq(\d+)\.')

    def open(self, *, url: str, name: str) -> Talk:
        host = url.split("//")[1]
        self.send(
            f"GET /ws HTTP/1.1\r\nHost: {host}\r\nOrigin: {url}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            f"Sec-WebSocket-Protocol: onrecord.v1\r\nAuthorization: Bearer {name}\r\n\r\n".encode()
        )
        answer = yield b"\r\n\r\n"
        if b" 101 " not in answer[:20]:
            raise Refused(answer.decode(errors="replace"))
        self._send(TEXT, json.dumps({"t": "hello", "v": 1, "cursors": {}}).encode())
        yield b'"frame_bytes":65536}}'

    def enter(self, room: str) -> Talk | None:
        """A member hears every conversation from the hello on."""
        return None

    def post(self, room: str, text: str) -> None:
        key = str(uuid.uuid4())
        self.pending = f'"t":"ack","c":{room},'.encode()
        self._send(TEXT, json.dumps({"t": "post", "c": int(room), "client_key": key, "body": text}).encode())

    def _send(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        head = struct.pack("!BB", opcode, 0x80 | size) if size < 126 else struct.pack("!BBH", opcode, 0xFE, size)
        self.send(head + bytes(4) + payload)

    def take(self) -> bytes:
        data, at, end_of_data = self.rest, 0, len(self.rest)
        while end_of_data - at >= 2:
            size, head = data[at + 1], 2
            if size == 126:
                size, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
            elif size == 127:
                size, head = int.from_bytes(data[at + 2 : at + 10], "big"), 10
            end = at + head + size
            if end > end_of_data:
                break
            if data[at] == PING:
                self._send(PONG, data[at + head : end])
            elif data.startswith(b'{"t":"error"', at + head):
                raise Refused(data[at + head : end].decode(errors="replace"))
            at = end
        self.rest = data[at:]
        return data[:at]


class XmppWire(Wire):
    """A client of an anonymous host, in rooms without their history. Its own message comes back when it is archived."""

    __slots__ = ("posted",)

    needle = b"</message>"
    stamp = re.compile(rb"<body>zq(\d+)\.")

    def __init__(self, number: int, connection: socket.socket) -> None:
        super().__init__(number, connection)
        self.posted = 0

    def open(self, *, url: str, name: str) -> Talk:
        begin = (
            b"<stream:stream to='localhost' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
            b"version='1.0'>"
        )
        self.send(begin)
        yield b"</stream:features>"
        self.send(b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>")
        yield b"<success"
        yield b">"
        self.send(begin)
        yield b"</stream:features>"
        self.send(b"<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
        yield b"</iq>"

    def enter(self, room: str) -> Talk:
        self.send(
            f"<presence to='{room}/m{self.number}'><x xmlns='http://jabber.org/protocol/muc'>"
            "<history maxstanzas='0'/></x></presence>".encode()
        )
        yield b"<subject"  # the last thing that a room says to who enters
        yield self.needle

    def post(self, room: str, text: str) -> None:
        self.posted += 1
        own = OWN % (self.number, self.posted)
        self.pending = own.encode()
        key = uuid.uuid4().hex
        self.send(f"<message to='{room}' type='groupchat' id='{key}'><body>{text} {own}</body></message>".encode())

    def take(self) -> bytes:
        end = self.rest.rfind(self.needle) + len(self.needle)
        if end < len(self.needle):
            return b""
        data, self.rest = self.rest[:end], self.rest[end:]
        return data


KINDS: dict[str, type[Wire]] = {"onrecord": OnRecordWire, "xmpp": XmppWire}
