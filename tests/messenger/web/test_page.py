"""The page of a conversation and what its script begins with belong together: nothing falls between them."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from messenger.conversations.models import Message
from messenger.people.models import Person
from tests.cast import Cast
from tests.messenger.conversations import office

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("table", ["messenger_readmarker mark", "ORDER BY talk.last_at", "messenger_message message"])
def test_what_is_said_while_the_page_is_made_is_in_it_or_comes_after_its_cursor(
    cast: Cast, client_for: Callable[[Person], Client], table: str
) -> None:
    conversation = office.direct(cast.alice, cast.bob)
    office.say(cast.alice, conversation, "before")
    browser, said = client_for(cast.bob), list[Message]()

    def post_in_between(execute: Any, sql: str, *rest: Any) -> Any:  # Any: Django's way to stand before a statement
        if table in sql and not said:
            said.append(office.say(cast.alice, conversation, "in between"))
        return execute(sql, *rest)

    with connection.execute_wrapper(post_in_between):
        page = browser.get(f"/c/{conversation.pk}/").content.decode()
    (late,) = said
    heads = json.loads(re.findall(r'"heads": (\[\[.*?\]\])', page)[0])
    (cursor,) = [head for pk, head, *_ in heads if pk == conversation.pk]
    assert (late.n > cursor) != (str(late.client_key) in page)
