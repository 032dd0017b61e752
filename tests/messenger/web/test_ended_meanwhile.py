"""What was let in by a session or a token that ends while it waits for the record is not written: over HTTP as well."""

import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from archive import ledger
from messenger.conversations import postbox
from messenger.conversations.models import Message
from messenger.people import actions
from messenger.people.models import Person
from tests.cast import Cast
from tests.messenger.conversations import office

pytestmark = pytest.mark.django_db(transaction=True)
ClientFor = Callable[[Person], Client]
LIMIT_S = 30


def status_of_a_post(post: Callable[[], Any], *, meanwhile: Callable[[], object]) -> int:
    """Have a request post that waits for the record's lock, and commit something else before it gets it."""

    def ask() -> int:
        try:
            return int(post().status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=1) as pool:
        with ledger.transaction():
            answer = pool.submit(ask)
            deadline = time.monotonic() + LIMIT_S
            while not postbox._box._waiting:
                assert time.monotonic() < deadline, answer
                time.sleep(0.01)
            meanwhile()
        return answer.result(LIMIT_S)


def test_a_post_whose_session_ends_before_its_turn_is_not_written(cast: Cast, client_for: ClientFor) -> None:
    talk, browser = office.direct(cast.alice, cast.bob), client_for(cast.bob)
    address = f"/api/v1/conversations/{talk.pk}/messages"
    wish = {"client_key": str(uuid.uuid4()), "body": "once more before they notice"}

    def post() -> Any:
        return browser.post(address, wish, content_type="application/json")

    def sign_out() -> None:
        actions.end_other_sessions(cast.bob, except_session=None, reason="ended elsewhere")

    assert status_of_a_post(post, meanwhile=sign_out) == 404
    assert not Message.objects.exists()
    browser = client_for(cast.bob)
    assert status_of_a_post(post, meanwhile=lambda: None) == 201


def test_a_form_whose_session_ends_before_its_turn_is_not_written(cast: Cast, client_for: ClientFor) -> None:
    talk, browser = office.direct(cast.alice, cast.bob), client_for(cast.bob)

    def sign_out() -> None:
        actions.end_other_sessions(cast.bob, except_session=None, reason="ended elsewhere")

    assert status_of_a_post(lambda: browser.post(f"/c/{talk.pk}/post/", {"body": "quickly"}), meanwhile=sign_out) == 404
    assert not Message.objects.exists()


def test_a_post_whose_token_is_revoked_before_its_turn_is_not_written(cast: Cast) -> None:
    talk = office.direct(cast.alice, cast.bob)
    token, secret = actions.create_token(cast.bob, name="bot")
    address, headers = f"/api/v1/conversations/{talk.pk}/messages", {"authorization": f"Bearer {secret}"}
    wish = {"client_key": str(uuid.uuid4()), "body": "once more before they notice"}

    def post() -> Any:
        return Client(headers=headers).post(address, wish, content_type="application/json")

    assert status_of_a_post(post, meanwhile=lambda: actions.revoke_token(cast.bob, token=token)) == 404
    assert not Message.objects.exists()
