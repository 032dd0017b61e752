"""What comes in under Daphne: a socket is not read from while many of its frames wait for their turn, and a request
that names its protocol in letters that no header has is answered like any other.

Daphne keeps what comes in a queue without an end, and frames are judged one after the other: while the first one waits
for the database, its sender could fill our memory with the next. uvicorn stops reading by itself. Nothing is lost here:
the kernel keeps what we do not read, and then holds up the sender.
"""

import asyncio
from typing import Any

from daphne.ws_protocol import WebSocketProtocol

MOST_WAITING = 16  # frames of at most ONRECORD_FRAME_BYTES each, and what came in one read with the last
LOOK_AGAIN_S = 0.05

_take = WebSocketProtocol.onMessage
_connect = WebSocketProtocol.onConnect
PROTOCOLS = "sec-websocket-protocol"


def bound_frames_of_daphne() -> None:
    """Have every socket of Daphne's server in this process read from no faster than its frames are answered."""
    WebSocketProtocol.onMessage = _take_and_wait


def read_protocols_of_daphne() -> None:
    """Have a protocol whose name is not ASCII taken for one that we do not know; by itself Daphne fails at it."""
    WebSocketProtocol.onConnect = _connect_without_broken_names


def _connect_without_broken_names(socket: Any, request: Any) -> Any:
    named = request.headers.get(PROTOCOLS, "")
    if not named.isascii():
        request.headers[PROTOCOLS] = named.encode("ascii", errors="ignore").decode("ascii")
    return _connect(socket, request)


# Any, here and below: Daphne and Twisted have no types. The class stays Daphne's own: delivery knows it by its name.
def _take_and_wait(socket: Any, payload: bytes, isBinary: bool) -> None:  # noqa: N803 (autobahn's name)
    _take(socket, payload, isBinary)
    if _is_full(socket) and not getattr(socket, "is_held", False):
        socket.is_held = True
        socket.transport.pauseProducing()
        _look_again(socket)


def _look_again(socket: Any) -> None:
    asyncio.get_running_loop().call_later(LOOK_AGAIN_S, _go_on, socket)


def _go_on(socket: Any) -> None:
    if _is_full(socket):
        _look_again(socket)
        return
    socket.is_held = False
    socket.transport.resumeProducing()


def _is_full(socket: Any) -> bool:
    is_over = socket.state == socket.STATE_CLOSED
    return not is_over and bool(socket.application_queue.qsize() >= MOST_WAITING)
