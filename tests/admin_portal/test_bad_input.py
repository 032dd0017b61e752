"""Values that no row can have: a portal page or call answers them with words, never with a failure of ours."""

from collections.abc import Callable

import pytest
from django.test import Client

from messenger.people.models import Person
from tests.admin_portal.conftest import PURPOSE, Office, record_size
from tests.admin_portal.test_api import post
from tests.admin_portal.test_pages import officer_with_purpose

KEY = "7a3c5a8e-52a4-4f2a-9a60-0f1f6a3f0a11"
ClientFor = Callable[[Person], Client]
NUMBERS = ("9" * 19, "9" * 30, "9" * 5000, "٣", "-1", "1e3")
LISTS = ("/portal/review/?after=", "/portal/exports/?before=", "/api/v1/reports?after=", "/api/v1/exports?before=")
PAGES = ("/portal/entries/", "/portal/review/", "/portal/exports/", "/portal/record/checks/", "/api/v1/record/entries/")


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: f"{number[:4]}, {len(number)} characters")
def test_a_number_that_no_row_has_is_answered(office: Office, client_for: ClientFor, number: str) -> None:
    client = officer_with_purpose(client_for, office.cast.carl)
    answers = [client.get(f"{address}{number}") for address in LISTS]
    answers += [client.get(f"{address}{number}/?purpose={PURPOSE}") for address in PAGES]
    answers += [client.get(f"/portal/exports/new/?conversation={number}")]
    assert {answer.status_code for answer in answers} <= {200, 400, 404}


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: f"{number[:4]}, {len(number)} characters")
def test_a_page_of_hits_that_cannot_be_is_answered(office: Office, client_for: ClientFor, number: str) -> None:
    client = officer_with_purpose(client_for, office.cast.carl)
    kept = client.post("/portal/search/", {"words": "lawyer"})["Location"]
    assert client.get(f"{kept}&after={number}").status_code == 200


def test_a_cursor_too_large_for_the_record_is_refused(office: Office, client_for: ClientFor) -> None:
    client, size = client_for(office.cast.carl), record_size()
    for number in (2**53, 10**30):
        answer = post(client, "record/search", {"purpose": PURPOSE, "words": "lawyer", "after": number})
        assert (answer.status_code, answer.json()["field"]) == (400, "after")
    wish = {"client_key": KEY, "purpose": PURPOSE}
    for scope, field in (({"person": 10**30}, "person"), ({"conversations": [10**30]}, "conversations.0")):
        answer = post(client, "exports", wish | scope)
        assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert record_size() == size


@pytest.mark.parametrize("address", ["/portal/search/", "/portal/exports/new/"])
def test_the_last_day_of_all_is_a_day_like_any_other(office: Office, client_for: ClientFor, address: str) -> None:
    client = officer_with_purpose(client_for, office.cast.carl)
    wish = {"words": "lawyer", "purpose": PURPOSE, "client_key": KEY}
    query = f"?conversation={office.talk.pk}"
    days = {"since": "0001-01-01", "until": "9999-12-31", "conversations": [str(office.talk.pk)]}
    answer = client.post(address + query, wish | days, follow=True)
    assert answer.status_code == 200
