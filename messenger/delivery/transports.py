"""The way past a server's own send path: bytes of whole frames straight to a socket's transport.

A server frame is the same for everybody, so it is built once and not once a socket; and a write through Twisted or
through an ASGI `send` costs ten times the system call. Known are Daphne over TCP or a Unix socket, and uvicorn with
`websockets-sansio` (its default). Anything that is not exactly as known gives None, and the caller sends by ASGI.
Must not be used with compression: extensions change frames. Order is kept: while the transport holds bytes back,
ours are appended to them; a frame of the server's own (pong, close) is whole before or after ours, never between.
"""

from functools import partial
from typing import Any, Protocol

_OPEN_IN_AUTOBAHN = 3  # WebSocketProtocol.STATE_OPEN
_DAPHNE_SERVER = "daphne.server.Server"
_DAPHNE_SOCKET = "daphne.ws_protocol.WebSocketProtocol"
_TWISTED_TRANSPORTS = ("twisted.internet.tcp.Server", "twisted.internet.unix.Server")
_UVICORN_SOCKET = "uvicorn.protocols.websockets.websockets_sansio_impl.WebSocketsSansIOProtocol"


class Transport(Protocol):
    """One socket's bytes on their way out."""

    def write(self, data: bytes) -> None:
        """Write whole frames; after the socket's close frame nothing is written any more."""

    def waiting_bytes(self) -> int:
        """Return how much was not taken by the kernel yet."""

    def abort(self) -> None:
        """Drop the connection and what waits."""


# Any, here and below: the servers' insides have no types.
def transport_of(send: Any) -> Transport | None:
    """Return the transport behind an ASGI `send`, None unless server and connection are exactly as known."""
    try:
        return _daphne(send) if isinstance(send, partial) else _uvicorn(send)
    except AttributeError:  # an inside that another version calls otherwise
        return None


def _daphne(send: Any) -> Transport | None:
    if _name(send.func.__self__) != _DAPHNE_SERVER or len(send.args) != 1 or _name(send.args[0]) != _DAPHNE_SOCKET:
        return None
    protocol = send.args[0]
    transport = protocol.transport
    is_plain = _name(transport) in _TWISTED_TRANSPORTS and not getattr(transport, "TLS", False)
    if not is_plain or protocol._perMessageCompress is not None or protocol.state != _OPEN_IN_AUTOBAHN:
        return None
    found = DaphneTransport(protocol, transport)
    found.waiting_bytes()  # raises where an attribute is missing
    return found


def _uvicorn(send: Any) -> Transport | None:
    protocol = send.__self__
    if _name(protocol) != _UVICORN_SOCKET or protocol.conn.extensions or protocol.conn.state.name != "OPEN":
        return None
    found = UvicornTransport(protocol, protocol.transport)
    found.waiting_bytes()
    return found


def _name(thing: object) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"


class DaphneTransport:
    """Twisted waits for the reactor's next turn before it writes; with nothing waiting the kernel is asked at once."""

    __slots__ = ("_protocol", "_transport")

    def __init__(self, protocol: Any, transport: Any) -> None:
        self._protocol, self._transport = protocol, transport

    def write(self, data: bytes) -> None:
        protocol, transport = self._protocol, self._transport
        if protocol.state != _OPEN_IN_AUTOBAHN or not transport.connected or transport.disconnecting:
            return
        if self.waiting_bytes() or protocol.send_queue:
            protocol.sendData(data)
            return
        sent = transport.writeSomeData(data)
        if not isinstance(sent, int):
            sent = 0  # the connection is lost: the transport finds the same out at its own turn, and says so
        if sent < len(data):
            transport.write(data[sent:])

    def waiting_bytes(self) -> int:
        transport = self._transport
        return len(transport.dataBuffer) - int(transport.offset) + int(transport._tempDataLen)

    def abort(self) -> None:
        self._transport.abortConnection()


class UvicornTransport:
    """An asyncio transport (uvloop's as well) asks the kernel by itself when nothing waits."""

    __slots__ = ("_protocol", "_transport")

    def __init__(self, protocol: Any, transport: Any) -> None:
        self._protocol, self._transport = protocol, transport

    def write(self, data: bytes) -> None:
        # The protocol may call itself open after its connection has gone, and uvloop then raises at a write.
        is_open = self._protocol.conn.state.name == "OPEN" and not self._protocol.close_sent
        if is_open and not self._transport.is_closing():
            self._transport.write(data)

    def waiting_bytes(self) -> int:
        return int(self._transport.get_write_buffer_size())

    def abort(self) -> None:
        self._transport.abort()
