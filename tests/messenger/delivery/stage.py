"""A hub with sockets and a small store in memory, for tests of who hears what and when."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from messenger.delivery.hub import Hub
from messenger.delivery.line import Line
from messenger.delivery.outlets import QueuedOutlet
from messenger.delivery.presence import Presence
from messenger.delivery.reading import Arrival, Batch, Fresh, Marks, Source, Start, Stay, Want

ALICE, BOB = 1, 2
TALK = 7
LIMIT = 10  # frames in one fetch


@dataclass
class Store:
    """Numbered frames, who may read them and whose access ended. `slow` delays a fetch after it has read the frames.

    `asked` holds, by fetch, since which number the ends of memberships were asked for, `read` what frames were read.
    """

    frames: list[tuple[int, bytes]] = field(default_factory=list)
    members: dict[int, Stay] = field(default_factory=lambda: {ALICE: Stay(1, 1), BOB: Stay(2, 1)})
    arrivals: list[Arrival] = field(default_factory=list)
    revoked: list[tuple[int, int | None]] = field(default_factory=list)
    slow: Callable[[], Awaitable[None]] | None = None
    asked: list[int] = field(default_factory=list)
    read: list[int] = field(default_factory=list)
    looks: list[Want] = field(default_factory=list)
    sweeps: int = 0

    @property
    def head(self) -> int:
        return len(self.frames)

    def say(self, *numbers: int) -> None:
        self.frames += [(n, str(n).encode()) for n in numbers]

    def remove(self, person: int) -> None:
        """End somebody's membership with an event of its own, as the product does."""
        self.say(self.head + 1)
        self.members[person] = replace(self.members[person], until_n=self.head)

    async def marks(self) -> Marks:
        return Marks(revocation=len(self.revoked), membership=len(self.arrivals), event=self.head)

    async def fetch(self, want: Want) -> Batch:
        found = [frame for frame in self.frames if TALK in want.starts and frame[0] > want.starts[TALK]][:LIMIT]
        if self.slow is not None:
            await self.slow()
        self.looks.append(want)
        self.asked += want.known.values()
        self.read += [n for n, _ in found]
        self.sweeps += want.is_sweep
        return Batch(
            frames={TALK: found} if found else {},
            ended=tuple(self._ended(want)),
            arrivals=tuple(self.arrivals[want.marks.membership :]),
            revoked=tuple(self.revoked[want.marks.revocation :]),
            renewed=(),
            marks=replace(await self.marks(), event=self.head if want.is_sweep else want.marks.event),
            moved={TALK: self.head} if want.is_sweep and self.head > want.marks.event else {},
            limited=frozenset({TALK} if len(found) == LIMIT else ()),
            is_put_back=len(self.revoked) < want.marks.revocation,
        )

    def _ended(self, want: Want) -> Iterator[tuple[int, int, Stay]]:
        for person, stay in self.members.items():
            if TALK in want.known and stay.until_n is not None and stay.until_n > want.known[TALK]:
                yield TALK, person, stay

    async def typing(self, conversation_id: int, person_id: int) -> bytes:
        return b"0"


@dataclass
class Device(ABC):
    """The far end of one socket. While it is stalled it takes nothing."""

    closed: list[int] = field(default_factory=list)
    is_stalled: bool = False
    resume: asyncio.Event = field(default_factory=asyncio.Event)

    @abstractmethod
    def keep(self, frame: bytes) -> None:
        """Keep what arrived."""

    async def take(self, frame: bytes) -> None:
        if self.is_stalled:
            await self.resume.wait()
        self.keep(frame)

    async def hang_up(self, code: int) -> None:
        self.closed.append(code)


@dataclass
class Phone(Device):
    """Hears numbers."""

    heard: list[int] = field(default_factory=list)

    def keep(self, frame: bytes) -> None:
        self.heard.append(int(frame))


@dataclass
class Office:
    """A running hub."""

    store: Store
    hub: Hub

    async def connect(self, person_id: int, *, after: int) -> tuple[Phone, Line]:
        phone = Phone()
        outlet = QueuedOutlet(phone.take)
        line = Line(person_id=person_id, session_id=person_id, outlet=outlet, close=phone.hang_up)
        await self.hub.join(line)
        self.hub.follow(line, {TALK: self.start(person_id, after=after)})
        return phone, line

    def start(self, person_id: int, *, after: int) -> Start:
        return Start(cursor=after, head=self.store.head, stay=self.store.members[person_id])

    async def leave_behind(self, last: int) -> tuple[Phone, Phone]:
        """Say numbers up to the last; return a socket that takes none of them, Alice's, and one that does, Bob's."""
        stuck, _ = await self.connect(ALICE, after=0)
        stuck.is_stalled = True
        reader, _ = await self.connect(BOB, after=0)
        for first in range(1, last + 1, LIMIT):  # no more at once than a fetch reads
            self.store.say(*range(first, min(first + LIMIT, last + 1)))
            await self.settle()
        return stuck, reader

    async def settle(self) -> None:
        """Ring the bell and let everything run that is ready to run."""
        self.hub.mark(TALK)
        await self.breathe()

    async def breathe(self) -> None:
        for _ in range(100):
            await asyncio.sleep(0)

    async def wait_until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not is_so():
                await asyncio.sleep(0.01)

    def say_here(self, *numbers: int) -> None:
        """Commit messages and hand them over, as the process does that wrote them."""
        self.store.say(*numbers)
        self.hand_over(*numbers)

    def hand_over(self, *numbers: int) -> None:
        self.hub.take([fresh(n) for n in numbers])


def fresh(n: int) -> Fresh:
    return Fresh(TALK, n, datetime.now(UTC), encode=lambda: str(n).encode())


def in_office(scene: Callable[[Office], Awaitable[None]], *, attendance: Presence | None = None) -> None:
    async def play() -> None:
        store = Store()
        hub = Hub(Source(marks=store.marks, fetch=store.fetch, typing=store.typing), attendance=attendance)
        running = asyncio.create_task(hub.run())
        try:
            await scene(Office(store, hub))
        finally:
            running.cancel()

    asyncio.run(play())
