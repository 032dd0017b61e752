"""The hub of an event loop, and that nothing of it stays when its loop has ended."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import orjson
import pytest
from pytest_django import Settings

from messenger.delivery import bus, process
from messenger.delivery.hub import Hub
from messenger.delivery.line import Line
from messenger.delivery.outlets import QueuedOutlet
from messenger.delivery.reading import Source
from tests.messenger.delivery.stage import ALICE, BOB, TALK, Office, Phone, Store, fresh

STORE = Store()
SOURCE = Source(marks=STORE.marks, fetch=STORE.fetch, typing=STORE.typing)


@pytest.fixture(autouse=True)
def alone(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hints go by Redis otherwise, and other tests had hubs too."""
    monkeypatch.setattr(bus, "_publisher", None)
    settings.REDIS_URL = ""
    yield
    asyncio.run(begin())  # whose loop ends with it, and which forgets those of the test


async def begin() -> "weakref.ref[Hub]":
    return weakref.ref(process.hub_of_this_loop(SOURCE))


def test_a_hub_whose_loop_has_ended_is_forgotten_when_the_next_one_begins() -> None:
    ended = [asyncio.run(begin()) for _ in range(5)]

    async def look() -> tuple[int, int]:
        process.hub_of_this_loop(SOURCE)
        return len(bus._listeners), len(bus._takers)

    assert asyncio.run(look()) == (1, 1)
    gc.collect()
    assert [hub() for hub in ended] == [None] * 5


def test_a_hub_of_a_loop_that_was_closed_without_its_tasks_being_cancelled_is_forgotten_too() -> None:
    loop = asyncio.new_event_loop()
    ended = loop.run_until_complete(begin())
    loop.close()
    del loop
    asyncio.run(begin())
    gc.collect()
    assert ended() is None


def test_a_reading_is_told_to_the_sockets_of_who_read_and_to_nobody_else() -> None:
    async def scene() -> None:
        office = Office(STORE, process.hub_of_this_loop(SOURCE))
        told: dict[str, list[object]] = {"laptop": [], "phone": [], "not welcomed yet": [], "Bob's": []}
        lines: dict[str, Line] = {}

        def device(name: str, person: int) -> Line:
            async def keep(frame: bytes) -> None:
                told[name].append(orjson.loads(frame))

            return Line(person_id=person, session_id=person, outlet=QueuedOutlet(keep), close=Phone().hang_up)

        for name, person in {"laptop": ALICE, "phone": ALICE, "not welcomed yet": ALICE, "Bob's": BOB}.items():
            lines[name] = device(name, person)
            await office.hub.join(lines[name])
            if name != "not welcomed yet":
                office.hub.follow(lines[name], {TALK: office.start(person, after=STORE.head)})
        bus.publish(f"{TALK} r{ALICE}", n=42)
        await office.breathe()
        frame = {"t": "eph", "c": TALK, "kind": "read", "n": 42}
        assert told == {"laptop": [frame], "phone": [frame], "not welcomed yet": [], "Bob's": []}
        bus.publish(f"{TALK} r{ALICE}", n=41)
        await office.breathe()
        office.hub.follow(lines["not welcomed yet"], {TALK: office.start(ALICE, after=STORE.head)})
        await office.breathe()
        assert told["not welcomed yet"] == [frame], "its welcome may have been read before that"

    asyncio.run(scene())


def test_the_hub_of_a_loop_is_one_and_hears_what_is_published_and_handed_over() -> None:
    async def scene() -> None:
        hub = process.hub_of_this_loop(SOURCE)
        assert process.hub_of_this_loop(SOURCE) is hub
        office = Office(STORE, hub)
        phone, _ = await office.connect(ALICE, after=0)
        await office.breathe()
        STORE.say(1)
        bus.publish(f"{TALK} n1")
        await office.wait_until(lambda: phone.heard == [1])
        STORE.say(2)
        bus.hand_over([fresh(2)])
        await office.wait_until(lambda: phone.heard == [1, 2])

    asyncio.run(scene())
