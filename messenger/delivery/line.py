"""One open socket as the hub sees it: who reads, how far they are, and a bounded queue to them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

SESSION_ENDED = 4001
MEMBERSHIP_CHANGED = 4003
TOO_SLOW = 4008
BAD_FRAME = 4009
QUEUE_FRAMES = 256

log = structlog.get_logger(__name__)
Send = Callable[[bytes], Awaitable[None]]
Close = Callable[[int], Awaitable[None]]


@dataclass(eq=False)
class Line:
    """A socket of one person. `cursors` holds, by conversation, the last number that was handed to it."""

    person_id: int
    session_id: int | None  # the sign-in session, None when a personal token opened the socket
    send: Send
    close: Close
    cursors: dict[int, int] = field(default_factory=dict)
    is_closing: bool = False
    _queue: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(QUEUE_FRAMES))
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def start(self) -> None:
        """Begin to write queued frames to the socket."""
        self._spawn(self._pump())

    def offer(self, frame: bytes) -> None:
        """Queue a frame that must arrive; a reader too slow for it is closed and resumes by its cursor."""
        if self.is_closing:
            return
        try:
            self._queue.put_nowait(frame)
        except asyncio.QueueFull:
            log.warning("line_too_slow", person=self.person_id)
            self.end(TOO_SLOW)

    def offer_droppable(self, frame: bytes) -> None:
        """Queue a frame that may be lost; it is dropped from a queue that is half full."""
        if self._queue.qsize() < QUEUE_FRAMES // 2:
            self.offer(frame)

    def end(self, code: int) -> None:
        """Close the socket after what is queued, or at once when the session ended."""
        if self.is_closing:
            return
        self.is_closing = True
        self._spawn(self._finish(code))

    def stop(self) -> None:
        """Forget the socket: it is gone."""
        self.is_closing = True
        for task in tuple(self._tasks):
            task.cancel()

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pump(self) -> None:
        while True:
            frame = await self._queue.get()
            try:
                await self.send(frame)
            finally:
                self._queue.task_done()

    async def _finish(self, code: int) -> None:
        if code == MEMBERSHIP_CHANGED:
            # What was numbered before the change is theirs; half a second is enough for a reader that reads.
            try:
                await asyncio.wait_for(self._queue.join(), timeout=0.5)
            except TimeoutError:
                log.info("line_closed_unflushed", person=self.person_id)
        await self.close(code)
