"""Who may see that somebody is here: asked for many at once, and only where people know each other."""

import pytest
from pytest_django import DjangoAssertNumQueries

from messenger.conversations import circles, membership
from messenger.conversations.circles import read_circles, read_crossed
from messenger.people import actions
from tests.cast import Cast
from tests.messenger.conversations import office

pytestmark = pytest.mark.django_db


def test_those_who_share_a_conversation_and_nobody_else(cast: Cast) -> None:
    pair = office.direct(cast.alice, cast.bob)
    other = office.group(cast.bob, cast.dana)
    assert read_circles([cast.alice.pk]) == {pair.pk: {cast.alice.pk, cast.bob.pk}}
    assert set(read_circles([cast.bob.pk])) == {pair.pk, other.pk}
    assert read_circles([cast.charlie.pk]) == {}


def test_a_former_member_and_a_deactivated_person_see_and_show_nothing(cast: Cast) -> None:
    group = office.group(cast.alice, cast.bob, cast.dana)
    membership.remove_member(cast.alice, conversation_id=group.pk, person_id=cast.dana.pk)
    assert read_circles([cast.alice.pk, cast.dana.pk]) == {group.pk: {cast.alice.pk, cast.bob.pk}}
    actions.deactivate(cast.adam, person=cast.bob, reason="left")
    assert cast.bob.pk not in read_circles([cast.alice.pk]).get(group.pk, frozenset())


def test_that_somebody_deactivated_has_gone_is_told_to_their_colleagues(cast: Cast) -> None:
    group = office.group(cast.alice, cast.bob)
    actions.deactivate(cast.adam, person=cast.bob, reason="left")
    assert read_circles([cast.bob.pk]) == {group.pk: {cast.alice.pk, cast.bob.pk}}


def test_a_broadcast_space_and_a_large_one_show_nobody(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    office.space(cast.alice, cast.bob, kind="broadcast")
    team = office.space(cast.alice, cast.bob, cast.dana)
    assert set(read_circles([cast.bob.pk])) == {team.pk}
    monkeypatch.setattr(circles, "MOST_MEMBERS", 2)
    assert read_circles([cast.bob.pk]) == {}


def test_however_many_are_asked_for_it_is_one_statement(
    cast: Cast, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(12):
        office.group(cast.alice, cast.bob, cast.dana, title=f"Group {number}")
    with django_assert_num_queries(1):
        found = read_circles([cast.alice.pk, cast.bob.pk, cast.dana.pk, cast.charlie.pk])
    assert len(found) == 12


def test_the_members_of_a_conversation_that_has_just_become_too_large_or_small_enough_are_told_anew(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(circles, "MOST_MEMBERS", 3)
    monkeypatch.setattr(circles, "NEAR", 1)
    group = office.group(cast.alice, cast.bob, cast.dana)
    news = office.space(cast.alice, cast.bob, cast.dana, cast.charlie, kind="broadcast")
    everybody = {cast.alice.pk, cast.bob.pk, cast.dana.pk}
    assert read_crossed([group.pk], []) == frozenset(), "three are shown, as two were"
    assert read_crossed([], [group.pk]) == everybody, "a fourth may have left"
    membership.add_member(cast.alice, conversation_id=group.pk, person_id=cast.charlie.pk)
    assert read_crossed([group.pk, news.pk], []) == everybody | {cast.charlie.pk}
    assert read_crossed([], [group.pk, news.pk]) == frozenset()
    membership.add_member(cast.alice, conversation_id=group.pk, person_id=cast.carl.pk)
    assert read_crossed([group.pk], [group.pk]) == frozenset(), "far from the limit nobody is told anything"
