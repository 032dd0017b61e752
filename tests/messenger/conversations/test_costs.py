"""What pages and posts cost in queries: constant, however many conversations or members."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from messenger.conversations import live, membership, queries
from messenger.conversations.models import Conversation
from messenger.conversations.places import read_heads, read_places
from messenger.delivery.reading import Want
from messenger.people.models import Person
from tests.cast import Cast, hire
from tests.messenger.conversations import office

pytestmark = pytest.mark.django_db


def _count(work: Callable[[], object]) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        work()
    return len(captured)


def test_the_sidebar_costs_the_same_for_5_and_for_50_conversations(cast: Cast) -> None:
    for number in range(5):
        office.say(cast.bob, office.group(cast.bob, cast.alice, title=f"Group {number}"))
    few = _count(lambda: queries.list_conversations(cast.alice))
    for number in range(45):
        office.say(cast.bob, office.group(cast.bob, cast.alice, title=f"More {number}"), "@alice look")
    assert _count(lambda: queries.list_conversations(cast.alice)) == few
    assert len(queries.list_conversations(cast.alice)) == 50


def test_the_page_costs_the_same_for_5_and_for_50_conversations(
    cast: Cast, client_for: Callable[[Person], Client]
) -> None:
    browser = client_for(cast.alice)
    home = office.direct(cast.alice, cast.bob)
    for number in range(4):
        office.group(cast.bob, cast.alice, title=f"Group {number}")
    office.say(cast.bob, home)
    address = f"/c/{home.pk}/"
    browser.get(address)
    few = _count(lambda: browser.get(address))
    for number in range(45):
        office.group(cast.bob, cast.alice, title=f"More {number}")
    for _ in range(30):
        office.say(cast.bob, home)
    assert _count(lambda: browser.get(address)) == few


def test_posting_costs_the_same_for_2_and_for_40_members(cast: Cast) -> None:
    small = office.group(cast.alice, cast.bob, title="Two")
    office.say(cast.alice, small)
    few = _count(lambda: office.say(cast.alice, small))
    crowd = [hire(f"extra{number}", by=cast.adam) for number in range(38)]
    large = office.group(cast.alice, cast.bob, *crowd, title="Many")
    office.say(cast.alice, large)
    assert _count(lambda: office.say(cast.alice, large)) == few


def _fetch(*talks: Conversation) -> live.Batch:
    """Read the newest event of each conversation as the hub does."""
    heads = dict(Conversation.objects.filter(pk__in=[talk.pk for talk in talks]).values_list("pk", "head"))
    starts = {conversation_id: head - 1 for conversation_id, head in heads.items()}
    return live.read_batch(Want(starts=starts, known=starts, marks=live.current_marks()))


def test_a_fetch_of_the_hub_costs_three_statements_for_2_and_for_40_members(cast: Cast) -> None:
    small = office.group(cast.alice, cast.bob, title="Two")
    crowd = [hire(f"extra{number}", by=cast.adam) for number in range(38)]
    large = office.group(cast.alice, cast.bob, *crowd, title="Many")
    for talk in (small, large):
        office.say(cast.alice, talk)
    marks = live.current_marks()
    for talk in (small, large):
        want = Want(starts={talk.pk: 1}, known={talk.pk: 1}, marks=marks)
        assert _count(lambda want=want: live.read_batch(want)) == 3  # type: ignore[misc]  # bound at once


def test_a_fetch_tells_whose_membership_ended_and_reads_nobody_elses(cast: Cast) -> None:
    crowd = [hire(f"extra{number}", by=cast.adam) for number in range(5)]
    talk = office.group(cast.alice, cast.bob, *crowd, title="Many")
    membership.remove_member(cast.alice, conversation_id=talk.pk, person_id=cast.bob.pk)
    batch = _fetch(talk)
    ((conversation_id, person_id, stay),) = batch.ended
    assert (conversation_id, person_id, stay.until_n) == (talk.pk, cast.bob.pk, 2)


def test_where_a_socket_begins_costs_the_same_for_5_and_for_50_conversations(cast: Cast) -> None:
    for number in range(5):
        office.say(cast.bob, office.group(cast.bob, cast.alice, title=f"Group {number}"))
    assert (_count(lambda: read_places(cast.alice)), _count(lambda: read_heads(cast.alice))) == (2, 1)
    for number in range(45):
        office.say(cast.bob, office.group(cast.bob, cast.alice, title=f"More {number}"), "@alice look")
    assert (_count(lambda: read_places(cast.alice)), _count(lambda: read_heads(cast.alice))) == (2, 1)


def test_places_and_the_sidebar_count_alike(cast: Cast) -> None:
    talk = office.group(cast.bob, cast.alice, title="Group")
    office.say(cast.bob, talk, "@alice look")
    office.say(cast.bob, office.direct(cast.bob, cast.alice))
    shown = {f["id"]: [f["id"], f["head"], f["unread"], f["mentions"]] for f in queries.list_conversations(cast.alice)}
    assert {head[0]: head for head in queries.list_heads(cast.alice)} == shown
    assert shown[talk.pk][2:] == [1, 1]
