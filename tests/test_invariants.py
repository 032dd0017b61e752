"""The invariants see what they are for: each kind of damage is found, and a sound database raises no alarm."""

import uuid

import pytest
from django.db import connection

from messenger.conversations.actions import Posted, post_message
from messenger.conversations.models import Message
from messenger.conversations.opening import open_direct
from tests.archive.record_reset import fences_down
from tests.cast import Cast
from tests.invariants import check_invariants

pytestmark = [pytest.mark.django_db, pytest.mark.breaks_the_record]

DAMAGES = {
    "words changed in the row": "UPDATE messenger_message SET body = 'other words'",
    "row points to another entry": "UPDATE messenger_message SET seq = 0",
    "event missing": "DELETE FROM messenger_streamevent WHERE n = 2",
    "head put back": "UPDATE messenger_conversation SET head = 1",
    "entry numbered anew": "UPDATE archive_entry SET n = n + 1 WHERE seq = (SELECT max(seq) FROM archive_entry)",
    "checkpoints gone": "DELETE FROM archive_checkpoint",
}


@pytest.fixture
def message(cast: Cast) -> Message:
    conversation = open_direct(cast.alice, others=[cast.bob.pk]).conversation
    posted = post_message(cast.alice, conversation_id=conversation.pk, client_key=uuid.uuid4(), body="Good morning")
    assert isinstance(posted, Posted)
    return posted.message


def test_a_sound_database_raises_no_alarm(message: Message) -> None:
    check_invariants()


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_found(message: Message, damage: str) -> None:
    with fences_down(connection), connection.cursor() as cursor:
        cursor.execute(damage)
    with pytest.raises(AssertionError):
        check_invariants()
