"""Who hears what, when sockets come, stall and go while the hub reads. The store is a small one in memory."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from messenger.delivery.hub import Batch, Hub, Source, Stay, Want
from messenger.delivery.line import SESSION_ENDED, TOO_SLOW, Line

ALICE, BOB = 1, 2
TALK = 7
LIMIT = 10  # frames in one fetch


@dataclass
class Store:
    """Numbered frames, who may read them and whose access ended. `slow` delays a fetch after it has read the frames."""

    frames: list[tuple[int, bytes]] = field(default_factory=list)
    members: dict[int, Stay] = field(default_factory=lambda: {ALICE: Stay(1, None), BOB: Stay(1, None)})
    revoked: list[tuple[int, int | None]] = field(default_factory=list)
    slow: Callable[[], Awaitable[None]] | None = None

    def say(self, *numbers: int) -> None:
        self.frames += [(n, str(n).encode()) for n in numbers]

    async def marks(self) -> tuple[int, int]:
        return len(self.revoked), 0

    async def fetch(self, want: Want) -> Batch:
        found = [frame for frame in self.frames if TALK in want.starts and frame[0] > want.starts[TALK]][:LIMIT]
        if self.slow is not None:
            await self.slow()
        return Batch(
            frames={TALK: found} if found else {},
            stays={(TALK, person): stay for person, stay in self.members.items() if person in want.people},
            revoked=tuple(self.revoked[want.revocation_mark :]),
            arrivals=(),
            revocation_mark=len(self.revoked),
            membership_mark=0,
            is_limited=len(found) == LIMIT,
        )

    async def typing(self, conversation_id: int, person_id: int) -> bytes:
        return b"typing"


@dataclass
class Phone:
    """What arrives at one socket."""

    heard: list[int] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    is_stalled: bool = False

    async def take(self, frame: bytes) -> None:
        if self.is_stalled:
            await asyncio.Event().wait()
        self.heard.append(int(frame))

    async def hang_up(self, code: int) -> None:
        self.closed.append(code)


@dataclass
class Office:
    """A running hub."""

    store: Store
    hub: Hub

    async def connect(self, person_id: int, *, after: int) -> tuple[Phone, Line]:
        phone = Phone()
        line = Line(person_id=person_id, session_id=person_id, send=phone.take, close=phone.hang_up)
        await self.hub.join(line)
        self.hub.follow(line, {TALK: after})
        return phone, line

    async def settle(self) -> None:
        """Ring the bell and let everything run that is ready to run."""
        self.hub.mark(TALK)
        for _ in range(100):
            await asyncio.sleep(0)


def _in_office(scene: Callable[[Office], Awaitable[None]]) -> None:
    async def play() -> None:
        store = Store()
        hub = Hub(Source(marks=store.marks, fetch=store.fetch, typing=store.typing))
        running = asyncio.create_task(hub.run())
        try:
            await scene(Office(store, hub))
        finally:
            running.cancel()

    asyncio.run(play())


def test_every_socket_hears_from_its_own_cursor_on() -> None:
    async def scene(office: Office) -> None:
        office.store.say(1, 2, 3)
        early, _ = await office.connect(ALICE, after=1)
        late, _ = await office.connect(BOB, after=3)
        await office.settle()
        office.store.say(4)
        await office.settle()
        assert (early.heard, late.heard) == ([2, 3, 4], [4])

    _in_office(scene)


def test_a_socket_that_comes_while_the_hub_reads_misses_nothing() -> None:
    async def scene(office: Office) -> None:
        office.store.say(*range(1, 6))
        await office.connect(ALICE, after=5)
        await office.settle()
        arrived: list[Phone] = []

        async def let_bob_in() -> None:
            office.store.slow = None
            arrived.append((await office.connect(BOB, after=2))[0])

        office.store.slow = let_bob_in
        office.store.say(6)
        await office.settle()
        office.store.say(7)
        await office.settle()
        assert arrived[0].heard == [3, 4, 5, 6, 7]

    _in_office(scene)


def test_a_socket_that_does_not_read_is_closed_and_holds_up_nobody() -> None:
    async def scene(office: Office) -> None:
        stuck, _ = await office.connect(ALICE, after=0)
        stuck.is_stalled = True
        reader, _ = await office.connect(BOB, after=0)
        for first in range(1, 400, LIMIT):
            office.store.say(*range(first, first + LIMIT))
            await office.settle()
        assert stuck.closed == [TOO_SLOW]
        assert reader.heard == list(range(1, 401))

    _in_office(scene)


def test_a_session_that_ends_while_the_first_socket_begins_is_closed() -> None:
    async def scene(office: Office) -> None:
        phone, _ = await office.connect(ALICE, after=0)
        office.store.revoked.append((ALICE, ALICE))
        await office.settle()
        assert phone.closed == [SESSION_ENDED]

    _in_office(scene)


def test_who_left_hears_up_to_their_leaving_and_nothing_after() -> None:
    async def scene(office: Office) -> None:
        phone, _ = await office.connect(BOB, after=0)
        await office.settle()
        office.store.members[BOB] = Stay(1, 2)
        office.store.say(1, 2, 3)
        await office.settle()
        assert phone.heard == [1, 2]
        assert len(phone.closed) == 1

    _in_office(scene)


def test_what_ended_while_nobody_was_connected_does_not_close_who_comes_later() -> None:
    async def scene(office: Office) -> None:
        _, line = await office.connect(ALICE, after=0)
        await office.settle()
        office.hub.leave(line)
        office.store.revoked.append((ALICE, None))  # a personal token of hers, say
        await office.settle()
        phone, _ = await office.connect(ALICE, after=0)
        await office.settle()
        assert phone.closed == []

    _in_office(scene)
