"""One open socket as the hub sees it: who reads, how far they are, and a bounded queue to them."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

import structlog

SESSION_ENDED = 4001
MEMBERSHIP_CHANGED = 4003
TOO_SLOW = 4008
BAD_FRAME = 4009
QUEUE_FRAMES = 256
DRAIN_S = 0.5

log = structlog.get_logger(__name__)
Send = Callable[[bytes], Coroutine[object, object, None]]
Close = Callable[[int], Coroutine[object, object, None]]


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
    _pumping: asyncio.Task[None] = field(init=False)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def start(self) -> None:
        """Begin to write queued frames to the socket."""
        self._pumping = self._spawn(self._pump())

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
        """Close the socket at once; what is queued is not sent any more."""
        if not self.is_closing:
            self.is_closing = True
            self._pumping.cancel()
            self._spawn(self.close(code))

    def end_after_queue(self, code: int) -> None:
        """Close the socket after what is queued: it was numbered before the end and is theirs."""
        if not self.is_closing:
            self.is_closing = True
            self._spawn(self._drain(code))

    def stop(self) -> None:
        """Forget the socket: it is gone."""
        self.is_closing = True
        for task in tuple(self._tasks):
            task.cancel()

    def _spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _pump(self) -> None:
        while True:
            frame = await self._queue.get()
            try:
                await self.send(frame)
            finally:
                self._queue.task_done()

    async def _drain(self, code: int) -> None:
        try:
            # Long enough for a reader that reads; one that does not resumes by its cursor.
            await asyncio.wait_for(self._queue.join(), timeout=DRAIN_S)
        except TimeoutError:
            log.info("line_closed_unflushed", person=self.person_id)
        await self.close(code)
