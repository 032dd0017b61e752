"""What pages and posts cost in queries: constant, however many conversations or members."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from messenger.conversations import queries
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
