"""Pages of messages: the newest, older, newer, around one; each says truly what lies beyond it, and nothing unseen."""

from collections.abc import Callable

import pytest
from django.test import Client

from messenger.conversations import membership, paging
from messenger.conversations.access import access_conversation
from messenger.conversations.models import Conversation, Message
from messenger.people.models import Person
from tests.cast import Cast
from tests.messenger.conversations import office

pytestmark = pytest.mark.django_db


@pytest.fixture
def talk(cast: Cast) -> Conversation:
    """A group with nine messages; number 6 is no message but charlie, who joins and sees from then on."""
    talk = office.group(cast.alice, cast.bob, title="Lunch")
    for number in range(4):
        office.say(cast.alice, talk, f"message {number}")
    membership.add_member(cast.alice, conversation_id=talk.pk, person_id=cast.charlie.pk)
    for number in range(4, 9):
        office.say(cast.bob, talk, f"message {number}")
    return talk


def numbers(page: paging.MessagePage) -> tuple[list[int], bool, bool]:
    return [frame["n"] for frame in page.messages], page.has_more, page.has_newer


def test_every_page_is_a_run_of_the_messages_and_says_what_lies_beyond(cast: Cast, talk: Conversation) -> None:
    for person in (cast.alice, cast.charlie):
        seat = access_conversation(person, talk.pk)
        shown = Message.objects.filter(conversation=talk, n__gte=seat.membership.from_n).order_by("n")
        every = list(shown.values_list("n", flat=True))
        assert len(every) == (9 if person == cast.alice else 5)
        for limit in (1, 2, 3, 100):
            assert numbers(paging.newest_page(seat, limit=limit)) == (every[-limit:], len(every) > limit, False)
            for n in range(talk.head + 3):
                below, above = [one for one in every if one < n], [one for one in every if one > n]
                before = below[-limit:], len(below) > limit, len(below) < len(every)
                assert numbers(paging.page_before(seat, before=n, limit=limit)) == before
                after = above[:limit], len(above) < len(every), len(above) > limit
                assert numbers(paging.page_after(seat, after=n, limit=limit)) == after
                half, here = limit // 2, [one for one in every if one >= n]
                around = [*below[len(below) - min(half, len(below)) :], *here[: limit - half]]
                beyond = len(below) > half, len(here) > limit - half
                assert numbers(paging.page_around(seat, n=n, limit=limit)) == (around, *beyond)


def test_what_came_after_the_seat_was_read_is_not_shown(cast: Cast, talk: Conversation) -> None:
    seat = access_conversation(cast.bob, talk.pk)
    office.say(cast.alice, talk, "too late")
    for page in (paging.newest_page(seat), paging.page_after(seat, after=1), paging.page_around(seat, n=talk.head)):
        assert max(frame["n"] for frame in page.messages) == seat.conversation.head


def test_the_api_takes_one_place_and_says_which_are_wrong(
    cast: Cast, talk: Conversation, client_for: Callable[[Person], Client]
) -> None:
    browser, address = client_for(cast.alice), f"/api/v1/conversations/{talk.pk}/messages"
    found = {
        query: [message["n"] for message in browser.get(f"{address}?limit=2{query}").json()["messages"]]
        for query in ("", "&before=4", "&after=4", "&around=4")
    }
    assert found == {"": [10, 11], "&before=4": [2, 3], "&after=4": [5, 7], "&around=4": [3, 4]}
    for query, field in (("before=4&after=3", "before"), ("around=x", "around"), ("after=-1", "after")):
        answer = browser.get(f"{address}?{query}")
        assert (answer.status_code, answer.json()["field"]) == (400, field)
