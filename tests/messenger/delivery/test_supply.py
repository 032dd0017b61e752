"""What a process has just committed reaches its own sockets unread, and nobody who may not hear it."""

import pytest

from messenger.delivery import supply as supply_module
from messenger.delivery.line import MEMBERSHIP_CHANGED, SESSION_ENDED
from messenger.delivery.supply import next_after
from tests.messenger.delivery.stage import ALICE, BOB, TALK, Office, Phone, fresh, in_office


def test_what_is_next_is_delivered_without_being_read() -> None:
    async def scene(office: Office) -> None:
        alice, _ = await office.connect(ALICE, after=0)
        bob, _ = await office.connect(BOB, after=0)
        await office.settle()
        office.say_here(1)
        office.say_here(2, 3)
        await office.breathe()
        office.say_here(4)
        await office.breathe()
        assert alice.heard == bob.heard == [1, 2, 3, 4]
        assert office.store.read == []

    in_office(scene)


@pytest.mark.parametrize("handed", [(2,), (1, 3), (3, 2), (1, 2, 4)])
def test_with_a_gap_everything_is_read(handed: tuple[int, ...]) -> None:
    async def scene(office: Office) -> None:
        alice, _ = await office.connect(ALICE, after=0)
        await office.settle()
        office.store.say(1, 2, 3, 4)
        office.hand_over(*handed)
        await office.breathe()
        assert alice.heard == office.store.read == [1, 2, 3, 4]

    in_office(scene)


def test_what_was_heard_already_is_not_heard_again() -> None:
    async def scene(office: Office) -> None:
        alice, _ = await office.connect(ALICE, after=0)
        office.store.say(1, 2)
        await office.settle()
        office.hand_over(1, 2)
        await office.breathe()
        office.store.say(3)
        office.hand_over(2, 3, 3)
        await office.breathe()
        assert alice.heard == [1, 2, 3]

    in_office(scene)


def test_who_signed_out_between_the_commit_and_the_hand_over_hears_nothing() -> None:
    async def scene(office: Office) -> None:
        alice, _ = await office.connect(ALICE, after=0)
        bob, _ = await office.connect(BOB, after=0)
        await office.settle()
        office.store.say(1)
        office.store.revoked.append((BOB, BOB))
        office.hand_over(1)
        await office.breathe()
        assert (alice.heard, bob.heard, bob.closed) == ([1], [], [SESSION_ENDED])

    in_office(scene)


@pytest.mark.parametrize("handed", [(1, 3), (3,), (3, 1)])
def test_who_was_removed_in_the_same_commit_hears_up_to_that_and_nothing_after(handed: tuple[int, ...]) -> None:
    """The removal is number 2. It is no message: a hint tells of it, before or after the messages beside it."""

    async def scene(office: Office) -> None:
        alice, _ = await office.connect(ALICE, after=0)
        bob, _ = await office.connect(BOB, after=0)
        await office.settle()
        office.store.say(1)
        office.store.remove(BOB)
        office.store.say(3)
        for n in handed:
            office.hand_over(n)
            await office.breathe()
        office.hub.mark(TALK)
        office.say_here(4)
        await office.breathe()
        assert (alice.heard, bob.heard, bob.closed) == ([1, 2, 3, 4], [1, 2], [MEMBERSHIP_CHANGED])

    in_office(scene)


def test_a_socket_that_joins_while_a_hand_over_is_under_way_misses_nothing_and_hears_nothing_twice() -> None:
    async def scene(office: Office) -> None:
        await office.connect(ALICE, after=0)
        await office.settle()
        office.say_here(1, 2)
        await office.breathe()
        arrived: list[Phone] = []

        async def let_bob_in() -> None:
            office.store.slow = None
            arrived.append((await office.connect(BOB, after=1))[0])
            office.say_here(4)

        office.store.slow = let_bob_in
        office.say_here(3)
        await office.breathe()
        office.say_here(5)
        await office.breathe()
        assert arrived[0].heard == [2, 3, 4, 5]

    in_office(scene)


def test_one_removed_while_a_hand_over_is_under_way_hears_nothing_after_their_removal() -> None:
    """Bob's hello is read before his removal and reaches the hub in the middle of a round for a message."""

    async def scene(office: Office) -> None:
        await office.connect(ALICE, after=0)
        office.say_here(1)
        await office.breathe()
        arrived: list[Phone] = []

        async def let_bob_in_and_remove_him() -> None:
            office.store.slow = None
            arrived.append((await office.connect(BOB, after=1))[0])
            office.store.remove(BOB)
            office.say_here(4)

        office.store.slow = let_bob_in_and_remove_him
        office.say_here(2)
        await office.settle()
        assert (arrived[0].heard, arrived[0].closed) == ([2, 3], [MEMBERSHIP_CHANGED])

    in_office(scene)


def test_a_hint_about_what_was_handed_over_costs_no_look_and_one_about_more_does() -> None:
    async def scene(office: Office) -> None:
        alice, _ = await office.connect(ALICE, after=0)
        await office.settle()
        office.say_here(1, 2)
        await office.breathe()
        looks = len(office.store.looks)
        office.hub.mark(TALK, n=2)
        office.hub.mark(TALK, n=1)
        await office.breathe()
        assert len(office.store.looks) == looks
        office.store.say(3)
        office.hub.mark(TALK, n=3)
        await office.breathe()
        assert alice.heard == [1, 2, 3]

    in_office(scene)


def test_our_own_hint_that_comes_back_while_a_round_reads_costs_no_look_at_the_conversation() -> None:
    """A stream of messages: while each round reads, the hint of the last one comes from Redis, and the next message."""

    async def scene(office: Office) -> None:
        alice, _ = await office.connect(ALICE, after=0)
        await office.settle()
        office.store.looks.clear()

        async def say_the_next() -> None:
            office.hub.mark(TALK, n=office.store.head)
            if office.store.head < 30:
                office.say_here(office.store.head + 1)

        office.say_here(1)
        office.store.slow = say_the_next
        await office.wait_until(lambda: len(alice.heard) == 30)
        assert alice.heard == list(range(1, 31))
        assert len(office.store.looks) >= 30
        assert [want.starts for want in office.store.looks if want.starts] == []

    in_office(scene)


def test_what_was_handed_over_while_a_look_failed_is_read_afterwards() -> None:
    async def scene(office: Office) -> None:
        alice, _ = await office.connect(ALICE, after=0)
        await office.settle()

        async def break_down() -> None:
            office.store.slow = None
            raise OSError("the database is away")

        office.store.slow = break_down
        office.say_here(1)
        await office.breathe()
        office.hub.mark(TALK, n=1)
        assert alice.heard == []
        await office.wait_until(lambda: alice.heard == [1])

    in_office(scene)


def test_what_has_no_room_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supply_module, "MOST", 3)

    async def scene(office: Office) -> None:
        alice, _ = await office.connect(ALICE, after=0)
        await office.settle()
        office.say_here(*range(1, 6))
        await office.breathe()
        assert alice.heard == office.store.read == [1, 2, 3, 4, 5]

    in_office(scene)


def test_nothing_is_kept_for_conversations_that_nobody_here_listens_to() -> None:
    async def scene(office: Office) -> None:
        _, line = await office.connect(ALICE, after=0)
        await office.settle()
        office.hub.leave(line)
        office.say_here(1)
        office.store.say(2)
        back, _ = await office.connect(ALICE, after=0)
        office.say_here(3)
        await office.breathe()
        assert back.heard == [1, 2, 3]

    in_office(scene)


def test_the_next_events_are_whole_and_in_order_or_none() -> None:
    def numbers(n: int, *handed: int) -> list[int] | None:
        found = next_after(n, [fresh(number) for number in handed])
        return None if found is None else [event.n for event in found]

    assert numbers(4, 6, 5, 5, 3) == [5, 6]
    assert numbers(4, 6) is numbers(4, 5, 7) is None
    assert numbers(4, 4, 1) == numbers(4) == []
