"""Who hears what, when sockets come, stall and go while the hub reads. The store is a small one in memory."""

import asyncio
from dataclasses import replace

import pytest

from messenger.delivery import hub as hub_module
from messenger.delivery.line import MEMBERSHIP_CHANGED, SESSION_ENDED, TOO_SLOW, Line
from messenger.delivery.outlets import QueuedOutlet
from messenger.delivery.parcels import Parcel
from messenger.delivery.reading import Arrival, Marks, Stay
from tests.messenger.delivery.stage import ALICE, BOB, TALK, Office, Phone, in_office


def test_every_socket_hears_from_its_own_cursor_on() -> None:
    async def scene(office: Office) -> None:
        office.store.say(1, 2, 3)
        early, _ = await office.connect(ALICE, after=1)
        late, _ = await office.connect(BOB, after=3)
        await office.settle()
        office.store.say(4)
        await office.settle()
        assert (early.heard, late.heard) == ([2, 3, 4], [4])

    in_office(scene)


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

    in_office(scene)


def test_a_socket_that_does_not_read_is_closed_and_holds_up_nobody() -> None:
    async def scene(office: Office) -> None:
        stuck, reader = await office.leave_behind(400)
        assert stuck.closed == [TOO_SLOW]
        assert reader.heard == list(range(1, 401))

    in_office(scene)


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

    in_office(scene)


def test_a_socket_that_breaks_at_what_may_be_lost_is_closed_and_holds_up_nobody() -> None:
    async def scene(office: Office) -> None:
        lines = [await office.connect(BOB, after=0) for _ in range(4)]
        for phone, line in lines[1:3]:
            line.outlet = Broken(phone.take)
        await office.hub.show_typing(TALK, ALICE)
        await office.breathe()
        assert [phone.heard for phone, _ in lines] == [[0], [], [], [0]]
        assert [phone.closed for phone, _ in lines] == [[], [TOO_SLOW], [TOO_SLOW], []]

    in_office(scene)


def test_a_session_that_ends_while_the_first_socket_begins_is_closed() -> None:
    async def scene(office: Office) -> None:
        phone, _ = await office.connect(ALICE, after=0)
        office.store.revoked.append((ALICE, ALICE))
        await office.settle()
        assert phone.closed == [SESSION_ENDED]

    in_office(scene)


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

    in_office(scene)


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

    in_office(scene)


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

    in_office(scene)


def test_an_older_hello_does_not_bring_an_ended_membership_back() -> None:
    """Bob's hello was read before his removal, and reaches the hub after the fetch that knew of it."""

    async def scene(office: Office) -> None:
        office.store.say(1)
        await office.connect(ALICE, after=1)
        stale = office.start(BOB, after=1)
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

    in_office(scene)


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

    in_office(scene)


def test_ends_of_memberships_are_asked_for_since_the_last_known_number_only() -> None:
    async def scene(office: Office) -> None:
        await office.connect(ALICE, after=0)
        for n in range(1, 6):
            office.store.say(n)
            await office.settle()
        assert office.store.asked == sorted(office.store.asked)
        assert office.store.asked[-1] >= 4

    in_office(scene)


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

    in_office(scene)


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

    in_office(scene)


def test_a_reader_of_whom_half_the_queue_waits_is_spared_what_may_be_lost() -> None:
    async def scene(office: Office) -> None:
        stuck, reader = await office.leave_behind(150)
        await office.hub.show_typing(TALK, 99)
        stuck.is_stalled = False
        stuck.resume.set()
        await office.settle()
        assert 0 in reader.heard and 0 not in stuck.heard
        assert stuck.heard == list(range(1, 151))

    in_office(scene)


def test_two_sockets_that_come_at_once_to_an_empty_hub_are_two_at_once() -> None:
    """Who counts a person's sockets before joining would else let any number of them in while the marks are read."""

    async def scene(office: Office) -> None:
        read, marks = asyncio.Event(), office.store.marks

        async def read_marks() -> Marks:
            await read.wait()
            return await marks()

        office.hub.source = replace(office.hub.source, marks=read_marks)
        coming = [asyncio.create_task(office.connect(ALICE, after=0)) for _ in range(2)]
        await office.breathe()
        assert (office.hub.count_of(ALICE), office.hub.lines) == (2, set())
        read.set()
        (_, line), _ = await asyncio.gather(*coming)
        assert len(office.hub.lines) == 2
        office.hub.leave(line)
        assert office.hub.count_of(ALICE) == 1

    in_office(scene)


def test_a_socket_that_could_not_join_is_forgotten() -> None:
    async def scene(office: Office) -> None:
        async def break_down() -> Marks:
            raise OSError("the database is away")

        working = office.hub.source
        office.hub.source = replace(working, marks=break_down)
        with pytest.raises(OSError, match="away"):
            await office.connect(ALICE, after=0)
        assert office.hub.count_of(ALICE) == 0
        office.hub.source = working
        await office.connect(ALICE, after=0)
        assert office.hub.count_of(ALICE) == 1

    in_office(scene)
