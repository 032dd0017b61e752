"""The hub of a process: one fetch and one encoding per event, written to every entitled socket of this process.

Trusts nothing but the database: a wake-up only says where to look. Who may read a number is decided by the interval of
their membership, whose end is read after the events (stays.py); ended sessions are read in every fetch as well. Without
any wake-up, conversations that moved on are found within 5 s and revocations twice a second.
"""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from messenger.delivery import metrics
from messenger.delivery.line import MEMBERSHIP_CHANGED, SESSION_ENDED, Line
from messenger.delivery.parcels import Shipment, parcel
from messenger.delivery.reading import Arrival, Batch, Marks, Seat, Source, Stay, Want
from messenger.delivery.stays import StayBook

TICK_S = 0.5
SWEEP_S = 4.0  # a tick late at most, and then the fetch: what no wake-up told is read within 5 s
# Who is sent away comes back in turn: one socket after the other, the last after half a minute.
BYE_FIRST_MS, BYE_STEP_MS, BYE_LAST_MS = 500, 5, 30_000

log = structlog.get_logger(__name__)


class Interest(Protocol):
    """Who wants to know for which conversations somebody listens here."""

    def want(self, conversation_id: int) -> None: ...

    def drop(self, conversation_id: int) -> None: ...


@dataclass(eq=False)
class Hub:
    """All sockets of one event loop."""

    source: Source
    interest: Interest | None = None
    lines: set[Line] = field(default_factory=set)
    _marks: Marks | None = None
    _stays: StayBook = field(default_factory=StayBook)
    _by_conversation: dict[int, set[Line]] = field(default_factory=lambda: defaultdict(set))
    _by_person: dict[int, set[Line]] = field(default_factory=lambda: defaultdict(set))
    _dirty: set[int] = field(default_factory=set)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)
    _sweep_at: float = 0.0

    def mark(self, conversation_id: int) -> None:
        """Note that a conversation may have something new; call it in the hub's event loop."""
        if conversation_id in self._by_conversation:
            self._dirty.add(conversation_id)
            self._bell.set()

    async def join(self, line: Line) -> None:
        """Begin to serve a socket. From now on no revocation and no new membership of its person is missed, so the
        caller reads the session and the heads *after* this call and then calls `follow`.
        """
        if self._marks is None:
            await self._learn_marks()
        self.lines.add(line)
        metrics.count(metrics.SOCKETS_OPEN)
        self._by_person[line.person_id].add(line)

    def follow(self, line: Line, seats: Mapping[int, Seat]) -> None:
        """Send the socket what comes after its cursors, beginning with what is there already."""
        for conversation_id, seat in seats.items():
            if self.interest is not None and conversation_id not in self._by_conversation:
                self.interest.want(conversation_id)
            self._stays.seat(conversation_id, line.person_id, seat)
            if line not in self._by_conversation[conversation_id]:
                line.cursors[conversation_id] = seat.cursor
                self._by_conversation[conversation_id].add(line)
                self._dirty.add(conversation_id)
        self._bell.set()

    def count_of(self, person_id: int) -> int:
        """Return how many sockets of the person are served here."""
        return len(self._by_person.get(person_id, ()))

    def leave(self, line: Line) -> None:
        """Forget a socket."""
        if line in self.lines:
            self.lines.remove(line)
            metrics.count(metrics.SOCKETS_OPEN, -1)
        _discard(self._by_person, line.person_id, line)
        for conversation_id in line.cursors:
            self._drop(line, conversation_id)
        line.stop()
        if not self.lines:
            # What ends while nobody is here is not news to who comes later: the marks are learned anew.
            self._marks = None

    async def show_typing(self, conversation_id: int, person_id: int) -> None:
        """Tell the conversation's sockets in this process that somebody types; droppable."""
        if conversation_id not in self._by_conversation:
            return
        frame = parcel(await self.source.typing(conversation_id, person_id))
        for line in tuple(self._by_conversation.get(conversation_id, ())):
            if line.person_id != person_id:
                line.offer_droppable(frame)

    def say_bye(self) -> None:
        """Tell every socket that this process stops, and when to come back: not all at once."""
        for place, line in enumerate(tuple(self.lines)):
            wait_ms = min(BYE_FIRST_MS + BYE_STEP_MS * place, BYE_LAST_MS)
            line.offer(parcel(b'{"t":"bye","reconnect_ms":%d}' % wait_ms))

    async def run(self) -> None:
        """Serve for ever. A failing fetch is logged and tried again: the service comes back by itself."""
        while True:
            await self._wait()
            try:
                await self._serve_once()
            except Exception as error:  # noqa: BLE001  # the database may be away: keep the sockets, try again
                log.error("hub_fetch_failed", error=type(error).__name__)  # noqa: TRY400  # once a tick: no traceback
                metrics.count(metrics.FETCH_FAILURES)
                self._dirty.update(self._by_conversation)
                await asyncio.sleep(TICK_S)

    async def _learn_marks(self) -> None:
        """Read the marks before the first socket is served: what ends before the first fetch then comes after them."""
        marks = await self.source.marks()
        if self._marks is None:  # another socket may have been quicker, and what it knows must not be skipped
            self._marks = marks

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._bell.wait(), timeout=TICK_S)
        self._bell.clear()

    async def _serve_once(self) -> None:
        if not self.lines or self._marks is None:
            self._dirty.clear()
            return
        dirty, self._dirty = self._dirty, set()
        starts = {c: self._lowest_cursor(c) for c in dirty if c in self._by_conversation}
        want = Want(
            starts=starts,
            known={c: self._stays.known(c) for c in starts},
            marks=self._marks,
            is_sweep=self._sweep_is_due(),
        )
        batch = await self.source.fetch(want)
        metrics.count(metrics.FETCHES)
        self._apply(batch, want=want)
        if batch.is_limited:
            self._dirty.update(c for c in starts if c in self._by_conversation)
            self._bell.set()

    def _sweep_is_due(self) -> bool:
        is_due = time.monotonic() >= self._sweep_at
        if is_due:
            self._sweep_at = time.monotonic() + SWEEP_S
        return is_due

    def _apply(self, batch: Batch, *, want: Want) -> None:
        """Revocations first: nothing of this batch reaches a session that has ended."""
        if self._marks is want.marks:  # else everybody left meanwhile, and who came then has learned newer ones
            self._marks = batch.marks
        for person_id, session_id in batch.revoked:
            self._revoke(person_id, session_id)
        for arrival in batch.arrivals:
            self._admit(arrival)
        for conversation_id, person_id, stay in batch.ended:
            self._stays.note(conversation_id, person_id, stay)
        for conversation_id, frames in batch.frames.items():
            self._deliver(conversation_id, Shipment(frames), want=want)
        if want.is_sweep:
            self._end_sweep(batch.moved)
        if batch.newest_at is not None:
            metrics.count(metrics.LAG_SUM, time.time() - batch.newest_at.timestamp())
            metrics.count(metrics.LAG_COUNT)

    def _deliver(self, conversation_id: int, shipment: Shipment, *, want: Want) -> None:
        """Write to the sockets that this fetch was for. One that came while it ran may lack the events before the first
        one read; `follow` has marked the conversation, so that the next fetch serves it whole.
        """
        start, since = want.starts[conversation_id], want.known[conversation_id]
        if conversation_id not in self._by_conversation:
            return
        metrics.count(metrics.EVENTS, len(shipment.frames))
        if not self._stays.advance(conversation_id, since=since, n=shipment.last_n):
            self.mark(conversation_id)
            return
        stays = self._stays.of(conversation_id)
        lines = tuple(self._by_conversation[conversation_id])
        for line in lines:
            if line.cursors[conversation_id] >= start:
                self._hand_over(line, conversation_id, shipment, stays.get(line.person_id))
        metrics.count(metrics.DELIVERIES, len(lines) * len(shipment.frames))

    def _hand_over(self, line: Line, conversation_id: int, shipment: Shipment, stay: Stay | None) -> None:
        # A closing socket stands still: the others must not be read for from its cursor.
        if stay is None or line.is_closing:
            self._drop(line, conversation_id)
            return
        cursor, last_n = line.cursors[conversation_id], shipment.last_n
        if last_n <= cursor:
            return
        readable_n = last_n if stay.until_n is None else min(last_n, stay.until_n)
        for part in shipment.between(max(cursor, stay.from_n - 1), readable_n):
            line.offer(part)
        line.cursors[conversation_id] = last_n
        if stay.until_n is not None and last_n >= stay.until_n:
            self._drop(line, conversation_id)
            line.end_after_queue(MEMBERSHIP_CHANGED)

    def _end_sweep(self, moved: Mapping[int, int]) -> None:
        """Look again where the record is ahead of a cursor although no wake-up came; end what has grown too old."""
        for conversation_id, n in moved.items():
            if conversation_id in self._by_conversation and n > self._lowest_cursor(conversation_id):
                metrics.count(metrics.GAPS)
                self.mark(conversation_id)
        now = time.time()
        for line in tuple(self.lines):
            if line.ends_at is not None and now >= line.ends_at:
                line.end(SESSION_ENDED)

    def _admit(self, arrival: Arrival) -> None:
        self._stays.note(arrival.conversation_id, arrival.person_id, arrival.stay)
        cursor = max(arrival.stay.from_n, arrival.head) - 1
        seat = Seat(cursor=cursor, head=arrival.head, stay=arrival.stay)
        for line in self._by_person.get(arrival.person_id, ()):
            self.follow(line, {arrival.conversation_id: seat})

    def _revoke(self, person_id: int, session_id: int | None) -> None:
        """A whole person's revocation may leave the session standing (a role ended): the client comes back and asks."""
        code = MEMBERSHIP_CHANGED if session_id is None else SESSION_ENDED
        for line in self._by_person.get(person_id, ()):
            if session_id in (None, line.session_id):
                line.end(code)

    def _lowest_cursor(self, conversation_id: int) -> int:
        return min(line.cursors[conversation_id] for line in self._by_conversation[conversation_id])

    def _drop(self, line: Line, conversation_id: int) -> None:
        _discard(self._by_conversation, conversation_id, line)
        if conversation_id not in self._by_conversation:
            self._stays.forget(conversation_id)
            if self.interest is not None:
                self.interest.drop(conversation_id)


def _discard(index: dict[int, set[Line]], key: int, line: Line) -> None:
    """Take a line out of an index whose empty places are taken away."""
    lines = index.get(key)
    if lines is not None:
        lines.discard(line)
        if not lines:
            del index[key]
