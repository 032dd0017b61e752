"""The written-out statements load what the ORM loads, in the same types, and leave out what they must."""

from typing import Any

import pytest
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from archive.statements import fetch
from messenger.conversations import loading
from messenger.conversations.models import Message, StreamEvent
from messenger.people.actions import create_token, deactivate, revoke_token
from messenger.people.loading import columns, load
from messenger.people.models import ApiToken, Contact, Person, SignInSession
from messenger.people.sessions import live_session, start_session
from messenger.people.tokens import live_token
from tests.cast import Cast
from tests.messenger.conversations import office

pytestmark = pytest.mark.django_db


def values(row: models.Model | None) -> dict[str, Any]:
    assert row is not None
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_every_column_comes_as_the_orm_brings_it(cast: Cast) -> None:
    office.say(cast.alice, office.direct(cast.alice, cast.bob), "a *word*")
    create_token(cast.alice, name="phone")
    start_session(cast.alice, session_key="k" * 32, address="10.0.0.1", agent="a browser")
    for model in (Person, Contact, Message, StreamEvent, ApiToken, SignInSession):
        rows = fetch(f"SELECT {columns(model, 'one')} FROM {model._meta.db_table} one ORDER BY id", [])  # noqa: S608 (names of models)
        assert rows
        for mine, theirs in zip([load(model, row) for row in rows], model._default_manager.order_by("pk"), strict=True):
            assert values(mine) == values(theirs)
            assert [type(v) for v in values(mine).values()] == [type(v) for v in values(theirs).values()]
            assert not mine._state.adding


def test_events_come_in_order_after_the_number_of_each_conversation_and_no_more_than_wanted(cast: Cast) -> None:
    talks = [office.group(cast.alice, cast.bob, title=f"Room {number}") for number in range(3)]
    for talk in talks:
        for _ in range(3):
            office.say(cast.alice, talk)
    after = {talks[2].pk: 1, talks[0].pk: 3}
    found = loading.load_events(after, limit=100)
    expected = [(talks[0].pk, 4), (talks[2].pk, 2), (talks[2].pk, 3), (talks[2].pk, 4)]
    assert [(event.conversation_id, event.n) for event in found] == expected
    assert [event.n for event in loading.load_events(after, limit=2)] == [4, 2]
    assert [values(event) for event in found] == [
        values(StreamEvent.objects.get(conversation=conversation, n=n)) for conversation, n in expected
    ]
    assert loading.load_events({}, limit=5) == []


def test_messages_come_with_who_said_them(cast: Cast) -> None:
    said = office.say(cast.alice, office.direct(cast.alice, cast.bob))
    with CaptureQueriesContext(connection) as captured:
        (message,) = loading.load_messages([said.seq])
        assert message.author is not None
        assert (values(message), values(message.author), message.contact) == (values(said), values(cast.alice), None)
    assert len(captured) == 1
    assert loading.load_messages([]) == []


def test_a_token_and_a_session_come_with_their_person_until_they_end(cast: Cast) -> None:
    token, secret = create_token(cast.alice, name="phone")
    session = start_session(cast.alice, session_key="k" * 32, address="", agent="")
    with CaptureQueriesContext(connection) as captured:
        by_token, by_session = live_token(secret), live_session("k" * 32)
        assert by_token is not None and by_session is not None
        assert (values(by_token), values(by_session)) == (values(token), values(session))
        assert values(by_token.person) == values(by_session.person) == values(cast.alice)
    assert len(captured) == 2
    assert (live_token(secret + "x"), live_session("x" * 32), live_session(None)) == (None, None, None)
    revoke_token(cast.alice, token=token)
    assert live_token(secret) is None
    deactivate(cast.adam, person=cast.alice, reason="left")
    assert live_session("k" * 32) is None
