"""The hub of a process: one fetch and one encoding per event, written to every entitled socket of this process.

Trusts nothing but the database: a wake-up only says where to look. Who may read a number is decided by the interval of
their membership, whose end is read after the events (stays.py); ended sessions are read in every fetch as well. What
this process has just committed need not be read (supply.py), but is delivered after the same look at who may read it.
Without any wake-up, conversations that moved on are found within 5 s and revocations twice a second. A conversation
that cannot be shown is left out (leftout.py) and stops nobody else.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from messenger.delivery import metrics
from messenger.delivery.audience import Audience, Since
from messenger.delivery.leftout import LeftOut
from messenger.delivery.line import MEMBERSHIP_CHANGED, SESSION_ENDED, SESSION_RENEWED, TRY_AGAIN_LATER, Line
from messenger.delivery.parcels import Parcel, Shipment, parcel
from messenger.delivery.reading import CATCH_UP_EVENTS, Arrival, Batch, Fresh, Marks, Source, Start, Want
from messenger.delivery.supply import Supply, next_after

TICK_S = 0.5
SWEEP_S = 3.0  # a tick late at most, and then the fetch: within 5 s, with a second to spare for a busy machine
MOST_AT_ONCE = 128  # conversations in one fetch; the others come next, before those that were not read to their end
# Who is sent away comes back in turn: one socket after the other, the last after half a minute.
BYE_FIRST_MS, BYE_STEP_MS, BYE_LAST_MS = 500, 5, 30_000

log = structlog.get_logger(__name__)


class Attendance(Protocol):
    """Who is told which colleagues are here."""

    def greet(self, line: Line) -> None: ...

    def part(self, line: Line) -> None: ...

    def meet(self, person_id: int, conversation_id: int) -> None: ...

    def separate(self, person_id: int, conversation_id: int, others: Collection[int]) -> None: ...

    def hear(self, text: str) -> None: ...


@dataclass(eq=False)
class Hub:
    """All sockets of one event loop."""

    source: Source
    attendance: Attendance | None = None
    audience: Audience = field(default_factory=Audience)
    lines: set[Line] = field(default_factory=set)
    _marks: Marks | None = None
    _by_person: dict[int, set[Line]] = field(default_factory=lambda: defaultdict(set))
    _dirty: dict[int, None] = field(default_factory=dict)  # conversations to read, who waits longest first
    _left_out: LeftOut = field(default_factory=LeftOut)
    _supply: Supply = field(default_factory=Supply)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)
    _sweep_at: float = 0.0
    _failure: type[Exception] | None = None  # of the last fetch

    def mark(self, conversation_id: int, *, n: int | None = None) -> None:
        """Note that a conversation may have something new, up to number `n` if that is known; call it in the hub's
        event loop. A number that was named before is delivered, or on its way.
        """
        if conversation_id in self.audience and self.audience.named.hint(conversation_id, n):
            self._dirty[conversation_id] = None
            self._bell.set()

    def take(self, events: Sequence[Fresh]) -> None:
        """Note what this process has just committed; call it in the hub's event loop."""
        for event in events:
            if event.conversation_id in self.audience:
                self.audience.named.commit(event.conversation_id, event.n)
                if not self._supply.add(event):
                    self._dirty[event.conversation_id] = None
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
                self._forget_person(line)
                raise
        self.lines.add(line)
        metrics.count(metrics.SOCKETS_OPEN)

    def follow(self, line: Line, starts: Mapping[int, Start]) -> None:
        """Send the socket what comes after its cursors, beginning with what is there already. What has come for it
        since `join` comes now: its client has been told nothing of it.
        """
        line.has_begun = True
        self._begin(line, starts)
        self._begin(line, line.arrived)
        for conversation_id, n in line.readings.items():
            line.offer_droppable(_reading(conversation_id, n))
        if line.farewell is not None:
            line.offer(line.farewell)

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
        self._forget_person(line)
        self.audience.drop_line(line)
        line.stop()
        if self.attendance is not None:
            self.attendance.part(line)
        if not self.lines:
            # What ends while nobody is here is not news to who comes later: the marks are learned anew.
            self._marks = None

    async def show_typing(self, conversation_id: int, person_id: int) -> None:
        """Tell the conversation's sockets in this process that somebody types; droppable."""
        if conversation_id not in self.audience:
            return
        frame = parcel(await self.source.typing(conversation_id, person_id))
        for line in self.audience.listeners(conversation_id):
            if line.person_id != person_id:
                line.offer_droppable(frame)

    def show_reading(self, conversation_id: int, person_id: int, *, n: int) -> None:
        """Tell the person's own sockets in this process that they have read up to `n`; droppable. The welcome of one
        that has not begun may have been read before that: it is told then.
        """
        for line in self._by_person.get(person_id, ()):
            if line.has_begun:
                line.offer_droppable(_reading(conversation_id, n))
            else:
                line.readings[conversation_id] = max(n, line.readings.get(conversation_id, 0))

    def say_bye(self) -> None:
        """Tell every socket that this process stops, and when to come back: not all at once."""
        for place, line in enumerate(tuple(self.lines)):
            wait_ms = min(BYE_FIRST_MS + BYE_STEP_MS * place, BYE_LAST_MS)
            bye = parcel(b'{"t":"bye","reconnect_ms":%d}' % wait_ms)
            if line.has_begun:
                line.offer(bye)
            else:
                line.farewell = bye

    async def run(self) -> None:
        """Serve for ever. A failing fetch is logged and tried again: the service comes back by itself."""
        while True:
            await self._wait()
            try:
                await self._serve_once()
                self._failure = None
            except Exception as error:  # noqa: BLE001  # the database may be away: keep the sockets, try again
                self._note_failure(error)
                self._dirty.update(dict.fromkeys(self.audience))
                await asyncio.sleep(TICK_S)

    def _note_failure(self, error: Exception) -> None:
        """Say where it came from once, and then that it goes on."""
        is_news = self._failure is not type(error)
        self._failure = type(error)
        log.error("hub_fetch_failed", error=type(error).__name__, exc_info=error if is_news else None)
        metrics.count(metrics.FETCH_FAILURES)

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
        fresh, since = self._take_fresh()
        since |= {c: self.audience.since(c) for c in self._take_turns()}
        if not self.lines or self._marks is None:
            return
        want = Want(
            starts={c: one.start for c, one in since.items() if c not in fresh},
            known={c: one.known for c, one in since.items() if c not in fresh},
            marks=self._marks,
            is_sweep=self._sweep_is_due(),
        )
        batch = await self.source.fetch(want)
        metrics.count(metrics.FETCHES)
        if batch.is_put_back:
            self._begin_anew()
            return
        self._read_on(c for c in batch.limited if c in self.audience)
        self._apply(batch, want=want, since=since, fresh=fresh)

    def _take_fresh(self) -> tuple[dict[int, list[Fresh]], dict[int, Since]]:
        """Return what need not be read: events that are next for every socket, before which no end is unknown. All
        else that was supplied is to be read.
        """
        fresh: dict[int, list[Fresh]] = {}
        since: dict[int, Since] = {}
        for conversation_id, events in self._supply.take().items():
            if conversation_id not in self.audience or self._left_out.rests(conversation_id):
                continue
            here = self.audience.since(conversation_id)
            following = next_after(here.start, events) if here.known >= here.start else None
            if following is None:
                self._dirty[conversation_id] = None
            elif conversation_id not in self._dirty:
                fresh[conversation_id], since[conversation_id] = following, here
        return fresh, since

    def _take_turns(self) -> list[int]:
        """Return the conversations to read now, those that wait longest; the others come in the next round."""
        for conversation_id in self._left_out.due():
            if conversation_id in self.audience:
                self._dirty[conversation_id] = None
            else:
                self._left_out.take_back(conversation_id)
        waiting = [c for c in self._dirty if c in self.audience and not self._left_out.rests(c)]
        self._dirty.clear()
        self._read_on(waiting[MOST_AT_ONCE:])
        return waiting[:MOST_AT_ONCE]

    def _read_on(self, conversations: Iterable[int]) -> None:
        """Read these in the next round, after all that waits already."""
        for conversation_id in conversations:
            self._dirty.setdefault(conversation_id)
            self._bell.set()

    def _sweep_is_due(self) -> bool:
        is_due = time.monotonic() >= self._sweep_at
        if is_due:
            self._sweep_at = time.monotonic() + SWEEP_S
        return is_due

    def _begin_anew(self) -> None:
        """The database was put back under us: what is known here is of another past, and nothing would be heard that is
        numbered below it. Everybody comes back, and the marks are learned anew.
        """
        log.error("database_put_back", sockets=len(self.lines))
        for line in tuple(self.lines):
            line.end(TRY_AGAIN_LATER)
            self.audience.drop_line(line)
        self._marks = None

    def _apply(
        self, batch: Batch, *, want: Want, since: Mapping[int, Since], fresh: Mapping[int, Sequence[Fresh]]
    ) -> None:
        """Revocations first: nothing of this batch reaches a session that has ended."""
        if self._marks is want.marks:  # else everybody left meanwhile, and who came then has learned newer ones
            self._marks = batch.marks
        self._apply_accesses(batch)
        for conversation_id, error in batch.broken.items():
            self._leave_out(conversation_id, error)
        for conversation_id in want.starts.keys() - batch.broken.keys():
            self._serve_read(conversation_id, batch.frames.get(conversation_id, ()), since=since[conversation_id])
        for conversation_id, events in fresh.items():
            self._serve_fresh(conversation_id, events, since=since[conversation_id])
        if want.is_sweep:
            self._end_sweep(batch.moved)
        newest = [event.at for events in fresh.values() for event in events[-1:]]
        if batch.newest_at is not None:
            newest.append(batch.newest_at)
        if newest:
            metrics.LAG.observe(time.time() - max(newest).timestamp())

    def _apply_accesses(self, batch: Batch) -> None:
        """End what has ended, and let in who has come."""
        for person_id, session_id in batch.revoked:
            self._revoke(person_id, session_id)
        for person_id, renewed_id in batch.renewed:
            self._renew(person_id, renewed_id)
        for arrival in batch.arrivals:
            self._admit(arrival)
        for conversation_id, person_id, stay in batch.ended:
            self.audience.stays.note(conversation_id, person_id, stay)
            if self.attendance is not None:
                lines = self.audience.listeners(conversation_id)
                self.attendance.separate(person_id, conversation_id, {line.person_id for line in lines})

    def _serve_read(self, conversation_id: int, frames: Sequence[tuple[int, bytes]], *, since: Since) -> None:
        """Deliver what was read of a conversation. Whatever breaks there breaks for nobody else."""
        try:
            if frames and self.audience.deliver(conversation_id, Shipment(frames), since=since) is None:
                self._read_on([conversation_id])
        except Exception as error:  # noqa: BLE001  # it is named in the log, with where it broke
            self._leave_out(conversation_id, error)
            return
        if conversation_id in self.audience:
            self.audience.named.settle(conversation_id, frames[-1][0] if frames else since.start)
        if self._left_out.take_back(conversation_id):
            log.info("conversation_shown_again", conversation=conversation_id)

    def _serve_fresh(self, conversation_id: int, events: Sequence[Fresh], *, since: Since) -> None:
        """Deliver what was committed here; where that does not go, it is read."""
        if not events:
            return
        try:
            frames = [(event.n, event.encode()) for event in events]
            new = self.audience.deliver(conversation_id, Shipment(frames), since=since)
        except Exception as error:  # noqa: BLE001  # if it cannot be read either, that is named in the log
            log.warning("supply_unusable", conversation=conversation_id, error=type(error).__name__)
            new = None
        if new is None:
            self._read_on([conversation_id])
            return
        if conversation_id in self.audience:
            self.audience.named.settle(conversation_id, events[-1].n)
        metrics.count(metrics.UNREAD, new)

    def _leave_out(self, conversation_id: int, error: Exception) -> None:
        """Stop to serve a conversation that cannot be shown, for a while. Who listens to it is told once, by a close;
        who comes back is served all others, and sees by the heads that this one stands still.
        """
        metrics.count(metrics.LEFT_OUT)
        if self._left_out.add(conversation_id):
            log.error("conversation_left_out", conversation=conversation_id, exc_info=error)
            for line in self.audience.listeners(conversation_id):
                line.end(TRY_AGAIN_LATER)
                self.audience.drop(line, conversation_id)

    def _end_sweep(self, moved: Mapping[int, int]) -> None:
        """Look again where the record is ahead of a cursor although no wake-up came; end what has grown too old."""
        for conversation_id, n in moved.items():
            if conversation_id in self.audience and n > self.audience.lowest_cursor(conversation_id):
                # A wake-up that came while this was read, or what did not fit into the batch, is no gap.
                is_known = conversation_id in self._dirty or self.audience.named.knows(conversation_id, n)
                metrics.count(metrics.GAPS, 0 if is_known or self._left_out.rests(conversation_id) else 1)
                self.mark(conversation_id)
        now = time.time()
        for line in tuple(self.lines):
            if line.ends_at is not None and now >= line.ends_at:
                line.end(SESSION_ENDED)

    def _begin(self, line: Line, starts: Mapping[int, Start]) -> None:
        self._read_on([c for c, start in starts.items() if self.audience.begin(line, c, start)])

    def _admit(self, arrival: Arrival) -> None:
        """Serve somebody's sockets a conversation that they came into: all of it that they may read, if it is little;
        else its newest event, which makes their clients ask. A socket that has not begun hears of it when it does.
        """
        self.audience.stays.note(arrival.conversation_id, arrival.person_id, arrival.stay)
        cursor = arrival.stay.from_n - 1
        if arrival.head - cursor >= CATCH_UP_EVENTS:
            cursor = max(cursor, arrival.head - 1)
        start = Start(cursor=cursor, head=arrival.head, stay=arrival.stay)
        for line in self._by_person.get(arrival.person_id, ()):
            if line.has_begun:
                self._begin(line, {arrival.conversation_id: start})
            else:
                line.arrived[arrival.conversation_id] = start
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

    def _forget_person(self, line: Line) -> None:
        lines = self._by_person.get(line.person_id, set())
        lines.discard(line)
        if not lines:
            self._by_person.pop(line.person_id, None)


def _reading(conversation_id: int, n: int) -> Parcel:
    return parcel(b'{"t":"eph","c":%d,"kind":"read","n":%d}' % (conversation_id, n))
