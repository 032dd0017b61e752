"""Sign-in counts attempts in Redis: where that is away or hangs, a sentence comes soon, and nobody comes in."""

import socket
import time
from collections.abc import Iterator

import pytest
from django.conf import settings as product
from django.test import Client
from pytest_django import Settings

from messenger.people.models import SignInSession
from messenger.web.gates import AWAY, NO_SIGN_IN
from tests.cast import PASSWORD, Cast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.backend("postgres")]  # there Redis is the cache
SIGN_IN, RESET = "/accounts/login/", "/accounts/password/reset/"


@pytest.fixture(params=["away", "hangs"])
def broken(request: pytest.FixtureRequest, settings: Settings) -> Iterator[None]:
    """Put the product's own cache, as it is set up, before a Redis that refuses, or takes calls and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1] if request.param == "hangs" else 1
        settings.CACHES = {"default": product.CACHES["default"] | {"LOCATION": f"redis://127.0.0.1:{port}/0"}}
        yield


@pytest.mark.usefixtures("broken")
def test_who_signs_in_is_told_soon_that_it_is_not_possible_now(cast: Cast) -> None:
    browser = Client(raise_request_exception=False)
    assert browser.get(SIGN_IN).status_code == 200
    began = time.monotonic()
    answer = browser.post(SIGN_IN, {"login": cast.alice.email, "password": PASSWORD})
    assert time.monotonic() - began < 5
    assert (answer.status_code, answer["Retry-After"]) == (503, "60")
    assert NO_SIGN_IN in answer.content.decode()
    assert not SignInSession.objects.exists()


@pytest.mark.usefixtures("broken")
def test_who_asks_for_a_new_password_is_told_too(cast: Cast) -> None:
    answer = Client(raise_request_exception=False).post(RESET, {"email": cast.alice.email})
    assert answer.status_code == 503
    assert AWAY in answer.content.decode()


def test_with_redis_there_the_same_attempt_signs_in(cast: Cast) -> None:
    assert Client().post(SIGN_IN, {"login": cast.alice.email, "password": PASSWORD}).status_code == 302
