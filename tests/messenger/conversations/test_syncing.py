"""Reading events after cursors: however many conversations, and bounded."""

import pytest

from messenger.conversations import queries
from tests.cast import Cast
from tests.messenger.conversations import office

pytestmark = pytest.mark.django_db


def test_a_process_may_follow_thousands_of_conversations(cast: Cast) -> None:
    talk = office.direct(cast.alice, cast.bob)
    message = office.say(cast.alice, talk)
    starts = dict.fromkeys(range(talk.pk + 1, talk.pk + 3000), 0) | {talk.pk: 1}
    assert [row.n for row in queries.events_after(starts, limit=10)] == [message.n]


def test_events_come_by_conversation_and_number_up_to_the_limit(cast: Cast) -> None:
    talks = [office.group(cast.alice, cast.bob, title=f"Group {number}") for number in range(queries.AT_ONCE + 5)]
    starts = {talk.pk: 0 for talk in talks}
    found = [(row.conversation_id, row.n) for row in queries.events_after(starts, limit=1_000)]
    assert found == sorted((talk.pk, 1) for talk in talks)
    few = queries.events_after(starts, limit=queries.AT_ONCE + 2)
    assert [(row.conversation_id, row.n) for row in few] == found[: queries.AT_ONCE + 2]


def test_a_cursor_ahead_of_the_head_is_told_to_go_back(cast: Cast) -> None:
    """A client was told more than a database that was put back knows."""
    talk, foreign = office.direct(cast.alice, cast.bob), office.direct(cast.charlie, cast.dana)
    head = office.say(cast.alice, talk).n
    found = queries.sync(cast.bob, cursors={talk.pk: head + 10, foreign.pk: 99})
    assert (found.resets, found.events, found.is_limited) == ([[talk.pk, head]], [], False)
    assert queries.sync(cast.bob, cursors={talk.pk: head}).resets == []
