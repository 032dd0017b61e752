"""One open socket as the hub sees it: who reads, how far they are, and what happens when they read too slowly."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

import structlog

from messenger.delivery import metrics
from messenger.delivery.outlets import Outlet
from messenger.delivery.parcels import Parcel
from messenger.delivery.reading import Start

SESSION_ENDED = 4001
SESSION_RENEWED = 4002
MEMBERSHIP_CHANGED = 4003
TOO_SLOW = 4008
BAD_FRAME = 4009
TOO_MANY = 4010
NO_HELLO = 4011
TRY_AGAIN_LATER = 1013
BROKEN = "broken"  # why a parcel was not sent: the socket raised
FLUSH_S = 0.5
CLOSE_S = 1.0  # a reader that does not take its close frame in this time is cut off

log = structlog.get_logger(__name__)
Close = Callable[[int], Coroutine[object, object, None]]


@dataclass(eq=False, slots=True)
class Line:
    """A socket of one person. `cursors` holds, by conversation, the last number that was handed to it."""

    person_id: int
    session_id: int | None  # the sign-in session, None when a personal token opened the socket
    outlet: Outlet
    close: Close
    ends_at: float | None = None  # seconds since 1970 when its session is too old, None for never
    cursors: dict[int, int] = field(default_factory=dict)
    is_closing: bool = False
    has_begun: bool = False  # its client has been welcomed: until then nothing is sent that is no answer
    arrived: dict[int, Start] = field(default_factory=dict)  # where its person came in before that, by conversation
    readings: dict[int, int] = field(default_factory=dict)  # up to where its person has read before that
    farewell: Parcel | None = None  # what was to be said before that
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.outlet.watch(self._break)

    def offer(self, parcel: Parcel) -> bool:
        """Send what must arrive, and say whether it was taken; a reader too slow for it is closed and resumes later."""
        if self.is_closing:
            return False
        refusal = self._put(parcel, below=1, otherwise="too_slow")
        if refusal is not None:
            self._cut_off(len(parcel.payloads), reason=refusal)
        return refusal is None

    def offer_droppable(self, parcel: Parcel) -> bool:
        """Send what may be lost; it is dropped when the queue is half full. Say whether it was taken."""
        refusal = "droppable" if self.is_closing else self._put(parcel, below=0.5, otherwise="droppable")
        if refusal == BROKEN:
            self._cut_off(len(parcel.payloads), reason=refusal)
        elif refusal is not None:
            metrics.count(metrics.DROPPED, len(parcel.payloads), reason=refusal)
        return refusal is None

    def end(self, code: int) -> None:
        """Close the socket at once; nothing more is handed to it."""
        if not self.is_closing:
            self.is_closing = True
            self.outlet.stop()
            self._spawn(self._hang_up(code))

    def end_after_queue(self, code: int) -> None:
        """Close the socket after what is queued: it was numbered before the end and is theirs."""
        if not self.is_closing:
            self.is_closing = True
            self._spawn(self._flush_and_hang_up(code))

    def stop(self) -> None:
        """Forget the socket: it is gone."""
        self.is_closing = True
        self.outlet.stop()
        for task in tuple(self._tasks):
            task.cancel()

    def _put(self, parcel: Parcel, *, below: float, otherwise: str) -> str | None:
        """Send it while the queue is less full than that. Return why it was not sent, None when it was."""
        try:
            if self.outlet.fullness() >= below:
                return otherwise
            self.outlet.put(parcel)
        except Exception:  # a server's insides, where one socket's failure must not hold up the others
            log.exception("line_broken", person=self.person_id)
            return BROKEN
        return None

    def _break(self, frames: int) -> None:
        self._cut_off(frames, reason=BROKEN)

    def _cut_off(self, frames: int, *, reason: str) -> None:
        log.warning("line_dropped", person=self.person_id, reason=reason)
        metrics.count(metrics.DROPPED, frames, reason=reason)
        self.end(TOO_SLOW)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _flush_and_hang_up(self, code: int) -> None:
        try:
            # Long enough for a reader that reads; one that does not resumes by its cursor.
            await asyncio.wait_for(self.outlet.flush(), timeout=FLUSH_S)
        except TimeoutError:
            log.info("line_closed_unflushed", person=self.person_id)
        self.outlet.stop()
        await self._hang_up(code)

    async def _hang_up(self, code: int) -> None:
        metrics.count(metrics.CLOSED, reason=str(code))
        try:
            # uvicorn's close waits until a paused transport has room, which a reader that stalls never makes.
            await asyncio.wait_for(self.close(code), timeout=CLOSE_S)
        except TimeoutError:
            self.outlet.abort()
        except OSError:
            log.info("line_gone", person=self.person_id)  # the client was quicker
