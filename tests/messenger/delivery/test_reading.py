"""What the hub reads of the real database: in fair shares, past what cannot be shown, and of one that was put back."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.test import Client

from messenger.asgi import application
from messenger.conversations import live, membership
from messenger.conversations.models import Conversation, StreamEvent
from messenger.delivery.line import SESSION_ENDED, TRY_AGAIN_LATER
from messenger.delivery.reading import Batch, Want
from messenger.people.models import Person
from messenger.people.sessions import end_session, live_sessions
from tests.cast import Cast
from tests.messenger.conversations import office

ClientFor = Callable[[Person], Client]


@contextmanager
def spoilt(conversation: Conversation, *, n: int) -> Iterator[None]:
    """Make an event one that cannot be shown: the state of a text, of which nobody knows which."""
    row = StreamEvent.objects.filter(conversation=conversation, n=n)
    kept = row.values("kind", "data").get()
    row.update(kind="sms.status", data={})
    try:
        yield
    finally:
        row.update(**kept)


def read(starts: dict[int, int]) -> Batch:
    return live.read_batch(Want(starts=starts, known=starts, marks=live.current_marks()))


@pytest.mark.django_db
def test_who_has_much_to_catch_up_with_does_not_keep_others_from_what_is_new(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "FETCH_LIMIT", 12)
    long, other = office.group(cast.alice, cast.bob), office.group(cast.alice, cast.bob, title="Other")
    last = office.group(cast.alice, cast.bob, title="Last")
    for number in range(14):
        office.say(cast.alice, long, str(number))
        office.say(cast.alice, other, str(number))
    office.say(cast.alice, last, "new")
    starts = {long.pk: 0, other.pk: 4, last.pk: 1}
    found: dict[int, list[int]] = {conversation_id: [] for conversation_id in starts}
    asked: list[set[int]] = []
    while starts:
        asked.append(set(starts))
        batch = read(starts)
        assert sum(map(len, batch.frames.values())) <= 12
        for conversation_id, frames in batch.frames.items():
            found[conversation_id] += [n for n, _ in frames]
        starts = {conversation_id: found[conversation_id][-1] for conversation_id in batch.limited}
    assert found == {long.pk: list(range(1, 16)), other.pk: list(range(5, 16)), last.pk: [2]}
    assert asked[0] == {long.pk, other.pk, last.pk} and last.pk not in set().union(*asked[1:]), "once is enough"
    assert len(asked) <= 4, "nor is a share kept for who needs none"


@pytest.mark.django_db
def test_an_event_that_cannot_be_shown_is_named_and_holds_up_no_other_and_no_revocation(
    cast: Cast, client_for: ClientFor
) -> None:
    one, two = office.group(cast.alice, cast.bob), office.group(cast.alice, cast.bob, title="Other")
    for talk in (one, two):
        office.say(cast.alice, talk)
    client_for(cast.bob)
    want = Want(starts={one.pk: 0, two.pk: 0}, known={one.pk: 0, two.pk: 0}, marks=live.current_marks())
    (session,) = live_sessions(cast.bob)
    end_session(session, reason="signed out")
    with spoilt(one, n=2):
        batch = live.read_batch(want)
    assert {c: type(error) for c, error in batch.broken.items()} == {one.pk: KeyError}
    assert {c: [n for n, _ in frames] for c, frames in batch.frames.items()} == {two.pk: [1, 2]}
    assert (batch.revoked, batch.limited) == (((cast.bob.pk, session.pk),), frozenset())


@pytest.mark.django_db
def test_a_database_that_knows_less_than_it_did_was_put_back(cast: Cast, client_for: ClientFor) -> None:
    office.say(cast.alice, office.group(cast.alice, cast.bob))
    client_for(cast.bob)
    end_session(live_sessions(cast.bob)[0], reason="signed out")
    now = live.current_marks()
    before = {
        "as it is": now,
        "an end of an access": replace(now, revocation=now.revocation + 1),
        "a membership": replace(now, membership=now.membership + 1),
        "an event": replace(now, event=now.event + 1),
    }
    asked = {what: Want(starts={}, known={}, marks=marks, is_sweep=True) for what, marks in before.items()}
    found = {what: live.read_batch(want).is_put_back for what, want in asked.items()}
    assert found == {what: what != "as it is" for what in before}


@asynccontextmanager
async def welcomed(browser: Client, cursors: Mapping[int, int] | None = None) -> AsyncIterator[WebsocketCommunicator]:
    cookie = f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"
    headers = [(b"origin", settings.ONRECORD_ORIGINS[0].encode()), (b"cookie", cookie.encode())]
    socket = WebsocketCommunicator(application, "/ws", headers=headers)
    try:
        assert (await socket.connect(timeout=5))[0]
        await socket.send_json_to({"t": "hello", "v": 1, "cursors": {str(c): n for c, n in (cursors or {}).items()}})
        assert (await socket.receive_json_from(timeout=5))["t"] == "welcome"
        yield socket
    finally:
        if not socket.future.done():
            await socket.disconnect()


async def heard(socket: WebsocketCommunicator, count: int) -> list[tuple[int, int]]:
    """Return (conversation, number) of the next so many events."""
    events: list[tuple[int, int]] = []
    async with asyncio.timeout(10):
        while len(events) < count:
            frame = await socket.receive_json_from(timeout=10)
            events += [(frame["c"], frame["n"])] if frame["t"] == "ev" else []
    return events


async def closed(socket: WebsocketCommunicator) -> int:
    """Return the code by which the server closes, whatever it says before."""
    async with asyncio.timeout(10):
        while (frame := await socket.receive_output(timeout=10))["type"] != "websocket.close":
            pass
    return int(frame["code"])


@pytest.mark.django_db(transaction=True)
def test_with_an_event_that_cannot_be_shown_others_go_on_and_sign_outs_are_enforced(
    cast: Cast, client_for: ClientFor
) -> None:
    one, two = office.group(cast.alice, cast.bob), office.group(cast.alice, cast.carl, title="Other")
    office.say(cast.alice, one)
    alice, carl = client_for(cast.alice), client_for(cast.carl)
    say = sync_to_async(office.say)

    async def play() -> None:
        async with welcomed(carl) as other, welcomed(alice, {one.pk: 1}) as in_both:
            assert await closed(in_both) == TRY_AGAIN_LATER
            async with welcomed(alice, {one.pk: 1}) as back:
                said = await say(cast.alice, two)
                assert await heard(back, 1) == await heard(other, 1) == [(two.pk, said.n)]
            (session,) = await sync_to_async(lambda: list(live_sessions(cast.carl)))()
            await sync_to_async(end_session)(session, reason="signed out")
            assert await closed(other) == SESSION_ENDED

    with spoilt(one, n=2):
        asyncio.run(play())


@pytest.mark.django_db(transaction=True)
def test_who_is_added_hears_what_was_said_before_the_hub_looked(cast: Cast, client_for: ClientFor) -> None:
    talk = office.group(cast.bob, cast.dana)
    office.say(cast.bob, talk, "before")

    def add_and_welcome() -> None:
        membership.add_member(cast.bob, conversation_id=talk.pk, person_id=cast.alice.pk)
        for number in range(3):
            office.say(cast.bob, talk, f"welcome {number}")

    async def play() -> None:
        async with welcomed(client_for(cast.alice)) as alice:
            await sync_to_async(add_and_welcome)()
            assert await heard(alice, 4) == [(talk.pk, n) for n in (3, 4, 5, 6)]

    asyncio.run(play())
