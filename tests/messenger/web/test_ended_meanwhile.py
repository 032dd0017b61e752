"""What was let in by a session or a token that ends before its turn at the record is not written: over HTTP as well."""

import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from archive import ledger
from messenger.conversations import attachments, postbox
from messenger.conversations.models import Message, Upload
from messenger.people import actions
from messenger.people.doors import coming_in_by, door_of_session
from messenger.people.errors import NotAllowed, SignedOut
from messenger.people.models import Person, SignInSession
from tests.cast import PASSWORD, Cast
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

    assert status_of_a_post(post, meanwhile=sign_out) == 401
    assert not Message.objects.exists()
    browser = client_for(cast.bob)
    assert status_of_a_post(post, meanwhile=lambda: None) == 201


def test_a_form_whose_session_ends_before_its_turn_is_not_written(cast: Cast, client_for: ClientFor) -> None:
    talk, browser = office.direct(cast.alice, cast.bob), client_for(cast.bob)

    def sign_out() -> None:
        actions.end_other_sessions(cast.bob, except_session=None, reason="ended elsewhere")

    assert status_of_a_post(lambda: browser.post(f"/c/{talk.pk}/post/", {"body": "quickly"}), meanwhile=sign_out) == 302
    assert browser.get("/")["Location"].startswith("/accounts/login/")
    assert not Message.objects.exists()


def test_a_post_whose_token_is_revoked_before_its_turn_is_not_written(cast: Cast) -> None:
    talk = office.direct(cast.alice, cast.bob)
    token, secret = actions.create_token(cast.bob, name="bot")
    address, headers = f"/api/v1/conversations/{talk.pk}/messages", {"authorization": f"Bearer {secret}"}
    wish = {"client_key": str(uuid.uuid4()), "body": "once more before they notice"}

    def post() -> Any:
        return Client(headers=headers).post(address, wish, content_type="application/json")

    assert status_of_a_post(post, meanwhile=lambda: actions.revoke_token(cast.bob, token=token)) == 401
    assert not Message.objects.exists()


def test_a_file_whose_session_ends_while_it_comes_is_not_kept(cast: Cast, client_for: ClientFor) -> None:
    client_for(cast.bob)
    door = door_of_session(SignInSession.objects.get(person=cast.bob, ended_at=None))

    class Body(BytesIO):
        """Bytes that take their time."""

        def read(self, size: int | None = -1, /) -> bytes:
            actions.end_other_sessions(cast.bob, except_session=None, reason="ended elsewhere")
            return super().read(size)

    with coming_in_by(door), pytest.raises(SignedOut):
        attachments.take_in(cast.bob, Body(b"in the middle"), name="sheet.txt")
    assert not Upload.objects.exists()
    assert attachments.take_in(cast.bob, BytesIO(b"in the middle"), name="sheet.txt") == Upload.objects.get()


def test_a_sign_in_whose_password_is_changed_before_its_turn_is_not_recorded(cast: Cast) -> None:
    """Found to be right by its old password, it comes to the record behind the change."""
    signing_in = Person.objects.get(pk=cast.bob.pk)
    actions.change_password(cast.bob, password="slow-meadow-compass-77", except_session=None)
    with pytest.raises(NotAllowed):
        actions.start_session(signing_in, session_key="s" * 32, address="", agent="")
    actions.deactivate(cast.adam, person=cast.bob, reason="has left")
    with pytest.raises(NotAllowed):
        actions.start_session(cast.bob, session_key="s" * 32, address="", agent="")
    with pytest.raises(NotAllowed):
        actions.change_password(cast.bob, password="slow-meadow-compass-78", except_session=None)
    assert [entry.kind for entry in ledger.read_stream(f"person:{cast.bob.pk}")][-1] == "person.deactivated"


def test_a_browser_goes_on_by_its_new_cookie_after_a_change_of_password(cast: Cast, client_for: ClientFor) -> None:
    browser = client_for(cast.bob)
    fields = {"oldpassword": PASSWORD, "password1": "slow-meadow-compass-77", "password2": "slow-meadow-compass-77"}
    assert browser.post("/accounts/password/change/", fields).status_code == 302
    assert browser.post("/settings/tokens/", {"name": "calendar"}).status_code == 200
    assert cast.bob.api_tokens.count() == 1
