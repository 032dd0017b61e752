"""The hub of a process: one fetch and one encoding per event, written to every entitled socket of this process.

Trusts nothing but the database: a wake-up only says where to look. Who may read a number is decided by the interval of
their membership, read after the events in the same fetch; ended sessions are read in every fetch as well. Without any
wake-up the heads are re-read every 5 s and revocations every second.
"""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import structlog

from messenger.delivery.line import MEMBERSHIP_CHANGED, SESSION_ENDED, Line

TICK_S = 0.5
REREAD_S = 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Want:
    """What to read: events after the numbers in `starts`, memberships and ended sessions after the marks."""

    starts: Mapping[int, int]
    people: frozenset[int]
    revocation_mark: int
    membership_mark: int


@dataclass(frozen=True)
class Stay:
    """From which to which number somebody may read a conversation; `until_n` None while they belong."""

    from_n: int
    until_n: int | None


@dataclass(frozen=True)
class Batch:
    """What was read. Frames are encoded once, ascending by number."""

    frames: Mapping[int, list[tuple[int, bytes]]]
    stays: Mapping[tuple[int, int], Stay]  # (conversation, person) -> newest stay
    revoked: tuple[tuple[int, int | None], ...]  # (person, session or None for all)
    arrivals: tuple[tuple[int, int, int], ...]  # (person, conversation, first number to send)
    revocation_mark: int
    membership_mark: int
    is_limited: bool = False


@dataclass(frozen=True)
class Source:
    """Where the hub reads: three functions of the room above, each in another thread."""

    marks: Callable[[], Awaitable[tuple[int, int]]]  # newest revocation and membership ids
    fetch: Callable[[Want], Awaitable[Batch]]
    typing: Callable[[int, int], Awaitable[bytes]]  # (conversation, person) -> frame


@dataclass(eq=False)
class Hub:
    """All sockets of one event loop."""

    source: Source
    revocation_mark: int = -1
    membership_mark: int = -1
    lines: set[Line] = field(default_factory=set)
    _by_conversation: dict[int, set[Line]] = field(default_factory=lambda: defaultdict(set))
    _dirty: set[int] = field(default_factory=set)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)
    _reread_at: float = 0.0

    def mark(self, conversation_id: int) -> None:
        """Note that a conversation may have something new; call it in the hub's event loop."""
        self._dirty.add(conversation_id)
        self._bell.set()

    async def join(self, line: Line) -> None:
        """Begin to serve a socket. From now on no revocation and no new membership of its person is missed, so the
        caller reads the session and the heads *after* this call and then calls `follow`.
        """
        if self.revocation_mark < 0:
            await self._learn_marks()
        self.lines.add(line)
        line.start()

    def follow(self, line: Line, cursors: Mapping[int, int]) -> None:
        """Send the socket what comes after these numbers, beginning with what is there already."""
        for conversation_id, n in cursors.items():
            if line not in self._by_conversation.get(conversation_id, ()):
                line.cursors[conversation_id] = n
                self._by_conversation[conversation_id].add(line)
                self._dirty.add(conversation_id)
        self._bell.set()

    def leave(self, line: Line) -> None:
        """Forget a socket."""
        self.lines.discard(line)
        for conversation_id in line.cursors:
            self._drop(line, conversation_id)
        line.stop()

    async def show_typing(self, conversation_id: int, person_id: int) -> None:
        """Tell the conversation's sockets in this process that somebody types; droppable."""
        if not self._by_conversation.get(conversation_id):
            return
        frame = await self.source.typing(conversation_id, person_id)
        for line in self._by_conversation.get(conversation_id, ()):
            if line.person_id != person_id:
                line.offer_droppable(frame)

    async def run(self) -> None:
        """Serve for ever. A failing fetch is logged and tried again: the service comes back by itself."""
        while True:
            await self._wait()
            try:
                await self._serve_once()
            except Exception as error:  # noqa: BLE001  # the database may be away: keep the sockets, try again
                log.error("hub_fetch_failed", error=type(error).__name__)  # noqa: TRY400  # once a tick: no traceback
                self._dirty.update(self._by_conversation)
                await asyncio.sleep(TICK_S)

    async def _learn_marks(self) -> None:
        """Read the marks before the first socket is served: what ends before the first fetch then comes after them."""
        revocation_mark, membership_mark = await self.source.marks()
        if self.revocation_mark < 0:  # another socket may have been quicker, and what it knows must not be skipped
            self.revocation_mark, self.membership_mark = revocation_mark, membership_mark

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._bell.wait(), timeout=TICK_S)
        self._bell.clear()
        if time.monotonic() >= self._reread_at:
            self._reread_at = time.monotonic() + REREAD_S
            self._dirty.update(self._by_conversation)

    async def _serve_once(self) -> None:
        if not self.lines:
            # What ends while nobody is here is not news to who comes later: the marks are learned anew.
            self.revocation_mark = self.membership_mark = -1
            self._dirty.clear()
            return
        dirty, self._dirty = self._dirty, set()
        starts = {c: self._lowest_cursor(c) for c in dirty if self._by_conversation.get(c)}
        want = Want(
            starts=starts,
            people=frozenset(line.person_id for line in self.lines),
            revocation_mark=self.revocation_mark,
            membership_mark=self.membership_mark,
        )
        batch = await self.source.fetch(want)
        self._apply(batch, want=want)
        if batch.is_limited:
            self._dirty.update(starts)
            self._bell.set()

    def _apply(self, batch: Batch, *, want: Want) -> None:
        """Revocations first: nothing of this batch reaches a session that has ended."""
        self.revocation_mark, self.membership_mark = batch.revocation_mark, batch.membership_mark
        for person_id, session_id in batch.revoked:
            self._revoke(person_id, session_id)
        for person_id, conversation_id, from_n in batch.arrivals:
            self._admit(person_id, conversation_id, from_n)
        for conversation_id, frames in batch.frames.items():
            for line in self._asked_for(want, conversation_id):
                self._deliver(line, conversation_id, frames, batch.stays.get((conversation_id, line.person_id)))

    def _asked_for(self, want: Want, conversation_id: int) -> list[Line]:
        """Return the sockets that this fetch was for. One that came while it ran may lack its membership, or the events
        before the first one read; `follow` has marked the conversation, so that the next fetch serves it whole.
        """
        start, readers = want.starts[conversation_id], self._by_conversation.get(conversation_id, ())
        return [one for one in readers if one.person_id in want.people and one.cursors[conversation_id] >= start]

    def _deliver(self, line: Line, conversation_id: int, frames: list[tuple[int, bytes]], stay: Stay | None) -> None:
        # A closing socket stands still: the others must not be read for from its cursor.
        if stay is None or line.is_closing:
            self._drop(line, conversation_id)
            return
        for n, frame in frames:
            if n <= line.cursors[conversation_id]:
                continue
            if stay.from_n <= n and (stay.until_n is None or n <= stay.until_n):
                line.offer(frame)
            line.cursors[conversation_id] = n
        if stay.until_n is not None and line.cursors[conversation_id] >= stay.until_n:
            self._drop(line, conversation_id)
            line.end_after_queue(MEMBERSHIP_CHANGED)

    def _admit(self, person_id: int, conversation_id: int, from_n: int) -> None:
        for line in self.lines:
            if line.person_id == person_id:
                self.follow(line, {conversation_id: from_n - 1})

    def _revoke(self, person_id: int, session_id: int | None) -> None:
        """A whole person's revocation may leave the session standing (a role ended): the client comes back and asks."""
        code = MEMBERSHIP_CHANGED if session_id is None else SESSION_ENDED
        for line in self.lines:
            if line.person_id == person_id and session_id in (None, line.session_id):
                line.end(code)

    def _lowest_cursor(self, conversation_id: int) -> int:
        return min(line.cursors[conversation_id] for line in self._by_conversation[conversation_id])

    def _drop(self, line: Line, conversation_id: int) -> None:
        readers = self._by_conversation.get(conversation_id)
        if readers is not None:
            readers.discard(line)
            if not readers:
                del self._by_conversation[conversation_id]
