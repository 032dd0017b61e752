"""What the hub counts: each delivery, event and gap once, as `/metrics` shows them; and that it believes no hint.

The store is a small one in memory.
"""

import asyncio
from collections.abc import Callable

import pytest

from messenger.delivery import hub as hub_module
from messenger.delivery import metrics, process
from messenger.delivery.line import TOO_SLOW
from messenger.delivery.reading import Start, Stay
from tests.messenger.delivery.stage import ALICE, BOB, LIMIT, TALK, Office, in_office

NAMES = (metrics.DELIVERIES, metrics.EVENTS, metrics.UNREAD, metrics.GAPS)


@pytest.fixture
def counted() -> Callable[[], dict[str, float]]:
    """Return how far the figures have moved since the test began."""

    def figures() -> dict[str, float]:
        return {sample.name: sample.value for sample in metrics.samples() if sample.name in NAMES}

    before = figures()
    return lambda: {name: value - before[name] for name, value in figures().items()}


def test_a_delivery_is_counted_for_each_socket_that_is_handed_the_event_and_no_other(
    counted: Callable[[], dict[str, float]],
) -> None:
    async def scene(office: Office) -> None:
        phones = [(await office.connect(ALICE, after=0))[0] for _ in range(2)]
        gone, _ = await office.connect(BOB, after=0)
        closing, line = await office.connect(ALICE, after=0)
        await office.settle()
        line.end(4001)
        office.store.say(1)
        office.store.remove(BOB)
        office.store.say(3)
        await office.settle()
        late, _ = await office.connect(ALICE, after=1)
        await office.settle()
        heard = [phone.heard for phone in (*phones, gone, closing, late)]
        assert heard == [[1, 2, 3], [1, 2, 3], [1, 2], [], [2, 3]]
        assert counted()[metrics.DELIVERIES] == sum(map(len, heard))
        assert counted()[metrics.EVENTS] == 3, "what one hears later is no other event"

    in_office(scene)


def test_what_a_slow_reader_is_not_handed_is_no_delivery(counted: Callable[[], dict[str, float]]) -> None:
    async def scene(office: Office) -> None:
        stuck, reader = await office.leave_behind(400)
        assert (stuck.closed, len(reader.heard)) == ([TOO_SLOW], 400)
        # The queue takes 256 frames and what went over; then the socket is cut off.
        assert 400 + 256 <= counted()[metrics.DELIVERIES] <= 400 + 256 + 2 * LIMIT

    in_office(scene)


def test_an_event_that_is_read_again_for_an_older_hello_is_counted_once(
    counted: Callable[[], dict[str, float]],
) -> None:
    async def scene(office: Office) -> None:
        office.store.say(1, 2)
        alice, _ = await office.connect(ALICE, after=2)
        await office.settle()

        async def say_hello() -> None:
            """The hello of Bob read the head and his stay before number 2 was said."""
            office.store.slow = None
            _, line = await office.connect(BOB, after=2)
            office.hub.leave(line)
            await office.hub.join(line)
            office.hub.follow(line, {TALK: Start(cursor=1, head=1, stay=Stay(2, 1))})

        office.store.slow = say_hello
        office.say_here(3)
        await office.settle()
        assert alice.heard == [3]
        assert (counted()[metrics.EVENTS], counted()[metrics.UNREAD]) == (1, 0), "in the end it was read"

    in_office(scene)


def test_what_is_handed_over_is_counted_once_as_an_event_and_as_not_read(
    counted: Callable[[], dict[str, float]],
) -> None:
    async def scene(office: Office) -> None:
        await office.connect(ALICE, after=0)
        await office.settle()
        office.say_here(1, 2)
        await office.breathe()
        office.hand_over(1, 2)
        await office.breathe()
        await office.connect(BOB, after=0)
        await office.settle()
        assert (counted()[metrics.EVENTS], counted()[metrics.UNREAD], counted()[metrics.DELIVERIES]) == (2, 2, 4)

    in_office(scene)


def sweeping_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "SWEEP_S", 0.05)
    monkeypatch.setattr(hub_module, "TICK_S", 0.02)


def test_a_conversation_that_moved_on_without_a_wake_up_is_one_gap_however_much_there_is_to_read(
    monkeypatch: pytest.MonkeyPatch, counted: Callable[[], dict[str, float]]
) -> None:
    sweeping_often(monkeypatch)

    async def scene(office: Office) -> None:
        phone, _ = await office.connect(ALICE, after=0)
        await office.settle()
        office.store.say(*range(1, 3 * LIMIT))
        await office.wait_until(lambda: len(phone.heard) == 3 * LIMIT - 1)
        sweeps = office.store.sweeps
        await office.wait_until(lambda: office.store.sweeps > sweeps + 1)
        assert counted()[metrics.GAPS] == 1

    in_office(scene)


@pytest.mark.parametrize("n", [2, None])
def test_a_wake_up_that_comes_while_the_sweep_reads_leaves_no_gap(
    monkeypatch: pytest.MonkeyPatch, counted: Callable[[], dict[str, float]], n: int | None
) -> None:
    sweeping_often(monkeypatch)

    async def scene(office: Office) -> None:
        phone, _ = await office.connect(ALICE, after=0)
        await office.settle()

        async def say_two() -> None:
            office.store.slow = None
            office.store.say(1, 2)
            office.hub.mark(TALK, n=n)

        await asyncio.sleep(0.06)  # the next look is a sweep
        office.store.slow = say_two
        await office.wait_until(lambda: phone.heard == [1, 2])
        assert counted()[metrics.GAPS] == 0

    in_office(scene)


def test_who_has_much_to_catch_up_with_is_no_gap(
    monkeypatch: pytest.MonkeyPatch, counted: Callable[[], dict[str, float]]
) -> None:
    async def scene(office: Office) -> None:
        await office.connect(ALICE, after=0)
        await office.settle()
        monkeypatch.setattr(office.hub, "_sweep_at", 0.0)
        office.store.say(*range(1, 3 * LIMIT))
        late, _ = await office.connect(BOB, after=0)
        await office.settle()
        assert (len(late.heard), counted()[metrics.GAPS]) == (3 * LIMIT - 1, 0)

    in_office(scene)


@pytest.mark.parametrize("hint", [f"{TALK} n1000000000", f"{TALK} n{2**63}"])
def test_a_hint_that_is_far_too_high_silences_nobody(hint: str) -> None:
    async def scene(office: Office) -> None:
        phone, _ = await office.connect(ALICE, after=0)
        await office.settle()
        process.pass_hint(office.hub, hint)
        await office.breathe()
        office.store.say(1)
        office.hub.mark(TALK, n=1)
        await office.breathe()
        assert phone.heard == [1]
        sweeps = office.store.sweeps
        office.store.say(2)
        office.hub.mark(TALK, n=2)
        await office.breathe()
        assert (phone.heard, office.store.sweeps) == ([1, 2], sweeps), "and no sweep was needed"

    in_office(scene)


def test_a_hint_that_is_too_high_and_comes_while_the_hub_reads_silences_nobody() -> None:
    async def scene(office: Office) -> None:
        phone, _ = await office.connect(ALICE, after=0)
        await office.settle()

        async def shout() -> None:
            office.store.slow = None
            office.hub.mark(TALK, n=10**9)

        office.store.slow = shout
        office.store.say(1)
        office.hub.mark(TALK, n=1)
        await office.breathe()
        office.store.say(2)
        office.hub.mark(TALK, n=2)
        await office.breathe()
        assert phone.heard == [1, 2]

    in_office(scene)
