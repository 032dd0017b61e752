"""How a listener of the fan-out benchmark speaks: OnRecord's socket and XMPP, both as bytes over plain TCP.

Cheap on purpose: what arrives is counted, not decoded, so that the load stays below one core. Imports nothing of the
product; OnRecord's side follows docs/protocol.md, XMPP's RFC 6120, RFC 6121 and XEP-0045.
"""

import asyncio
import json
import re
import struct
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import cast

TEXT, PING, PONG = 0x81, 0x89, 0x8A
ROOM = "room@conference.localhost"
STAMP = "zq%d."


class Wire(asyncio.Protocol, ABC):
    """One connection. `heard(wire, data)` gets whole frames or stanzas that have arrived, many at once."""

    needle: bytes  # occurs once in what one member receives of one message
    stamp: re.Pattern[bytes]  # finds the time that the sender wrote into it
    is_begun = False

    def __init__(self, heard: Callable[["Wire", bytes], None]) -> None:
        self.heard = heard
        self.rest = b""
        self.is_lost = False
        self.count = 0  # messages that have arrived
        self._waiting: tuple[bytes, asyncio.Future[bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        if self._waiting and not self._waiting[1].done():
            self._waiting[1].set_exception(ConnectionResetError("the server hung up"))

    async def until(self, needle: bytes) -> bytes:
        """Return what has come up to and with the needle; used while the connection begins."""
        if needle not in self.rest:
            future = asyncio.get_running_loop().create_future()
            self._waiting = (needle, future)
            await asyncio.wait_for(future, timeout=60)
        before, _, self.rest = self.rest.partition(needle)
        self._waiting = None
        return before + needle

    def data_received(self, data: bytes) -> None:
        self.rest += data
        if self._waiting is not None:
            if self._waiting[0] in self.rest and not self._waiting[1].done():
                self._waiting[1].set_result(b"")
        elif self.is_begun:
            self.take()

    def begin(self) -> None:
        """From now on what arrives is counted."""
        self.is_begun = True
        self.take()

    @abstractmethod
    def take(self) -> None:
        """Hand over the whole frames or stanzas in `rest`, and keep what is left."""

    @abstractmethod
    def post(self, room: str, text: str) -> None:
        """Send a message into the room."""


class OnRecordWire(Wire):
    """RFC 6455 with a mask of zeros: allowed, and free."""

    needle = b'"kind":"message.created"'
    stamp = re.compile(rb'"body":"zq(\d+)\.')

    async def open(self, *, url: str, token: str) -> None:
        host = url.split("//")[1]
        self.transport.write(
            f"GET /ws HTTP/1.1\r\nHost: {host}\r\nOrigin: {url}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            f"Sec-WebSocket-Protocol: onrecord.v1\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        await self.until(b"\r\n\r\n")
        self._send(TEXT, json.dumps({"t": "hello", "v": 1, "cursors": {}}).encode())
        await self.until(b'"frame_bytes":65536}}')
        self.begin()

    def post(self, room: str, text: str) -> None:
        frame = {"t": "post", "c": int(room), "client_key": str(uuid.uuid4()), "body": text}
        self._send(TEXT, json.dumps(frame).encode())

    def _send(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        head = struct.pack("!BB", opcode, 0x80 | size) if size < 126 else struct.pack("!BBH", opcode, 0xFE, size)
        self.transport.write(head + bytes(4) + payload)

    def take(self) -> None:
        data, at = self.rest, 0
        while len(data) - at >= 2:
            size, head = data[at + 1], 2
            if size == 126:
                size, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
            elif size == 127:
                size, head = int.from_bytes(data[at + 2 : at + 10], "big"), 10
            end = at + head + size
            if end > len(data):
                break
            if data[at] == PING:
                self._send(PONG, data[at + head : end])
            at = end
        self.rest = data[at:]
        self.heard(self, data[:at])


class XmppWire(Wire):
    """A client of an anonymous host that has entered one room without its history."""

    needle = b"</message>"
    stamp = re.compile(rb"<body>zq(\d+)\.")

    async def open(self, *, nick: str) -> None:
        begin = (
            "<stream:stream to='localhost' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
            "version='1.0'>"
        )
        self.transport.write(begin.encode())
        await self.until(b"</stream:features>")
        self.transport.write(b"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>")
        await self.until(b"<success")
        self.rest = b""
        self.transport.write(begin.encode())
        await self.until(b"</stream:features>")
        self.transport.write(b"<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
        await self.until(b"</iq>")
        self.transport.write(
            f"<presence to='{ROOM}/{nick}'><x xmlns='http://jabber.org/protocol/muc'>"
            "<history maxstanzas='0'/></x></presence>".encode()
        )
        await self.until(b"<subject")  # the last thing that a room says to who enters
        await self.until(b"</message>" if b"<subject/>" not in self.rest else b"")
        self.begin()

    def post(self, room: str, text: str) -> None:
        key = uuid.uuid4().hex
        self.transport.write(f"<message to='{room}' type='groupchat' id='{key}'><body>{text}</body></message>".encode())

    def take(self) -> None:
        end = self.rest.rfind(self.needle) + len(self.needle)
        if end >= len(self.needle):
            data, self.rest = self.rest[:end], self.rest[end:]
            self.heard(self, data)
