"""What the chat keeps of messages goes with their content: rows stay, emptied; readers see that something was there."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from admin_portal.looks import read_look
from archive import ledger, retention
from archive.events import Actor
from messenger.conversations import moderation, queries, texts
from messenger.conversations.access import access_conversation
from messenger.conversations.frames import event_frames
from messenger.conversations.models import Conversation, Message, MessageReport, RefusedPost, StreamEvent
from messenger.conversations.stream import Words
from messenger.people.errors import Conflict
from messenger.people.models import Person
from messenger.policy.models import Rule
from messenger.sms.models import Attempt, InboundText
from tests.cast import Cast
from tests.messenger.conversations.office import attempt, direct, say

pytestmark = pytest.mark.django_db(transaction=True)
CARL = Actor(id="person:8", name="Carl", role="compliance officer")
CORA = Actor(id="person:9", name="Cora", role="compliance officer")
SECRET = "wombatpavilion"


@pytest.fixture(autouse=True)
def no_floor(settings: Settings) -> None:
    settings.ONRECORD_ERASURE_FLOOR_YEARS = 0


def erase(*seqs: int) -> retention.Disposed:
    later = datetime.now(UTC) + timedelta(days=3)
    return retention.erase(
        [(seq, seq) for seq in seqs], reason="asked by the person", asked_by=CARL, approved_by=CORA, at=later
    )


def words_in_database() -> list[str]:
    """Return the tables of the chat and the record that have the secret word in some column."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            columns = connection.introspection.get_table_description(cursor, table)
            for column in columns:
                statement = f'SELECT COUNT(*) FROM "{table}" WHERE CAST("{column.name}" AS TEXT) LIKE %s'  # noqa: S608
                cursor.execute(statement, [f"%{SECRET}%"])
                found += [f"{table}.{column.name}"] * (cursor.fetchone()[0] > 0)
    return found


def test_an_erased_message_is_a_tombstone_and_its_words_are_in_no_table(cast: Cast) -> None:
    chat = direct(cast.alice, cast.bob)
    kept, erased = say(cast.alice, chat, "stays"), say(cast.bob, chat, f"the {SECRET} plan")
    moderation.report_message(cast.alice, conversation_id=chat.pk, n=erased.n, reason="conduct", comment="see above")
    assert len(words_in_database()) >= 3, "control"
    assert erase(erased.seq).count == 1
    assert words_in_database() == []
    page = queries.read_page(access_conversation(cast.alice, chat.pk)).messages
    assert [(frame["state"], frame["body"], frame["html"] == "") for frame in page] == [
        ("shown", "stays", False),
        ("disposed", "", True),
    ]
    assert event_frames(list(StreamEvent.objects.filter(seq=erased.seq)))[0]["message"]["state"] == "disposed"
    assert MessageReport.objects.get().comment == ""
    assert ledger.check_all().is_sound
    assert Message.objects.get(pk=kept.pk).body == "stays"


def test_the_page_shows_that_something_was_there(cast: Cast, client_for: Callable[[Person], Client]) -> None:
    chat = direct(cast.alice, cast.bob)
    message = say(cast.bob, chat, f"the {SECRET} plan")
    erase(message.seq)
    seen = client_for(cast.alice).get(f"/c/{chat.pk}/").content.decode()
    assert "No longer kept." in seen
    assert SECRET not in seen


def test_a_look_beside_it_shows_the_gap_and_a_look_at_it_says_why(cast: Cast) -> None:
    chat = direct(cast.alice, cast.bob)
    first, gone, last = (say(cast.bob, chat, words) for words in ("one", SECRET, "three"))
    done = erase(gone.seq)
    look = read_look(last.seq)
    assert [(line.body, line.is_disposed) for line in look.lines] == [("one", False), ("", True), ("three", False)]
    with pytest.raises(Conflict, match=f"as entry {done.recorded_in[0]} says"):
        read_look(gone.seq)
    assert first.n < gone.n < last.n


def test_the_reason_of_a_removal_goes_with_the_removal(cast: Cast) -> None:
    chat = direct(cast.alice, cast.bob)
    message = say(cast.bob, chat, "rude")
    moderation.remove_message(cast.mona, message=message, reason=f"names the {SECRET}")
    removal = StreamEvent.objects.get(kind="message.removed")
    assert erase(removal.seq).count == 1
    assert words_in_database() == []
    assert Message.objects.get(pk=message.pk).state == Message.REMOVED
    assert ledger.check_all().is_sound


def test_refused_words_leave_no_reasons(cast: Cast) -> None:
    now = datetime.now(UTC)
    Rule.objects.create(name=f"about the {SECRET}", pattern=SECRET, effect="refuse", created_at=now, updated_at=now)
    chat = direct(cast.alice, cast.bob)
    attempt(cast.alice, chat, f"the {SECRET} plan")
    refused = RefusedPost.objects.get()
    assert erase(refused.seq).count == 1
    Rule.objects.all().delete()
    assert words_in_database() == []
    assert RefusedPost.objects.get().reasons == []


def test_texts_are_emptied_on_both_sides(cast: Cast) -> None:
    texts.receive_text(
        carrier="simulator",
        carrier_id="in-1",
        number=cast.contact.number,
        to="+15555550100",
        body=f"about the {SECRET}?",
    )
    inbound = Message.objects.get(contact=cast.contact)
    with ledger.transaction():
        outbound = texts.queue_text(
            Conversation.objects.get(pk=inbound.conversation_id),
            Words(body=f"the {SECRET} it is", client_key=uuid.uuid4(), author=cast.alice, channel="sms"),
            hits=(),
            at=datetime.now(UTC),
        )
    consents = [entry.seq for entry in ledger.read_stream(f"contact:{cast.contact.pk}") if SECRET in str(entry.content)]
    statuses = [entry.seq for entry in ledger.read_stream(f"conversation:{inbound.conversation_id}")]
    erase(*statuses, *consents)
    assert words_in_database() == []
    waiting = Attempt.objects.get(n=outbound.n)
    assert waiting.text == "(no longer kept)"
    assert InboundText.objects.get().body == ""


@pytest.mark.breaks_the_record
def test_words_that_are_put_back_into_an_emptied_row_are_named(cast: Cast) -> None:
    chat = direct(cast.alice, cast.bob)
    kept, erased = say(cast.alice, chat, "stays"), say(cast.bob, chat, f"the {SECRET} plan")
    erase(erased.seq)
    rows = Message.objects.filter(pk=erased.pk)
    rows.update(body="I promise you ten per cent", is_disposed=False)
    Message.objects.filter(pk=kept.pk).update(is_disposed=True)
    assert [problem.what for problem in ledger.compare().problems] == [
        f"Conversation {chat.pk}, number {kept.n}: the row of the message differs from the record in is_disposed.",
        f"Conversation {chat.pk}, number {erased.n}: the row of the message differs from the record in "
        "is_disposed, body.",
    ]
