"""A WebSocket client of a few lines that reads when it is told to: slow, silent, or byte by byte. RFC 6455 by hand."""

import os
import socket
import struct
from dataclasses import dataclass
from typing import Self

TEXT, CLOSE, PONG = 1, 8, 10


@dataclass
class RawSocket:
    """One connection; nothing is read from it but by `frame`."""

    connection: socket.socket
    buffer: bytes = b""

    @classmethod
    def open(cls, port: int, *, receive_buffer: int | None = None) -> Self:
        connection = socket.socket()
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(10)
        connection.connect(("127.0.0.1", port))
        connection.sendall(
            b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        raw = cls(connection)
        while b"\r\n\r\n" not in raw.buffer:
            raw._fill()
        head, _, raw.buffer = raw.buffer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        return raw

    def say(self, text: str, *, opcode: int = TEXT, is_final: bool = True) -> None:
        """Send one frame, masked as clients must."""
        payload, mask = text.encode(), os.urandom(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        assert len(payload) < 126
        self.connection.sendall(struct.pack("!BB", is_final << 7 | opcode, 0x80 | len(payload)) + mask + masked)

    def frame(self) -> tuple[int, bytes]:
        """Return the next whole frame: opcode and payload. Raises OSError or EOFError when the connection is cut."""
        first, second = self._take(2)
        assert first & 0x80, "the server fragments nothing"
        assert not second & 0x80, "a server does not mask"
        size = second
        if size == 126:
            (size,) = struct.unpack("!H", self._take(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._take(8))
        return first & 0x0F, self._take(size)

    def close(self) -> None:
        self.connection.close()

    def _take(self, size: int) -> bytes:
        while len(self.buffer) < size:
            self._fill()
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def _fill(self) -> None:
        more = self.connection.recv(65_536)
        if not more:
            raise EOFError
        self.buffer += more
