"""Who hears what, when sockets come, stall and go while the hub reads. The store is a small one in memory."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest

from messenger.delivery import hub as hub_module
from messenger.delivery.hub import Hub
from messenger.delivery.line import MEMBERSHIP_CHANGED, SESSION_ENDED, TOO_SLOW, Line
from messenger.delivery.outlets import QueuedOutlet
from messenger.delivery.parcels import Parcel
from messenger.delivery.reading import Arrival, Batch, Marks, Seat, Source, Stay, Want

ALICE, BOB = 1, 2
TALK = 7
LIMIT = 10  # frames in one fetch


@dataclass
class Store:
    """Numbered frames, who may read them and whose access ended. `slow` delays a fetch after it has read the frames.

    `asked` holds, by fetch, since which number the ends of memberships were asked for.
    """

    frames: list[tuple[int, bytes]] = field(default_factory=list)
    members: dict[int, Stay] = field(default_factory=lambda: {ALICE: Stay(1, 1), BOB: Stay(2, 1)})
    arrivals: list[Arrival] = field(default_factory=list)
    revoked: list[tuple[int, int | None]] = field(default_factory=list)
    slow: Callable[[], Awaitable[None]] | None = None
    asked: list[int] = field(default_factory=list)
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
        self.asked += want.known.values()
        self.sweeps += want.is_sweep
        return Batch(
            frames={TALK: found} if found else {},
            ended=tuple(self._ended(want)),
            arrivals=tuple(self.arrivals[want.marks.membership :]),
            revoked=tuple(self.revoked[want.marks.revocation :]),
            marks=replace(await self.marks(), event=self.head if want.is_sweep else want.marks.event),
            moved={TALK: self.head} if want.is_sweep and self.head > want.marks.event else {},
            is_limited=len(found) == LIMIT,
        )

    def _ended(self, want: Want) -> Iterator[tuple[int, int, Stay]]:
        for person, stay in self.members.items():
            if TALK in want.known and stay.until_n is not None and stay.until_n > want.known[TALK]:
                yield TALK, person, stay

    async def typing(self, conversation_id: int, person_id: int) -> bytes:
        return b"0"


@dataclass
class Phone:
    """What arrives at one socket."""

    heard: list[int] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    is_stalled: bool = False
    resume: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, frame: bytes) -> None:
        if self.is_stalled:
            await self.resume.wait()
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
        outlet = QueuedOutlet(phone.take)
        line = Line(person_id=person_id, session_id=person_id, outlet=outlet, close=phone.hang_up)
        await self.hub.join(line)
        self.hub.follow(line, {TALK: self.seat(person_id, after=after)})
        return phone, line

    def seat(self, person_id: int, *, after: int) -> Seat:
        return Seat(cursor=after, head=self.store.head, stay=self.store.members[person_id])

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


class Broken(QueuedOutlet):
    """A socket whose server raises at a write."""

    def put(self, parcel: Parcel) -> None:
        raise RuntimeError("the handler is closed")


def test_a_socket_that_breaks_at_a_write_is_closed_and_holds_up_nobody() -> None:
    async def scene(office: Office) -> None:
        lines = [await office.connect(BOB, after=0) for _ in range(4)]
        for phone, line in lines[1:3]:
            line.outlet = Broken(phone.take)
        office.store.say(1, 2)
        await office.settle()
        assert [phone.heard for phone, _ in lines] == [[1, 2], [], [], [1, 2]]
        assert [phone.closed for phone, _ in lines] == [[], [TOO_SLOW], [TOO_SLOW], []]

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
        office.store.say(1)
        office.store.remove(BOB)
        office.store.say(3)
        await office.settle()
        assert phone.heard == [1, 2]
        assert phone.closed == [MEMBERSHIP_CHANGED]

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


def test_a_member_removed_while_a_fetch_runs_hears_nothing_after() -> None:
    """The removal commits between a socket's hello and the fetch that was under way when it came."""

    async def scene(office: Office) -> None:
        office.store.say(1, 2)
        await office.connect(ALICE, after=2)
        await office.settle()
        arrived: list[Phone] = []

        async def let_bob_in_and_remove_him() -> None:
            office.store.slow = None
            arrived.append((await office.connect(BOB, after=2))[0])
            office.store.remove(BOB)
            office.store.say(5, 6)

        office.store.slow = let_bob_in_and_remove_him
        office.store.say(3)
        await office.settle()
        assert arrived[0].heard == [3, 4]
        assert arrived[0].closed == [MEMBERSHIP_CHANGED]

    _in_office(scene)


def test_an_older_hello_does_not_bring_an_ended_membership_back() -> None:
    """Bob's hello was read before his removal, and reaches the hub after the fetch that knew of it."""

    async def scene(office: Office) -> None:
        office.store.say(1)
        await office.connect(ALICE, after=1)
        stale = office.seat(BOB, after=1)
        office.store.remove(BOB)
        office.store.say(3)
        await office.settle()
        phone = Phone()
        line = Line(person_id=BOB, session_id=BOB, outlet=QueuedOutlet(phone.take), close=phone.hang_up)
        await office.hub.join(line)
        office.hub.follow(line, {TALK: stale})
        office.store.say(4)
        await office.settle()
        assert (phone.heard, phone.closed) == ([2], [MEMBERSHIP_CHANGED])

    _in_office(scene)


def test_who_comes_back_hears_again() -> None:
    async def scene(office: Office) -> None:
        await office.connect(ALICE, after=0)
        phone, _ = await office.connect(BOB, after=0)
        office.store.say(1)
        office.store.remove(BOB)
        await office.settle()
        office.store.say(3)
        office.store.members[BOB] = Stay(3, 3)
        office.store.arrivals.append(Arrival(BOB, TALK, 3, Stay(3, 3)))
        phone, _ = await office.connect(BOB, after=2)
        office.store.say(4)
        await office.settle()
        assert (phone.heard, phone.closed) == ([3, 4], [])

    _in_office(scene)


def test_ends_of_memberships_are_asked_for_since_the_last_known_number_only() -> None:
    async def scene(office: Office) -> None:
        await office.connect(ALICE, after=0)
        for n in range(1, 6):
            office.store.say(n)
            await office.settle()
        assert office.store.asked == sorted(office.store.asked)
        assert office.store.asked[-1] >= 4

    _in_office(scene)


def test_without_any_wake_up_the_sweep_finds_what_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "SWEEP_S", 0.05)
    monkeypatch.setattr(hub_module, "TICK_S", 0.02)

    async def scene(office: Office) -> None:
        phone, _ = await office.connect(ALICE, after=0)
        await office.settle()
        office.store.say(1, 2)
        async with asyncio.timeout(2):
            while phone.heard != [1, 2]:
                await asyncio.sleep(0.01)
        assert office.store.sweeps >= 2

    _in_office(scene)


def test_a_socket_older_than_its_session_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "SWEEP_S", 0.05)
    monkeypatch.setattr(hub_module, "TICK_S", 0.02)

    async def scene(office: Office) -> None:
        old, line = await office.connect(ALICE, after=0)
        young, _ = await office.connect(BOB, after=0)
        line.ends_at = 1.0
        async with asyncio.timeout(2):
            while not old.closed:
                await asyncio.sleep(0.01)
        assert (old.closed, young.closed) == ([SESSION_ENDED], [])

    _in_office(scene)


def test_a_reader_of_whom_half_the_queue_waits_is_spared_what_may_be_lost() -> None:
    async def scene(office: Office) -> None:
        stuck, _ = await office.connect(ALICE, after=0)
        stuck.is_stalled = True
        reader, _ = await office.connect(BOB, after=0)
        for first in range(1, 151, LIMIT):
            office.store.say(*range(first, first + LIMIT))
            await office.settle()
        await office.hub.show_typing(TALK, 99)
        stuck.is_stalled = False
        stuck.resume.set()
        await office.settle()
        assert 0 in reader.heard and 0 not in stuck.heard
        assert stuck.heard == list(range(1, 151))

    _in_office(scene)
