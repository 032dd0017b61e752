"""Posts that wait at the same time are written together: each gets the answer that it would get alone, from what holds
at that moment, in as many statements as one needs; and one that breaks breaks nobody else's.
"""

import uuid
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from archive import ledger
from archive.models import Checkpoint
from archive.statements import fetch
from messenger.conversations import actions, membership, postbox, stream
from messenger.conversations.access import LARGEST, access_conversation
from messenger.conversations.markup import render_body
from messenger.conversations.models import Conversation, Mention, Message, ReadMarker, RefusedPost
from messenger.conversations.posting import Answer, Posted, Refusal, Wish, write_posts
from messenger.conversations.seats import seats_from, seats_question
from messenger.people.actions import create_token, deactivate, revoke_token
from messenger.people.doors import Door, door_of_session, door_of_token, doors_question, open_doors
from messenger.people.errors import Conflict, Denial, NotAllowed, NotFound, SignedOut, Unavailable
from messenger.people.models import Person
from messenger.people.sessions import end_session, start_session
from messenger.policy.actions import add_rule
from tests.archive.grouping import and_close
from tests.cast import Cast
from tests.messenger.conversations import office

TOGETHER = pytest.mark.django_db(transaction=True)
ALONE = pytest.mark.django_db
BROKEN = "\ud800"  # half a character: it cannot be sealed


def wish(person: Person, conversation: Conversation, body: str = "hello", **more: Any) -> Wish:
    html = "" if BROKEN in body else render_body(body)
    return Wish(person.pk, conversation.pk, more.pop("key", None) or uuid.uuid4(), body, html, **more)


def write(*wishes: Wish) -> list[Answer]:
    with ledger.transaction():
        return write_posts(wishes)


def asked(*doors: Door) -> frozenset[Door]:
    return open_doors(doors, fetch(*doors_question(doors, at=timezone.now())))


def numbers(answers: Sequence[Answer]) -> list[int]:
    return [answer.message.n for answer in answers if isinstance(answer, Posted)]


@ALONE
def test_each_of_a_mixed_set_is_answered_as_if_it_came_alone(cast: Cast) -> None:
    add_rule("No promises", pattern="guaranteed", effect="refuse", by=cast.cora, at=timezone.now())
    talk, desk = office.direct(cast.alice, cast.bob), office.space(cast.alice, cast.bob, kind="broadcast")
    taken = office.say(cast.bob, talk)
    key = uuid.uuid4()
    answers = write(
        wish(cast.alice, talk, "first", key=key),
        wish(cast.charlie, talk, "let me in"),
        wish(cast.bob, desk, "may I?"),
        wish(cast.alice, desk, "news"),
        wish(cast.bob, talk, "guaranteed!"),
        wish(cast.alice, talk, "mine now", key=taken.client_key),
        wish(cast.alice, talk, "first, again", key=key),
        wish(cast.bob, talk, "@alice second"),
    )
    kinds = [Posted, NotFound, NotAllowed, Posted, Refusal, Conflict, Posted, Posted]
    assert [type(answer) for answer in answers] == kinds
    first, again, second = answers[0], answers[6], answers[7]
    assert isinstance(first, Posted) and isinstance(again, Posted) and isinstance(second, Posted)
    assert (first.is_new, again.is_new, again.message.pk) == (True, False, first.message.pk)
    assert [first.message.n, second.message.n] == [taken.n + 1, taken.n + 2]
    assert [first.message.ordinal, second.message.ordinal] == [2, 3]
    assert Message.objects.filter(conversation=talk).count() == 3
    assert (RefusedPost.objects.count(), Mention.objects.get().person) == (1, cast.alice)
    markers = {row.person_id: row.n for row in ReadMarker.objects.filter(conversation=talk)}
    assert markers == {cast.alice.pk: first.message.n, cast.bob.pk: second.message.n}
    assert ledger.find_entry(talk.stream, second.message.n).content["body"] == "@alice second"


@ALONE
def test_a_set_of_40_costs_the_statements_of_a_set_of_2(cast: Cast) -> None:
    rooms = [office.group(cast.alice, cast.bob, title=f"Room {number}") for number in range(20)]
    door = door_of_token(create_token(cast.bob, name="phone")[0])

    def cost(*wanted: Conversation) -> int:
        wishes = [w for room in wanted for w in (wish(cast.alice, room), wish(cast.bob, room, door=door))]
        with CaptureQueriesContext(connection) as captured:
            assert len(numbers(write(*wishes))) == len(wishes)
        return sum("archive_" not in query["sql"] for query in captured)  # the record's own grow with its tiles

    assert cost(*rooms) == cost(rooms[0])


@ALONE
def test_a_seat_is_found_exactly_where_access_finds_one(cast: Cast) -> None:
    talks = [
        office.direct(cast.alice, cast.bob),
        office.space(cast.adam, cast.alice, cast.bob, cast.mona),
        office.space(cast.bob, cast.alice, kind="broadcast"),
        office.group(cast.bob, cast.alice, cast.charlie, cast.dana),
    ]
    membership.remove_member(cast.bob, conversation_id=talks[3].pk, person_id=cast.charlie.pk)
    deactivate(cast.adam, person=cast.dana, reason="left")
    people = [cast.alice, cast.bob, cast.charlie, cast.dana, cast.mona, cast.adam, cast.erin]
    places = [(person.pk, talk.pk) for person in people for talk in talks]
    question = seats_question([*places, (cast.alice.pk, LARGEST + 1), (cast.alice.pk, 2**53 - 1)])
    seats = seats_from(fetch(*question))
    for person in people:
        for talk in talks:
            try:
                expected = access_conversation(Person.objects.get(pk=person.pk), talk.pk)
            except NotFound:
                assert (person.pk, talk.pk) not in seats
                continue
            found = seats.pop((person.pk, talk.pk))
            for mine, theirs in (
                (found.person, expected.person),
                (found.conversation, expected.conversation),
                (found.membership, expected.membership),
            ):
                loaded = {name: value for name, value in vars(mine).items() if name != "_state"}
                assert loaded == {name: getattr(theirs, name) for name in loaded}
            assert (found.may_post, found.person.roles) == (expected.may_post, expected.person.roles)
    assert not seats


@ALONE
def test_a_door_opens_until_it_is_closed_and_for_its_own_person_only(cast: Cast) -> None:
    kept = door_of_token(create_token(cast.alice, name="kept")[0])
    token, _ = create_token(cast.alice, name="lost")
    session = start_session(cast.alice, session_key="a" * 32, address="", agent="")
    ended = start_session(cast.alice, session_key="b" * 32, address="", agent="")
    doors = [kept, door_of_token(token), door_of_session(session), door_of_session(ended)]
    borrowed = Door(person_id=cast.bob.pk, digest=kept.digest, is_token=True)
    mixed_up = Door(person_id=cast.alice.pk, digest=kept.digest, is_token=False)
    assert asked(*doors, borrowed, mixed_up) == set(doors)
    revoke_token(cast.alice, token=token)
    end_session(ended, reason="signed out")
    assert asked(*doors) == {kept, door_of_session(session)}
    assert asked() == set()


# --- through the box, under the record's lock -------------------------------------------------------------------------
def outcomes(waiting: Sequence["Future[Answer]"]) -> list[Answer | BaseException]:
    return [future.exception(30) or future.result() for future in waiting]


@TOGETHER
def test_posts_that_wait_share_one_commit_and_conversations_keep_their_order(cast: Cast) -> None:
    talk, other = office.direct(cast.alice, cast.bob), office.group(cast.alice, cast.bob)
    before = Checkpoint.objects.count()
    wishes = [wish(cast.alice, room, f"{number}") for number in range(10) for room in (talk, other)]
    with ledger.transaction():
        waiting = [postbox.put(one) for one in wishes]
    answers = [answer for answer in outcomes(waiting) if isinstance(answer, Posted)]
    assert len(answers) == len(wishes)
    for room in (talk, other):
        mine = [a.message for a in answers if a.message.conversation_id == room.pk]
        assert [(m.n, m.body) for m in mine] == [(number + 2, f"{number}") for number in range(10)]
    assert Checkpoint.objects.count() == before + 1
    assert ledger.check().is_sound


# rule: us-hipaa-access
@TOGETHER
def test_who_loses_their_door_or_seat_while_their_post_waits_posts_nothing(cast: Cast) -> None:
    talk = office.group(cast.alice, cast.bob, cast.charlie, cast.dana)
    token, _ = create_token(cast.bob, name="lost")
    kept = door_of_token(create_token(cast.bob, name="kept")[0])
    with ledger.transaction():
        waiting = [
            postbox.put(wish(cast.bob, talk, "by the lost one", door=door_of_token(token))),
            postbox.put(wish(cast.bob, talk, "by the other one", door=kept)),
            postbox.put(wish(cast.charlie, talk, "removed")),
            postbox.put(wish(cast.dana, talk, "deactivated")),
        ]
        revoke_token(cast.bob, token=token)
        membership.remove_member(cast.alice, conversation_id=talk.pk, person_id=cast.charlie.pk)
        deactivate(cast.adam, person=cast.dana, reason="left")
    assert [type(answer) for answer in outcomes(waiting)] == [SignedOut, Posted, NotFound, NotFound]
    assert [message.body for message in Message.objects.all()] == ["by the other one"]


@TOGETHER
def test_a_post_that_cannot_be_sealed_is_told_so_and_the_others_are_written(cast: Cast) -> None:
    talk = office.direct(cast.alice, cast.bob)
    with ledger.transaction():
        waiting = [postbox.put(wish(cast.alice, talk, body)) for body in ("one", BROKEN, "two")]
    first, broken, second = outcomes(waiting)
    assert isinstance(broken, ledger.NotCanonical)
    assert numbers([one for one in (first, second) if isinstance(one, Posted)]) == [2, 3]
    assert ledger.check().is_sound


@TOGETHER
def test_who_has_gone_before_their_turn_is_not_written(cast: Cast) -> None:
    talk = office.direct(cast.alice, cast.bob)
    with ledger.transaction():
        gone, here = postbox.put(wish(cast.alice, talk, "gone")), postbox.put(wish(cast.alice, talk, "here"))
        assert gone.cancel()
    assert isinstance(here.result(30), Posted)
    assert [message.body for message in Message.objects.all()] == ["here"]


@TOGETHER
def test_no_more_posts_wait_than_may(cast: Cast) -> None:
    talk = office.direct(cast.alice, cast.bob)
    box = postbox.PostBox(limit=2)
    with ledger.transaction():
        waiting = [box.put(wish(cast.alice, talk)) for _ in range(2)]
        with pytest.raises(ledger.TooBusy):
            box.put(wish(cast.alice, talk))
    assert not any(isinstance(answer, Denial | BaseException) for answer in outcomes(waiting))


@TOGETHER
def test_what_is_nobodys_own_fault_is_told_to_all_at_once(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is away would let each of the set wait for it in turn, and everybody who comes later."""
    tries: list[int] = []

    def fail(wishes: Sequence[Wish]) -> list[Answer]:
        tries.append(len(wishes))
        raise OperationalError("the database has gone")

    talk = office.direct(cast.alice, cast.bob)
    with monkeypatch.context() as broken:
        broken.setattr(postbox, "write_posts", fail)
        with ledger.transaction():
            waiting = [postbox.put(wish(cast.alice, talk)) for _ in range(5)]
        assert {type(answer) for answer in outcomes(waiting)} == {Unavailable}
    assert tries == [5, 5]  # the writer tries a set again with a new connection, and nobody tries each alone
    assert isinstance(postbox.put(wish(cast.alice, talk)).result(30), Posted)


def none_to_be_had(**_: object) -> None:
    raise RuntimeError("can't start new thread")


@TOGETHER
def test_where_a_set_cannot_be_parted_all_hear_of_it_and_the_box_goes_on(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = office.direct(cast.alice, cast.bob)
    with monkeypatch.context() as broken:
        broken.setattr(postbox, "threading", SimpleNamespace(Thread=none_to_be_had))
        with ledger.transaction():
            waiting = [postbox.put(wish(cast.alice, talk, body)) for body in ("one", BROKEN)]
        assert {type(answer) for answer in outcomes(waiting)} == {ledger.NotCanonical}
    assert isinstance(postbox.put(wish(cast.alice, talk)).result(30), Posted)


@TOGETHER
def test_a_set_says_no_more_than_so_much(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    sets: list[int] = []

    def note(wishes: Sequence[Wish]) -> list[Answer]:
        sets.append(len(wishes))
        return write_posts(wishes)

    monkeypatch.setattr(postbox, "write_posts", note)
    monkeypatch.setattr(postbox, "TOGETHER_CHARACTERS", 2_000)
    talk = office.direct(cast.alice, cast.bob)
    with ledger.transaction():
        waiting = [postbox.put(wish(cast.alice, talk, "a" * 1_000)) for _ in range(5)]
    assert all(isinstance(answer, Posted) for answer in outcomes(waiting))
    assert sets == [2, 2, 1]


@TOGETHER
def test_long_words_are_rendered_before_the_record_is_locked(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    locked: list[bool] = []

    def note(body: str) -> str:
        locked.append(connection.in_atomic_block)
        return render_body(body)

    monkeypatch.setattr(actions, "render_body", note)
    monkeypatch.setattr(stream, "render_body", note)
    talk = office.direct(cast.alice, cast.bob)
    with ThreadPoolExecutor(max_workers=1) as pool:
        told = pool.submit(and_close, lambda: office.say(cast.alice, talk, "*long* " * 200)).result(30)
    assert locked == [False]
    assert told.html == render_body(told.body)
