"""What cannot be shown, and a database that was put back, under a running hub. The store is a small one in memory."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from messenger.delivery import hub as hub_module
from messenger.delivery import leftout, metrics
from messenger.delivery.line import SESSION_ENDED, TRY_AGAIN_LATER, Line
from messenger.delivery.outlets import QueuedOutlet
from messenger.delivery.reading import Batch, Start, Stay, Want
from tests.messenger.delivery.stage import ALICE, BOB, TALK, Office, Phone, fresh, in_office

OTHER = 8


def breaking(office: Office) -> Callable[[], None]:
    """Have TALK unreadable from now on, and number 1 said in another conversation; return what mends it."""
    working = office.hub.source

    async def fetch(want: Want) -> Batch:
        batch = await working.fetch(want)
        frames = {OTHER: [(1, b"101")]} if want.starts.get(OTHER) == 0 else {}
        broken = {TALK: KeyError("target")} if TALK in want.starts else {}
        return replace(batch, frames=frames, broken=broken, limited=frozenset())

    office.hub.source = replace(working, fetch=fetch)

    def mend() -> None:
        office.hub.source = working

    return mend


async def connect_to_both(office: Office, person_id: int) -> tuple[Phone, Line]:
    phone = Phone()
    line = Line(person_id=person_id, session_id=person_id, outlet=QueuedOutlet(phone.take), close=phone.hang_up)
    await office.hub.join(line)
    both = {TALK: office.start(person_id, after=0), OTHER: Start(cursor=0, head=1, stay=Stay(5, 1))}
    office.hub.follow(line, both)
    return phone, line


def left_out() -> float:
    return sum(sample.value for sample in metrics.samples() if sample.name == metrics.LEFT_OUT)


def test_what_cannot_be_shown_closes_its_own_sockets_once_and_who_comes_back_hears_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leftout, "REST_S", 0.05)
    monkeypatch.setattr(hub_module, "TICK_S", 0.02)

    async def scene(office: Office) -> None:
        before = left_out()
        mend = breaking(office)
        office.store.say(1)
        first, line = await connect_to_both(office, ALICE)
        await office.wait_until(lambda: bool(first.closed))
        assert (first.heard, first.closed) == ([], [TRY_AGAIN_LATER])
        office.hub.leave(line)
        back, _ = await connect_to_both(office, ALICE)
        await office.wait_until(lambda: left_out() >= before + 3)
        assert (back.heard, back.closed) == ([101], []), "it is looked at again and again, and closes nobody more"
        mend()
        await office.wait_until(lambda: back.heard == [101, 1])
        office.say_here(2)
        await office.wait_until(lambda: back.heard == [101, 1, 2])
        assert back.closed == []

    in_office(scene)


def test_while_a_conversation_is_left_out_accesses_end_as_ever_and_nothing_of_it_is_read() -> None:
    async def scene(office: Office) -> None:
        breaking(office)
        _, line = await connect_to_both(office, ALICE)
        await office.breathe()
        office.hub.leave(line)
        bob, _ = await connect_to_both(office, BOB)
        await office.breathe()
        looks = len(office.store.looks)
        office.say_here(1)
        office.hub.mark(TALK)
        office.store.revoked.append((BOB, BOB))
        await office.breathe()
        assert bob.closed == [SESSION_ENDED]
        assert [want.starts for want in office.store.looks[looks:] if TALK in want.starts] == []

    in_office(scene)


def test_what_was_handed_over_and_breaks_is_read_and_harms_nobody_else() -> None:
    async def scene(office: Office) -> None:
        alice, _ = await office.connect(ALICE, after=0)
        await office.settle()
        office.store.say(1)

        def broken() -> bytes:
            raise KeyError("width")

        office.hub.take([replace(fresh(1), encode=broken)])
        await office.breathe()
        assert (alice.heard, alice.closed, office.store.read) == ([1], [], [1])

    in_office(scene)


def test_a_database_that_was_put_back_ends_every_socket_and_who_comes_back_is_served_anew() -> None:
    """The marks that the hub knows are above all that is written from now on: it would hear of no revocation."""

    async def scene(office: Office) -> None:
        office.store.revoked += [(99, 99)] * 5
        office.store.say(1, 2, 3)
        alice, line = await office.connect(ALICE, after=3)
        await office.settle()
        office.say_here(4)
        await office.breathe()
        del office.store.revoked[1:]
        del office.store.frames[1:]
        await office.settle()
        assert alice.closed == [TRY_AGAIN_LATER]
        # She is back before her old socket has gone.
        back, _ = await office.connect(ALICE, after=1)
        office.hub.leave(line)
        office.store.say(2)
        office.hub.mark(TALK, n=2)
        await office.breathe()
        assert back.heard == [2], "a number that was known in the other past is news again"
        office.store.revoked.append((ALICE, ALICE))
        await office.settle()
        assert back.closed == [SESSION_ENDED]

    in_office(scene)
