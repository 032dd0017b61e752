"""Who comes into a conversation while their socket is open, or while it begins. The store is a small one in memory."""

import asyncio
from dataclasses import dataclass, field

import pytest

from messenger.delivery.line import Line
from messenger.delivery.outlets import QueuedOutlet
from messenger.delivery.reading import CATCH_UP_EVENTS, Arrival, Stay
from tests.messenger.delivery.stage import ALICE, BOB, TALK, Device, Office, Phone, in_office


async def elsewhere(office: Office, person_id: int) -> tuple[Phone, Line]:
    """Return a socket that has begun and follows nothing."""
    phone, line = await coming(office, person_id)
    office.hub.follow(line, {})
    return phone, line


async def coming(office: Office, person_id: int) -> tuple[Phone, Line]:
    """Return a socket between its hello and its welcome."""
    phone = Phone()
    line = Line(person_id=person_id, session_id=person_id, outlet=QueuedOutlet(phone.take), close=phone.hang_up)
    await office.hub.join(line)
    return phone, line


def admit(office: Office, *, from_n: int) -> None:
    """Have Bob come in, as it is read now."""
    stay = Stay(9, from_n)
    office.store.members[BOB] = stay
    office.store.arrivals.append(Arrival(BOB, TALK, office.store.head, stay))


@pytest.mark.parametrize(("from_n", "head"), [(3, 6), (6, 6), (1, 4), (50, 248)])
def test_who_comes_in_hears_all_that_was_said_since_before_the_hub_looked(from_n: int, head: int) -> None:
    async def scene(office: Office) -> None:
        await office.connect(ALICE, after=0)
        bob, _ = await elsewhere(office, BOB)
        await office.settle()
        office.store.say(*range(1, head + 1))
        admit(office, from_n=from_n)
        await office.settle()
        assert bob.heard == list(range(from_n, head + 1))

    in_office(scene)


def test_who_comes_into_a_long_history_hears_its_newest_and_is_not_pushed_the_rest() -> None:
    async def scene(office: Office) -> None:
        bob, _ = await elsewhere(office, BOB)
        head = CATCH_UP_EVENTS + 1
        office.store.say(*range(1, head + 1))
        admit(office, from_n=1)
        await office.breathe()
        await office.wait_until(lambda: bob.heard == [head])
        office.store.say(head + 1)
        await office.settle()
        assert bob.heard == [head, head + 1]

    in_office(scene)


async def let_in_before_the_welcome(office: Office) -> tuple[Phone, Line]:
    """Return Bob's socket that has joined; he came in with the second event, and his client knows nothing yet."""
    await office.connect(ALICE, after=0)
    bob, line = await coming(office, BOB)
    office.store.say(1, 2)
    admit(office, from_n=2)
    await office.settle()
    return bob, line


def test_what_comes_for_a_socket_that_is_not_welcomed_yet_waits_for_its_welcome_and_is_not_lost() -> None:
    """The caller has read the heads before Bob came in: they say nothing of this conversation."""

    async def scene(office: Office) -> None:
        bob, line = await let_in_before_the_welcome(office)
        office.store.say(3)
        await office.settle()
        assert bob.heard == []
        office.hub.follow(line, {})
        await office.settle()
        office.store.say(4)
        await office.settle()
        assert bob.heard == [2, 3, 4]

    in_office(scene)


def test_one_who_came_in_and_was_removed_before_the_welcome_hears_up_to_the_removal() -> None:
    async def scene(office: Office) -> None:
        bob, line = await let_in_before_the_welcome(office)
        office.store.remove(BOB)
        office.store.say(4)
        await office.settle()
        office.hub.follow(line, {})
        await office.settle()
        assert bob.heard == [2, 3]

    in_office(scene)


@dataclass
class Listener(Device):
    """Hears frames as they are."""

    frames: list[bytes] = field(default_factory=list)

    def keep(self, frame: bytes) -> None:
        self.frames.append(frame)


def test_the_word_that_the_server_stops_waits_for_the_welcome() -> None:
    async def scene(office: Office) -> None:
        device = Listener()
        line = Line(person_id=BOB, session_id=BOB, outlet=QueuedOutlet(device.take), close=device.hang_up)
        await office.hub.join(line)
        office.hub.say_bye()
        await asyncio.sleep(0)
        assert device.frames == []
        office.hub.follow(line, {})
        await office.breathe()
        assert device.frames == [b'{"t":"bye","reconnect_ms":500}']

    in_office(scene)
