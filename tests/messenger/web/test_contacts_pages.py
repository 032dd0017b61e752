"""The pages of clients: who is led to a thread, and what a thread says of its texts."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from messenger.conversations import actions, membership, opening, texts
from messenger.conversations.models import Conversation
from messenger.people.models import Person
from messenger.sms.models import Attempt
from tests.cast import Cast
from tests.messenger.sms.texting import NIGHT, NOON, agree

pytestmark = pytest.mark.django_db
Browser = Callable[[Person], Client]


@pytest.fixture
def thread(cast: Cast) -> Conversation:
    agree(cast.contact, by=cast.alice)
    return opening.open_client_thread(cast.alice, contact=cast.contact).conversation


def _links(browser: Client, cast: Cast, *, to: str) -> list[bool]:
    """Say for the list and for the client's own page whether the link is there."""
    pages = ("/contacts/", f"/contacts/{cast.contact.pk}/")
    return [f'href="{to}' in browser.get(page).content.decode() for page in pages]


def test_only_members_are_led_to_a_thread(cast: Cast, thread: Conversation, client_for: Browser) -> None:
    address = f"/c/{thread.pk}/"
    alice = client_for(cast.alice)
    assert _links(alice, cast, to=address) == [True, True]
    assert alice.get(address).status_code == 200
    for other in (cast.bob, cast.cora, cast.adam):
        browser = client_for(other)
        assert browser.get(address).status_code == 404
        assert _links(browser, cast, to=address) == [False, False]
        assert _links(browser, cast, to="/new/") == [False, False]  # it would be refused: a colleague holds it


def test_a_thread_that_nobody_holds_is_offered_to_be_taken(cast: Cast, client_for: Browser) -> None:
    number = cast.contact.number
    texts.receive_text(carrier="fake", carrier_id="1", number=number, to="+1", body="Anybody there?", at=NOON)
    assert _links(client_for(cast.bob), cast, to="/new/?kind=client") == [True, True]


def test_who_has_left_a_thread_is_not_led_to_it(cast: Cast, thread: Conversation, client_for: Browser) -> None:
    membership.add_member(cast.alice, conversation_id=thread.pk, person_id=cast.bob.pk)
    browser = client_for(cast.bob)
    assert _links(browser, cast, to=f"/c/{thread.pk}/") == [True, True]
    membership.remove_member(cast.alice, conversation_id=thread.pk, person_id=cast.bob.pk)
    assert _links(browser, cast, to=f"/c/{thread.pk}/") == [False, False]


def _say(cast: Cast, thread: Conversation, *, at: datetime) -> None:
    actions.post_message(cast.alice, conversation_id=thread.pk, client_key=uuid.uuid4(), body="Hello", at=at)


def _newest(browser: Client, thread: Conversation) -> dict[str, Any]:
    sms: dict[str, Any] = browser.get(f"/api/v1/conversations/{thread.pk}/messages").json()["messages"][-1]["sms"]
    return sms


def test_why_a_text_waited_is_not_shown_beside_it_once_it_has_left(
    cast: Cast, thread: Conversation, client_for: Browser
) -> None:
    alice = client_for(cast.alice)
    _say(cast, thread, at=NIGHT)
    waiting = _newest(alice, thread)
    assert waiting["state"] == "queued" and waiting["reasons"]
    said = waiting["reasons"][0]["message"]
    assert said in alice.get(f"/c/{thread.pk}/").content.decode()
    assert texts.send_due(at=NIGHT + timedelta(hours=12)) == 1
    gone = _newest(alice, thread)
    assert gone["state"] != "queued" and gone["reasons"] == []
    assert said not in alice.get(f"/c/{thread.pk}/").content.decode()
    assert Attempt.objects.get().reasons, "they are kept"


def test_why_a_text_was_refused_stays_beside_it(cast: Cast, client_for: Browser) -> None:
    thread = opening.open_client_thread(cast.alice, contact=cast.contact).conversation
    _say(cast, thread, at=NOON)
    refused = _newest(client_for(cast.alice), thread)
    assert refused["state"] == "refused"
    assert [reason["code"] for reason in refused["reasons"]] == ["no_consent"]
