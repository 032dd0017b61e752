"""The written-out statements do what the ORM would: every column comes back as it was, and constraints still hold."""

import uuid
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from archive import ledger
from archive.statements import fetch
from messenger.conversations import rows
from messenger.conversations.models import Message, ReadMarker, RefusedPost, StreamEvent
from tests.cast import Cast
from tests.messenger.conversations import office

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 21, 16, 0, 0, 123_456, tzinfo=UTC)


def used(*keys: uuid.UUID) -> frozenset[uuid.UUID]:
    return rows.used_keys(keys, fetch(*rows.keys_question(keys)))


class Undone(Exception):
    """Takes what was written back: no entry stands behind it."""


def test_a_row_comes_back_as_the_orm_would_have_stored_it(cast: Cast) -> None:
    conversation = office.direct(cast.alice, cast.bob)
    event = StreamEvent(conversation=conversation, n=9, seq=900, kind="test", data={"target": 3, "names": ["é"]}, at=AT)
    message = Message(
        conversation=conversation,
        n=9,
        ordinal=4,
        seq=900,
        author=cast.alice,
        body="ä \U0001f600 'quoted' %s",
        html="<p>x</p>",
        attachments=[{"id": 0, "name": "a.pdf"}],
        client_key=uuid.uuid4(),
        at=AT,
    )
    with suppress(Undone), ledger.transaction():
        for row in (event, message):
            rows.carry_out(rows.insertion([row]))
            assert row.pk and not row._state.adding
            found = type(row)._default_manager.get(pk=row.pk)
            names = [field.attname for field in row._meta.concrete_fields]
            assert {name: getattr(found, name) for name in names} == {name: getattr(row, name) for name in names}
        raise Undone


def test_a_row_that_is_there_already_is_refused(cast: Cast) -> None:
    message = office.say(cast.alice, office.direct(cast.alice, cast.bob))
    message.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.carry_out(rows.insertion([message]))


def test_the_conversation_and_the_own_marker_move_on_together(cast: Cast) -> None:
    conversation = office.direct(cast.alice, cast.bob)
    office.say(cast.alice, conversation)
    message = office.say(cast.alice, conversation)
    conversation.refresh_from_db()
    assert (conversation.head, conversation.ordinal, conversation.last_at) == (message.n, 2, message.at)
    markers = {m.person_id: (m.n, m.ordinal) for m in ReadMarker.objects.filter(conversation=conversation)}
    assert markers == {cast.alice.pk: (message.n, 2), cast.bob.pk: (1, 0)}


def test_a_conversation_that_is_not_there_cannot_move_on(cast: Cast) -> None:
    conversation = office.direct(cast.alice, cast.bob)
    conversation.pk = 999_999
    with pytest.raises(LookupError):
        rows.advance(conversation, n=2, at=AT, messages=1)


def test_a_message_just_said_is_as_the_database_has_it(cast: Cast) -> None:
    said = office.say(cast.alice, office.direct(cast.alice, cast.bob))
    found = Message.objects.select_related("author", "contact", "conversation").get(seq=said.seq)
    names = [field.attname for field in Message._meta.concrete_fields]
    assert {name: getattr(said, name) for name in names} == {name: getattr(found, name) for name in names}
    with CaptureQueriesContext(connection) as asked:
        assert (said.author, said.contact, said.conversation) == (found.author, None, found.conversation)
    assert not asked.captured_queries and not said._state.adding


def test_who_would_number_from_an_old_reading_is_stopped(cast: Cast) -> None:
    conversation = office.direct(cast.alice, cast.bob)
    stale = type(conversation).objects.get(pk=conversation.pk)
    office.say(cast.alice, conversation)
    with pytest.raises(LookupError), transaction.atomic():
        rows.advance(stale, n=3, at=AT, messages=1)
    conversation.refresh_from_db()
    assert (conversation.head, conversation.ordinal) == (2, 1)


def test_a_client_key_is_used_by_a_message_or_by_refused_words(cast: Cast) -> None:
    message = office.say(cast.alice, office.direct(cast.alice, cast.bob))
    refused = uuid.uuid4()
    with suppress(Undone), transaction.atomic():
        RefusedPost.objects.create(
            client_key=refused, person=cast.alice, conversation=message.conversation, seq=900, at=AT
        )
        assert used(refused, uuid.uuid4()) == {refused}
        raise Undone
    assert used(refused, message.client_key, uuid.uuid4()) == {message.client_key}
