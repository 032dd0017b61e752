"""The bounded queue between the hub and one socket, in two forms: straight to the transport, or by ASGI.

Both keep the order, hold at most QUEUE_FRAMES frames and QUEUE_BYTES bytes (and the one parcel that went over), and
tell how full they are. They must not decide what happens to a slow reader; the line does (line.py).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import structlog

from messenger.delivery import metrics
from messenger.delivery.parcels import Parcel
from messenger.delivery.transports import Transport, transport_of

QUEUE_FRAMES = 256
QUEUE_BYTES = 1024 * 1024

log = structlog.get_logger(__name__)
Send = Callable[[bytes], Coroutine[object, object, None]]
Broken = Callable[[int], None]  # how many frames are lost


class Outlet(Protocol):
    """Where a line's parcels go."""

    def put(self, parcel: Parcel) -> None:
        """Take a parcel; never blocks and never refuses."""

    def fullness(self) -> float:
        """Return how full the queue is: 0 when nothing waits, 1 and more when it is full."""

    def watch(self, broken: Broken) -> None:
        """Have `broken` called, once, when what was taken cannot be sent after all."""

    async def flush(self) -> None:
        """Wait until what was put is out, as far as close frames do not queue behind it by themselves."""

    def stop(self) -> None:
        """Forget what waits."""

    def abort(self) -> None:
        """Drop the connection, where that is known how."""


def outlet_of(asgi_send: Any, *, send: Send) -> Outlet:  # Any: what the server hands the application
    """Return the direct outlet where server and connection are exactly as known, else the plain one."""
    transport = transport_of(asgi_send)
    metrics.count(metrics.SOCKETS_DIRECT if transport else metrics.SOCKETS_ASGI)
    return DirectOutlet(transport) if transport else QueuedOutlet(send)


class DirectOutlet:
    """Parcels go to the transport at once; what it holds back is the queue."""

    __slots__ = ("_held", "_transport", "_written")

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._written = 0  # bytes of ours, ever
        # (bytes written when its end is out, frames) of each parcel; an empty deque costs an idle socket 760 bytes.
        self._held: deque[tuple[int, int]] | None = None

    def put(self, parcel: Parcel) -> None:
        self._transport.write(parcel.wire)
        self._written += len(parcel.wire)
        if self._transport.waiting_bytes():
            self._held = self._held or deque()
            self._held.append((self._written, len(parcel.payloads)))

    def fullness(self) -> float:
        if not self._held:
            return 0.0
        waiting = self._transport.waiting_bytes()
        if not waiting:
            self._held = None
            return 0.0
        # The server's own frames wait there too: they make us count a parcel as held a little longer.
        while self._held and self._held[0][0] <= self._written - waiting:
            self._held.popleft()
        frames = sum(count for _, count in self._held)
        return max(frames / QUEUE_FRAMES, waiting / QUEUE_BYTES)

    def watch(self, broken: Broken) -> None:
        """What breaks is raised by `put`."""

    async def flush(self) -> None:
        """The server's close frame is appended behind what waits in the same transport."""

    def stop(self) -> None:
        """What the transport has taken is out of our hands."""

    def abort(self) -> None:
        self._transport.abort()


class QueuedOutlet:
    """The plain ASGI way: a task sends frame by frame. It fills where the server's `send` waits for a slow reader."""

    __slots__ = ("_broken", "_bytes", "_pumping", "_queue", "_send")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._broken: Broken | None = None
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._bytes = 0
        self._pumping = asyncio.get_running_loop().create_task(self._pump())

    def put(self, parcel: Parcel) -> None:
        for payload in parcel.payloads:
            self._bytes += len(payload)
            self._queue.put_nowait(payload)

    def fullness(self) -> float:
        return max(self._queue.qsize() / QUEUE_FRAMES, self._bytes / QUEUE_BYTES)

    def watch(self, broken: Broken) -> None:
        self._broken = broken

    async def flush(self) -> None:
        await self._queue.join()

    def stop(self) -> None:
        self._broken = None
        self._pumping.cancel()

    def abort(self) -> None:
        """The server's own pings end the connection."""

    async def _pump(self) -> None:
        while True:
            payload = await self._queue.get()
            try:
                await self._send(payload)
            except OSError:  # the client is gone; the server ends the socket's application as well
                return
            except Exception:  # a server's insides: nothing is sent any more, and whoever reads has to hear of that
                log.exception("outlet_broken")
                if self._broken is not None:
                    self._broken(1 + self._queue.qsize())
                return
            finally:
                self._bytes -= len(payload)
                self._queue.task_done()
