"""Numbers that no row can have: a typed answer, never a failure of ours."""

import json
from collections.abc import Callable

import pytest
from django.test import Client

from messenger.people.models import Person
from tests.cast import Cast
from tests.messenger.conversations import office

pytestmark = pytest.mark.django_db
HUGE = 10**30
LARGE = 2**63  # the smallest that no column holds, and JSON does

ADDRESSES = (
    f"/c/{HUGE}/",
    f"/contacts/{HUGE}/",
    f"/c/1/messages/{HUGE}/report/",
    f"/api/v1/conversations/{HUGE}",
    f"/api/v1/conversations/{HUGE}/messages",
)
CALLS = (
    ("conversations", {"kind": "group", "title": "Huge", "people": [LARGE]}),
    ("conversations", {"kind": "client", "contact": LARGE}),
    ("sms/preview", {"conversation": LARGE, "body": "hello"}),
    (f"conversations/{HUGE}/read", {"n": 1}),
    (f"contacts/{HUGE}/revocation", {"channel": "voice"}),
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_of_an_impossible_number_is_not_there(
    cast: Cast, client_for: Callable[[Person], Client], address: str
) -> None:
    assert client_for(cast.alice).get(address).status_code == 404


@pytest.mark.parametrize(("path", "wish"), CALLS)
def test_a_call_with_an_impossible_number_is_refused(
    cast: Cast, client_for: Callable[[Person], Client], path: str, wish: dict[str, object]
) -> None:
    answer = client_for(cast.alice).post(f"/api/v1/{path}", json.dumps(wish), content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) in ((400, "invalid"), (404, "not_found"))


def test_nobody_with_an_impossible_number_is_a_member(cast: Cast, client_for: Callable[[Person], Client]) -> None:
    group = office.group(cast.alice, cast.bob)
    address = f"/api/v1/conversations/{group.pk}/members"
    browser = client_for(cast.alice)
    assert browser.delete(f"{address}/{HUGE}").status_code == 404
    answer = browser.post(address, json.dumps({"person": LARGE}), content_type="application/json")
    assert answer.status_code in (400, 404)
