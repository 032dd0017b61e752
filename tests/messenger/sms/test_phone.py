"""The phone page: the outside person reads and answers; what they text has its consequences in the thread."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from archive import ledger
from messenger.conversations import actions, opening, texts
from messenger.conversations.models import Conversation, Message
from messenger.people.actions import add_contact
from messenger.sms.models import Attempt, InboundText
from tests.cast import Cast
from tests.messenger.sms.texting import agree

pytestmark = pytest.mark.django_db


@pytest.fixture
def thread(cast: Cast) -> Conversation:
    """Alice's thread with the client, who agreed to be texted."""
    agree(cast.contact, by=cast.alice)
    return opening.open_client_thread(cast.alice, contact=cast.contact).conversation


def say(cast: Cast, thread: Conversation, body: str) -> Attempt:
    """Let Alice post a text, and the worker send what is due."""
    posted = actions.post_message(cast.alice, conversation_id=thread.pk, client_key=uuid4(), body=body)
    assert isinstance(posted, actions.Posted)
    texts.send_due()
    texts.read_reports()
    return Attempt.objects.get(conversation_id=thread.pk, n=posted.message.n)


def reply(client: Client, cast: Cast, **values: Any) -> int:
    values = {"key": str(uuid4()), "body": ""} | values
    status = client.post(f"/phone/{cast.contact.pk}/answer/", values).status_code
    texts.send_due()
    return status


def screen(client: Client, cast: Cast) -> list[str]:
    shown = client.get(f"/phone/{cast.contact.pk}/texts/").json()["texts"]
    return [("> " if text["is_sent"] else "< ") + text["body"] for text in shown]


def test_a_text_reaches_the_phone_and_is_shown_as_delivered(client: Client, cast: Cast, thread: Conversation) -> None:
    attempt = say(cast, thread, "Your statement is ready.")
    assert attempt.state == "delivered"
    assert screen(client, cast) == ["< Harbour & Vale: Your statement is ready. Reply STOP to opt out."]


def test_the_page_shows_the_same_without_a_script(client: Client, cast: Cast, thread: Conversation) -> None:
    say(cast, thread, "<b>Ready</b> & waiting")
    page = client.get(f"/phone/{cast.contact.pk}/").content.decode()
    assert "&lt;b&gt;Ready&lt;/b&gt; &amp; waiting" in page
    assert "Pat Client" in client.get("/phone/").content.decode()


def test_the_enter_key_sends_what_was_written_and_not_a_ready_answer(client: Client, cast: Cast) -> None:
    """Enter presses the first button of a form: it must be Send, not STOP."""
    page = client.get(f"/phone/{cast.contact.pk}/").content.decode()
    form = page[page.index('id="phone-form"') :]
    assert 0 < form.index('aria-label="Send"') < form.index('name="quick"')


def test_an_answer_is_in_the_thread_and_in_the_record(client: Client, cast: Cast, thread: Conversation) -> None:
    assert reply(client, cast, body="Thank you! When?") == 302
    message = Message.objects.get(conversation=thread, contact=cast.contact)
    entry = ledger.open_entry(message.seq)
    assert (message.body, entry.kind, entry.content["body"]) == ("Thank you! When?", "sms.received", "Thank you! When?")
    assert entry.content["number"] == cast.contact.number


def test_the_same_form_posted_twice_is_one_text(client: Client, cast: Cast, thread: Conversation) -> None:
    key = str(uuid4())
    assert [reply(client, cast, body="Hello", key=key) for _ in range(2)] == [302, 302]
    assert InboundText.objects.count() == 1
    assert screen(client, cast) == ["> Hello"]


@pytest.mark.parametrize("word", ["STOP", "sToP ", "s.t.o.p", "Unsubscribe", "opt-out"])
def test_a_stop_is_confirmed_once_and_what_comes_after_is_refused_with_the_reason(
    client: Client, cast: Cast, thread: Conversation, word: str
) -> None:
    reply(client, cast, body=word)
    reply(client, cast, quick="STOP")
    confirmations = [line for line in screen(client, cast) if "unsubscribed" in line]
    assert len(confirmations) == 1
    attempt = say(cast, thread, "Are you sure?")
    assert (attempt.state, attempt.reasons[0]["code"]) == ("refused", "suppressed")
    assert "Are you sure?" not in "".join(screen(client, cast))
    entry = ledger.find_entry(thread.stream, attempt.n)
    assert entry.content["sms"]["decision"]["outcome"] == "REFUSE"


def test_a_stop_cancels_what_alice_wrote_a_moment_before(client: Client, cast: Cast, thread: Conversation) -> None:
    actions.post_message(cast.alice, conversation_id=thread.pk, client_key=uuid4(), body="One moment")
    reply(client, cast, quick="STOP")
    assert Attempt.objects.get(message_class="conversational").state == "cancelled"
    kinds = [(entry.kind, entry.content.get("state")) for entry in ledger.read_stream(thread.stream)]
    assert ("sms.status", "cancelled") in kinds
    assert not any("One moment" in line for line in screen(client, cast))


def test_start_lets_alice_write_again(client: Client, cast: Cast, thread: Conversation) -> None:
    reply(client, cast, quick="STOP")
    reply(client, cast, quick="START")
    assert say(cast, thread, "Welcome back").state == "delivered"


@pytest.mark.parametrize(
    "values",
    [
        {"body": ""},
        {"body": "   "},
        {"body": "x" * 1601},
        {"body": "a\x00b"},
        {"body": "x", "key": "no"},
        {"quick": "GO"},
    ],
)
def test_bad_input_is_told_and_nothing_is_stored(
    client: Client, cast: Cast, thread: Conversation, values: dict[str, Any]
) -> None:
    assert reply(client, cast, **values) == 422
    assert InboundText.objects.count() == 0


@pytest.mark.parametrize("address", ["/phone/999/", "/phone/999/texts/"])
def test_an_unknown_phone_is_not_there(client: Client, cast: Cast, address: str) -> None:
    assert client.get(address).status_code == 404


def test_the_answer_form_is_protected_against_foreign_pages(cast: Cast, thread: Conversation) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(f"/phone/{cast.contact.pk}/answer/", {"key": str(uuid4()), "body": "x"}).status_code == 403
    assert InboundText.objects.count() == 0


@pytest.mark.parametrize("others", [0, 8])
def test_the_page_costs_the_same_however_much_there_is(
    client: Client, cast: Cast, thread: Conversation, others: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(others):
        add_contact(cast.alice, name=f"Client {number}", number=f"+1 202 555 016{number}")
        reply(client, cast, body=f"Text {number}")
    client.get("/phone/")  # the first request of a process also asks whether the firm is founded
    with django_assert_num_queries(5):
        client.get(f"/phone/{cast.contact.pk}/")
