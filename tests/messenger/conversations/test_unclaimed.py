"""A client thread that nobody holds: whoever opens it takes it."""

import pytest

from messenger.conversations import opening, texts
from messenger.conversations.access import access_conversation
from tests.cast import Cast
from tests.messenger.conversations import office
from tests.messenger.sms.texting import NOON

pytestmark = pytest.mark.django_db


def test_who_texts_a_client_whose_thread_nobody_holds_takes_the_thread(cast: Cast) -> None:
    number = cast.contact.number
    texts.receive_text(carrier="fake", carrier_id="1", number=number, to="+1", body="Anybody there?", at=NOON)
    opened = opening.open_client_thread(cast.alice, contact=cast.contact)
    assert not opened.is_new
    assert access_conversation(cast.alice, opened.conversation.pk).conversation == opened.conversation
    office.say(cast.alice, opened.conversation, "Yes, Alice here.")
