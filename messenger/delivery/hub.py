"""The hub of a process: one fetch and one encoding per event, written to every entitled socket of this process.

Trusts nothing but the database: a wake-up only says where to look. Who may read a number is decided by the interval of
their membership, whose end is read after the events (stays.py); ended sessions are read in every fetch as well. What
this process has just committed need not be read (supply.py), but is delivered after the same look at who may read it.
Without any wake-up, conversations that moved on are found within 5 s and revocations twice a second.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from messenger.delivery import metrics
from messenger.delivery.line import MEMBERSHIP_CHANGED, SESSION_ENDED, SESSION_RENEWED, Line
from messenger.delivery.parcels import Shipment, parcel
from messenger.delivery.reading import Arrival, Batch, Fresh, Marks, Source, Start, Stay, Want
from messenger.delivery.stays import StayBook
from messenger.delivery.supply import Supply, next_after

TICK_S = 0.5
SWEEP_S = 3.0  # a tick late at most, and then the fetch: within 5 s, with a second to spare for a busy machine
# Who is sent away comes back in turn: one socket after the other, the last after half a minute.
BYE_FIRST_MS, BYE_STEP_MS, BYE_LAST_MS = 500, 5, 30_000

log = structlog.get_logger(__name__)


class Interest(Protocol):
    """Who wants to know for which conversations somebody listens here."""

    def want(self, conversation_id: int) -> None: ...

    def drop(self, conversation_id: int) -> None: ...


class Attendance(Protocol):
    """Who is told which colleagues are here."""

    def greet(self, line: Line) -> None: ...

    def part(self, line: Line) -> None: ...

    def meet(self, person_id: int, conversation_id: int) -> None: ...

    def separate(self, person_id: int, conversation_id: int, others: Collection[int]) -> None: ...

    def hear(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class _Since:
    """Where a round begins in a conversation: after which number, and up to which every end of a stay is known."""

    start: int
    known: int


@dataclass(eq=False)
class Hub:
    """All sockets of one event loop."""

    source: Source
    interest: Interest | None = None
    attendance: Attendance | None = None
    lines: set[Line] = field(default_factory=set)
    _marks: Marks | None = None
    _stays: StayBook = field(default_factory=StayBook)
    _by_conversation: dict[int, set[Line]] = field(default_factory=lambda: defaultdict(set))
    _by_person: dict[int, set[Line]] = field(default_factory=lambda: defaultdict(set))
    _dirty: set[int] = field(default_factory=set)
    _supply: Supply = field(default_factory=Supply)
    # By conversation, the highest number that was read, or that a hint or a supply has named since.
    _told: dict[int, int] = field(default_factory=dict)
    _counted: dict[int, int] = field(default_factory=dict)  # up to which number events are in the figures
    _bell: asyncio.Event = field(default_factory=asyncio.Event)
    _sweep_at: float = 0.0

    def mark(self, conversation_id: int, *, n: int | None = None) -> None:
        """Note that a conversation may have something new, up to number `n` if that is known; call it in the hub's
        event loop. A number that was named before is delivered, or on its way.
        """
        if conversation_id in self._by_conversation and self._is_news(conversation_id, n):
            self._dirty.add(conversation_id)
            self._bell.set()

    def take(self, events: Sequence[Fresh]) -> None:
        """Note what this process has just committed; call it in the hub's event loop."""
        for event in events:
            if event.conversation_id in self._by_conversation:
                self._is_news(event.conversation_id, event.n)
                if not self._supply.add(event):
                    self._dirty.add(event.conversation_id)
                self._bell.set()

    async def join(self, line: Line) -> None:
        """Begin to serve a socket. From now on no revocation and no new membership of its person is missed, so the
        caller reads the session and the heads *after* this call and then calls `follow`.
        """
        # Counted before anything is waited for: else many that come at once would all find that there are few.
        self._by_person[line.person_id].add(line)
        if self._marks is None:
            try:
                await self._learn_marks()
            except BaseException:
                _discard(self._by_person, line.person_id, line)
                raise
        self.lines.add(line)
        metrics.count(metrics.SOCKETS_OPEN)

    def follow(self, line: Line, starts: Mapping[int, Start]) -> None:
        """Send the socket what comes after its cursors, beginning with what is there already."""
        for conversation_id, start in starts.items():
            if self.interest is not None and conversation_id not in self._by_conversation:
                self.interest.want(conversation_id)
            self._stays.begin(conversation_id, line.person_id, start)
            self._counted.setdefault(conversation_id, start.head)
            if line not in self._by_conversation[conversation_id]:
                line.cursors[conversation_id] = start.cursor
                self._by_conversation[conversation_id].add(line)
                self._dirty.add(conversation_id)
        self._bell.set()

    def greet(self, line: Line) -> None:
        """Tell a socket from now on which colleagues are here; after its welcome."""
        if self.attendance is not None and line in self.lines:
            self.attendance.greet(line)

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
        if self.attendance is not None:
            self.attendance.part(line)
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
        tick = asyncio.get_running_loop().call_later(TICK_S, self._bell.set)
        try:
            await self._bell.wait()
        finally:
            tick.cancel()
        self._bell.clear()

    async def _serve_once(self) -> None:
        dirty, self._dirty = self._dirty, set()
        supplied = self._supply.take()
        if not self.lines or self._marks is None:
            return
        since = {c: self._since(c) for c in dirty | supplied.keys() if c in self._by_conversation}
        fresh = {c: found for c, found in self._usable(supplied, since=since).items() if c not in dirty}
        want = Want(
            starts={c: one.start for c, one in since.items() if c not in fresh},
            known={c: one.known for c, one in since.items() if c not in fresh},
            marks=self._marks,
            is_sweep=self._sweep_is_due(),
        )
        batch = await self.source.fetch(want)
        metrics.count(metrics.FETCHES)
        if batch.is_limited:
            self._dirty.update(c for c in want.starts if c in self._by_conversation)
            self._bell.set()
        self._apply(batch, want=want, since=since, fresh=fresh)
        self._note_read({c: batch.frames[c][-1][0] if c in batch.frames else n for c, n in want.starts.items()})
        self._note_read({c: events[-1].n for c, events in fresh.items() if events})

    def _since(self, conversation_id: int) -> _Since:
        return _Since(start=self._lowest_cursor(conversation_id), known=self._stays.known(conversation_id))

    def _usable(
        self, supplied: Mapping[int, Sequence[Fresh]], *, since: Mapping[int, _Since]
    ) -> dict[int, list[Fresh]]:
        """Return what need not be read: events that are next for every socket, before which no end is unknown."""
        found: dict[int, list[Fresh]] = {}
        for conversation_id, events in supplied.items():
            here = since.get(conversation_id)
            following = next_after(here.start, events) if here and here.known >= here.start else None
            if following is not None:
                found[conversation_id] = following
        return found

    def _is_news(self, conversation_id: int, n: int | None) -> bool:
        """Note a number that was named, and say whether it is new here. Without a number it may be anything."""
        is_news = n is None or n > self._told.get(conversation_id, 0)
        if is_news and n is not None:
            self._told[conversation_id] = n
        return is_news

    def _note_read(self, numbers: Mapping[int, int]) -> None:
        """Go by what the database said, whatever hints have named: one that is far too high would silence all others.
        One that came since the reading has marked its conversation.
        """
        self._told.update((c, n) for c, n in numbers.items() if c in self._by_conversation)

    def _sweep_is_due(self) -> bool:
        is_due = time.monotonic() >= self._sweep_at
        if is_due:
            self._sweep_at = time.monotonic() + SWEEP_S
        return is_due

    def _apply(
        self, batch: Batch, *, want: Want, since: Mapping[int, _Since], fresh: Mapping[int, Sequence[Fresh]]
    ) -> None:
        """Revocations first: nothing of this batch reaches a session that has ended."""
        if self._marks is want.marks:  # else everybody left meanwhile, and who came then has learned newer ones
            self._marks = batch.marks
        for person_id, session_id in batch.revoked:
            self._revoke(person_id, session_id)
        for person_id, renewed_id in batch.renewed:
            self._renew(person_id, renewed_id)
        for arrival in batch.arrivals:
            self._admit(arrival)
        for conversation_id, person_id, stay in batch.ended:
            self._stays.note(conversation_id, person_id, stay)
            if self.attendance is not None:
                lines = self._by_conversation.get(conversation_id, ())
                self.attendance.separate(person_id, conversation_id, {line.person_id for line in lines})
        for conversation_id, frames in batch.frames.items():
            self._deliver(conversation_id, Shipment(frames), since=since[conversation_id])
        for conversation_id, events in fresh.items():
            if events:
                frames = [(event.n, event.encode()) for event in events]
                new = self._deliver(conversation_id, Shipment(frames), since=since[conversation_id])
                metrics.count(metrics.UNREAD, new)
        if want.is_sweep:
            self._end_sweep(batch.moved)
        newest = [event.at for events in fresh.values() for event in events[-1:]]
        if batch.newest_at is not None:
            newest.append(batch.newest_at)
        if newest:
            metrics.LAG.observe(time.time() - max(newest).timestamp())

    def _deliver(self, conversation_id: int, shipment: Shipment, *, since: _Since) -> int:
        """Write to the sockets that this fetch was for, and return how many of the events nobody here had heard. A
        socket that came while it ran may lack the events before the first one read; `follow` has marked the
        conversation, so that the next fetch serves it whole.
        """
        if conversation_id not in self._by_conversation:
            return 0
        if not self._stays.advance(conversation_id, since=since.known, n=shipment.last_n):
            self.mark(conversation_id)
            return 0
        new = self._count_new(conversation_id, shipment)
        stays, handed = self._stays.of(conversation_id), 0
        for line in tuple(self._by_conversation[conversation_id]):
            if line.cursors[conversation_id] >= since.start:
                handed += self._hand_over(line, conversation_id, shipment, stays.get(line.person_id))
        metrics.count(metrics.DELIVERIES, handed)
        return new

    def _count_new(self, conversation_id: int, shipment: Shipment) -> int:
        """Count an event once, however often it is read again for somebody whose cursor is older."""
        before = self._counted[conversation_id]
        self._counted[conversation_id] = max(before, shipment.last_n)
        new = shipment.count_after(before)
        metrics.count(metrics.EVENTS, new)
        return new

    def _hand_over(self, line: Line, conversation_id: int, shipment: Shipment, stay: Stay | None) -> int:
        """Return how many events the socket was handed."""
        # A closing socket stands still: the others must not be read for from its cursor.
        if stay is None or line.is_closing:
            self._drop(line, conversation_id)
            return 0
        cursor, last_n = line.cursors[conversation_id], shipment.last_n
        if last_n <= cursor:
            return 0
        readable_n, handed = last_n if stay.until_n is None else min(last_n, stay.until_n), 0
        for part in shipment.between(max(cursor, stay.from_n - 1), readable_n):
            if line.offer(part):
                handed += len(part.payloads)
        line.cursors[conversation_id] = last_n
        if stay.until_n is not None and last_n >= stay.until_n:
            self._drop(line, conversation_id)
            line.end_after_queue(MEMBERSHIP_CHANGED)
        return handed

    def _end_sweep(self, moved: Mapping[int, int]) -> None:
        """Look again where the record is ahead of a cursor although no wake-up came; end what has grown too old."""
        for conversation_id, n in moved.items():
            if conversation_id in self._by_conversation and n > self._lowest_cursor(conversation_id):
                # A wake-up that came while this was read, or what did not fit into the batch, is no gap.
                is_known = conversation_id in self._dirty or n <= self._told.get(conversation_id, 0)
                metrics.count(metrics.GAPS, 0 if is_known else 1)
                self.mark(conversation_id)
        now = time.time()
        for line in tuple(self.lines):
            if line.ends_at is not None and now >= line.ends_at:
                line.end(SESSION_ENDED)

    def _admit(self, arrival: Arrival) -> None:
        self._stays.note(arrival.conversation_id, arrival.person_id, arrival.stay)
        cursor = max(arrival.stay.from_n, arrival.head) - 1
        start = Start(cursor=cursor, head=arrival.head, stay=arrival.stay)
        for line in self._by_person.get(arrival.person_id, ()):
            self.follow(line, {arrival.conversation_id: start})
        if self.attendance is not None:
            self.attendance.meet(arrival.person_id, arrival.conversation_id)

    def _revoke(self, person_id: int, session_id: int | None) -> None:
        """A whole person's revocation may leave the session standing (a role ended): the client comes back and asks."""
        code = MEMBERSHIP_CHANGED if session_id is None else SESSION_ENDED
        for line in self._by_person.get(person_id, ()):
            if session_id in (None, line.session_id):
                line.end(code)

    def _renew(self, person_id: int, session_id: int) -> None:
        """Its owner comes back with the new cookie; whoever holds a copy of the old one does not."""
        for line in self._by_person.get(person_id, ()):
            if line.session_id == session_id:
                line.end(SESSION_RENEWED)

    def _lowest_cursor(self, conversation_id: int) -> int:
        return min(line.cursors[conversation_id] for line in self._by_conversation[conversation_id])

    def _drop(self, line: Line, conversation_id: int) -> None:
        _discard(self._by_conversation, conversation_id, line)
        if conversation_id not in self._by_conversation:
            self._stays.forget(conversation_id)
            self._told.pop(conversation_id, None)
            self._counted.pop(conversation_id, None)
            if self.interest is not None:
                self.interest.drop(conversation_id)


def _discard(index: dict[int, set[Line]], key: int, line: Line) -> None:
    """Take a line out of an index whose empty places are taken away."""
    lines = index.get(key)
    if lines is not None:
        lines.discard(line)
        if not lines:
            del index[key]
