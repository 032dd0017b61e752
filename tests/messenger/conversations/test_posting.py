"""Posting: recorded before shown, once for each client key, in one order, refused in words that name the field."""

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from archive import ledger
from messenger.conversations import actions, places, queries
from messenger.conversations.access import access_conversation
from messenger.conversations.models import Message, RefusedPost, StreamEvent
from messenger.delivery import bus
from messenger.people.errors import Conflict, Invalid, NotAllowed, NotFound
from messenger.people.models import Person
from messenger.policy.actions import add_rule
from tests.cast import Cast
from tests.messenger.conversations import office

pytestmark = pytest.mark.django_db


# rule: us-sec-17a-4-communications
def test_a_posted_message_is_in_the_record_with_its_number(cast: Cast) -> None:
    conversation = office.direct(cast.alice, cast.bob)
    message = office.say(cast.alice, conversation, "The *draft* is ready")
    entry = ledger.find_entry(conversation.stream, message.n)
    assert entry.seq == message.seq
    assert entry.content["body"] == "The *draft* is ready"
    actor = entry.content["actor"]
    assert isinstance(actor, dict) and actor["name"] == "Alice"
    assert "<em>draft</em>" in message.html


def test_the_same_client_key_again_gives_the_same_message_and_one_entry(cast: Cast) -> None:
    conversation = office.direct(cast.alice, cast.bob)
    key = uuid.uuid4()
    first = office.attempt(cast.alice, conversation, "once", key)
    second = office.attempt(cast.alice, conversation, "once", key)
    assert isinstance(first, actions.Posted) and isinstance(second, actions.Posted)
    assert (first.is_new, second.is_new) == (True, False)
    assert first.message.pk == second.message.pk
    assert Message.objects.count() == 1


def test_another_persons_client_key_is_refused_and_nothing_is_stored(cast: Cast) -> None:
    conversation = office.direct(cast.alice, cast.bob)
    key = uuid.uuid4()
    office.say(cast.alice, conversation, "mine", key)
    with pytest.raises(Conflict) as refusal:
        office.attempt(cast.bob, conversation, "also mine", key)
    assert refusal.value.code == "key_taken"
    assert Message.objects.count() == 1


def test_a_client_key_used_in_another_conversation_is_refused(cast: Cast) -> None:
    key = uuid.uuid4()
    office.say(cast.alice, office.direct(cast.alice, cast.bob), "here", key)
    with pytest.raises(Conflict):
        office.attempt(cast.alice, office.group(cast.alice, cast.bob), "here", key)


# rule: us-hipaa-access
def test_somebody_outside_is_refused_as_if_the_conversation_did_not_exist(cast: Cast) -> None:
    conversation = office.direct(cast.alice, cast.bob)
    size = ledger.latest_checkpoint().size
    with pytest.raises(NotFound) as hidden:
        office.attempt(cast.charlie, conversation, "let me in")
    with pytest.raises(NotFound) as absent:
        actions.post_message(cast.charlie, conversation_id=987654, client_key=uuid.uuid4(), body="let me in")
    assert hidden.value.message == absent.value.message
    assert ledger.latest_checkpoint().size == size


@pytest.mark.parametrize("body", ["", "   \n ", "a\x00b", "x" * 20_001, "half \ud800", None, 7])
def test_words_that_cannot_be_kept_are_refused_with_the_field_named(cast: Cast, body: str) -> None:
    conversation = office.direct(cast.alice, cast.bob)
    with pytest.raises(Invalid) as refusal:
        office.attempt(cast.alice, conversation, body)
    assert refusal.value.field == "body"
    assert not Message.objects.exists()


def test_only_owners_post_in_a_broadcast_space(cast: Cast) -> None:
    news = office.space(cast.alice, cast.bob, kind="broadcast")
    office.say(cast.alice, news, "Welcome")
    with pytest.raises(NotAllowed):
        office.attempt(cast.bob, news, "Me too")
    assert queries.read_page(access_conversation(cast.bob, news.pk)).messages[0]["body"] == "Welcome"


def test_words_that_a_rule_refuses_are_in_the_record_and_shown_to_nobody(cast: Cast) -> None:
    conversation = office.direct(cast.alice, cast.bob)
    add_rule("Channel hop", pattern="text me on whatsapp", effect="refuse", by=cast.cora, at=timezone.now())
    key = uuid.uuid4()
    outcome = office.attempt(cast.alice, conversation, "Text me on WhatsApp!", key)
    assert isinstance(outcome, actions.Refusal) and outcome.reasons
    again = office.attempt(cast.alice, conversation, "Text me on WhatsApp!", key)
    assert again == outcome
    refused = RefusedPost.objects.get()
    assert ledger.open_entry(refused.seq).content["body"] == "Text me on WhatsApp!"
    assert not Message.objects.exists()
    assert not StreamEvent.objects.filter(kind="message.created").exists()


def test_unread_is_what_came_after_the_marker_and_never_counts_ones_own(cast: Cast) -> None:
    conversation = office.direct(cast.alice, cast.bob)
    for number in range(3):
        office.say(cast.alice, conversation, f"line {number}")
    assert _unread(cast, "bob") == 3
    assert _unread(cast, "alice") == 0
    second = Message.objects.get(body="line 1")
    actions.mark_read(cast.bob, conversation_id=conversation.pk, n=second.n)
    assert _unread(cast, "bob") == 1
    actions.mark_read(cast.bob, conversation_id=conversation.pk, n=second.n - 1)
    assert _unread(cast, "bob") == 1


@pytest.mark.django_db(transaction=True)
def test_a_reading_is_announced_once_recorded_and_only_where_it_moves_the_marker(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = office.direct(cast.alice, cast.bob)
    head = office.say(cast.alice, conversation, "good morning").n
    hints: list[tuple[str, int]] = []
    monkeypatch.setattr(bus, "publish", lambda hint, *, n: hints.append((hint, n)))
    read = partial(actions.mark_read, cast.bob, conversation_id=conversation.pk)

    def read_in_vain() -> None:
        with ledger.transaction():
            read(n=head)
            raise RuntimeError("taken back")

    with pytest.raises(RuntimeError):
        read_in_vain()
    assert hints == []
    for n in (head + 7, head, head - 1):
        read(n=n)
    assert hints == [(f"{conversation.pk} r{cast.bob.pk}", head)]


@pytest.mark.parametrize("read", [queries.list_conversations, places.list_heads])
def test_a_mark_that_moves_while_the_list_is_read_leaves_nothing_unread(
    cast: Cast,
    read: Callable[[Person], list[Any]],  # Any: a frame or a row of figures
) -> None:
    conversation, said = office.direct(cast.alice, cast.bob), list[Message]()

    def post_in_between(execute: Any, sql: str, *rest: Any) -> Any:  # Any: Django's way to stand before a statement
        if "messenger_readmarker mark" in sql and not said:
            said.append(office.say(cast.bob, conversation))
        return execute(sql, *rest)

    with connection.execute_wrapper(post_in_between):
        (shown,) = read(cast.bob)
    assert said and (shown["unread"] if isinstance(shown, dict) else shown[2]) == 0


def test_a_mention_counts_until_it_is_read(cast: Cast) -> None:
    conversation = office.group(cast.alice, cast.bob, cast.charlie)
    message = office.say(cast.alice, conversation, "@bob can you look? not you@charlie.example")
    assert [row["mentions"] for row in queries.list_conversations(cast.bob)] == [1]
    assert [row["mentions"] for row in queries.list_conversations(cast.charlie)] == [0]
    actions.mark_read(cast.bob, conversation_id=conversation.pk, n=message.n)
    assert [row["mentions"] for row in queries.list_conversations(cast.bob)] == [0]


def _unread(cast: Cast, name: str) -> int:
    return int(queries.list_conversations(getattr(cast, name))[0]["unread"])
