"""Who belongs: one direct conversation for each set of people, history by kind, and nothing after a removal."""

import pytest

from archive import ledger
from messenger.conversations import membership, opening, queries
from messenger.conversations.access import access_conversation
from messenger.people.actions import deactivate
from messenger.people.errors import Conflict, Invalid, NotAllowed, NotFound
from tests.cast import Cast
from tests.messenger.conversations import office

pytestmark = pytest.mark.django_db


def test_a_set_of_people_has_one_direct_conversation(cast: Cast) -> None:
    first = opening.open_direct(cast.alice, others=[cast.bob.pk])
    second = opening.open_direct(cast.bob, others=[cast.alice.pk])
    assert (first.is_new, second.is_new) == (True, False)
    assert first.conversation == second.conversation
    assert opening.open_direct(cast.alice, others=[cast.bob.pk, cast.charlie.pk]).is_new


def test_a_direct_conversation_needs_somebody_else(cast: Cast) -> None:
    with pytest.raises(Invalid) as refusal:
        opening.open_direct(cast.alice, others=[])
    assert refusal.value.field == "people"


def test_somebody_who_left_the_firm_cannot_be_chosen(cast: Cast) -> None:
    deactivate(cast.adam, person=cast.bob, reason="Left the firm")
    with pytest.raises(NotFound):
        opening.open_direct(cast.alice, others=[cast.bob.pk])


def test_a_removed_member_reads_nothing_any_more(cast: Cast) -> None:
    group = office.group(cast.alice, cast.bob)
    office.say(cast.alice, group, "before")
    membership.remove_member(cast.alice, conversation_id=group.pk, person_id=cast.bob.pk)
    office.say(cast.alice, group, "after")
    with pytest.raises(NotFound):
        access_conversation(cast.bob, group.pk)
    assert queries.list_conversations(cast.bob) == []
    assert queries.sync(cast.bob, cursors={group.pk: 1}).events == []


def test_a_seat_taken_before_a_removal_reads_nothing_that_is_numbered_after_it(cast: Cast) -> None:
    """A request that was let in the moment before."""
    group = office.group(cast.alice, cast.bob)
    office.say(cast.alice, group, "before")
    seat = access_conversation(cast.bob, group.pk)
    membership.remove_member(cast.alice, conversation_id=group.pk, person_id=cast.bob.pk)
    office.say(cast.alice, group, "after")
    assert [frame["body"] for frame in queries.read_page(seat).messages] == ["before"]
    page = queries.read_page(access_conversation(cast.alice, group.pk))
    assert [frame["body"] for frame in page.messages] == ["before", "after"]


def test_who_joins_a_group_reads_from_then_on_and_who_joins_a_space_reads_all(cast: Cast) -> None:
    group, space = office.group(cast.alice, cast.bob), office.space(cast.alice, cast.bob)
    for conversation in (group, space):
        office.say(cast.alice, conversation, "early")
        membership.add_member(cast.alice, conversation_id=conversation.pk, person_id=cast.charlie.pk)
        office.say(cast.alice, conversation, "late")
    assert _bodies(cast, group.pk) == ["late"]
    assert _bodies(cast, space.pk) == ["early", "late"]


def test_only_an_owner_manages_a_space(cast: Cast) -> None:
    space = office.space(cast.alice, cast.bob, cast.charlie)
    with pytest.raises(NotAllowed):
        membership.add_member(cast.bob, conversation_id=space.pk, person_id=cast.dana.pk)
    with pytest.raises(NotAllowed):
        membership.remove_member(cast.bob, conversation_id=space.pk, person_id=cast.charlie.pk)
    membership.remove_member(cast.bob, conversation_id=space.pk, person_id=cast.bob.pk)


def test_a_space_keeps_an_owner(cast: Cast) -> None:
    space = office.space(cast.alice, cast.bob)
    with pytest.raises(Conflict):
        membership.remove_member(cast.alice, conversation_id=space.pk, person_id=cast.alice.pk)


def test_a_membership_change_is_an_entry_of_the_conversation(cast: Cast) -> None:
    group = office.group(cast.alice, cast.bob)
    membership.add_member(cast.alice, conversation_id=group.pk, person_id=cast.charlie.pk)
    membership.remove_member(cast.alice, conversation_id=group.pk, person_id=cast.bob.pk)
    kinds = [entry.kind for entry in ledger.read_stream(group.stream)]
    assert kinds == ["conversation.created", "membership.added", "membership.removed"]


def test_a_client_thread_belongs_to_who_opened_it(cast: Cast) -> None:
    opened = opening.open_client_thread(cast.alice, contact=cast.contact)
    with pytest.raises(NotAllowed):
        opening.open_client_thread(cast.bob, contact=cast.contact)
    membership.add_member(cast.alice, conversation_id=opened.conversation.pk, person_id=cast.bob.pk)
    assert opening.open_client_thread(cast.bob, contact=cast.contact).conversation == opened.conversation


def _bodies(cast: Cast, conversation_id: int) -> list[str]:
    page = queries.read_page(access_conversation(cast.charlie, conversation_id))
    return [message["body"] for message in page.messages]
