"""The pages about people and one's own settings, through the browser's door."""

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from archive import ledger
from messenger.people import actions
from messenger.people.models import ApiToken, Person, RoleRequest
from messenger.web.settings_pages import browser_of
from tests.cast import PASSWORD, Cast, email_of, give_role

Browser = Callable[[Person], Client]


def errors_of(answer: object, form: str) -> list[str]:
    return list(answer.context[form].errors)  # type: ignore[attr-defined]  # the test client adds the context


# --- invitations -----------------------------------------------------------------------------------------------------
def test_an_administrator_makes_a_link_and_the_guest_joins_with_it(cast: Cast, client_for: Browser) -> None:
    page = client_for(cast.adam).post("/people/invite/", {"name": "Eve", "email": "eve@firm.example"})
    link = re.search(r'value="http://testserver(/invitation/[^"]+/)"', page.content.decode())
    assert link is not None
    guest = Client()
    assert "Welcome, Eve" in guest.get(link[1]).content.decode()
    again = guest.post(link[1], {"password": PASSWORD, "again": "something else"})
    assert errors_of(again, "form") == ["again"]
    weak = guest.post(link[1], {"password": "short", "again": "short"})
    assert errors_of(weak, "form") == ["password"]
    assert guest.post(link[1], {"password": PASSWORD, "again": PASSWORD})["Location"] == "/accounts/login/"
    assert guest.post("/accounts/login/", {"login": "eve@firm.example", "password": PASSWORD}).status_code == 302
    assert Client().get(link[1]).status_code == 404
    assert link[1] not in client_for(cast.adam).get("/people/").content.decode()


def test_a_tampered_link_looks_like_any_page_that_is_not_there(cast: Cast) -> None:
    _, secret = actions.invite(cast.adam, email="eve@firm.example", name="Eve")
    assert Client().get(f"/invitation/{secret}/").status_code == 200
    for wrong in (secret[:-1], secret + "x", "x", "%00"):
        assert Client().get(f"/invitation/{wrong}/").status_code == 404


def test_inviting_somebody_twice_names_the_field(cast: Cast, client_for: Browser) -> None:
    page = client_for(cast.adam).post("/people/invite/", {"name": "Alice", "email": email_of("alice")})
    assert errors_of(page, "invitation_form") == ["email"]


# --- the directory ---------------------------------------------------------------------------------------------------
PAGES = ("/people/", "/people/{bob}/")
POSTS = (
    "/people/invite/",
    "/people/{bob}/deactivate/",
    "/people/{bob}/reactivate/",
    "/people/{bob}/roles/",
    "/people/{bob}/roles/reviewer/end/",
)


@pytest.mark.parametrize("path", PAGES + POSTS)
@pytest.mark.parametrize("name", ["alice", "mona", "erin"])
def test_the_pages_are_not_there_for_who_does_not_manage_people(
    cast: Cast, client_for: Browser, name: str, path: str
) -> None:
    client, address = client_for(getattr(cast, name)), path.format(bob=cast.bob.pk)
    size = ledger.latest_checkpoint().size
    values = {"reason": "no right to", "role": "reviewer", "name": "Eve", "email": "eve@firm.example"}
    answer = client.get(address) if path in PAGES else client.post(address, values)
    allowed = client_for(cast.adam).get(PAGES[1].format(bob=cast.bob.pk))
    assert answer.status_code == 404
    assert allowed.status_code == 200
    assert ledger.latest_checkpoint().size == size + 1  # adam's sign-in, nothing else


@pytest.mark.parametrize("path", [*PAGES, "/settings/"])
def test_who_is_not_signed_in_is_led_to_the_sign_in(cast: Cast, path: str) -> None:
    answer = Client().get(path.format(bob=cast.bob.pk))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/?next=/")


def test_the_directory_costs_the_same_queries_for_few_and_for_many(cast: Cast, client_for: Browser) -> None:
    client = client_for(cast.adam)
    client.get("/people/")
    with CaptureQueriesContext(connection) as few:
        assert b"Charlie" in client.get("/people/").content
    give_role(cast.bob, role="reviewer", asked_by=cast.adam, granted_by=cast.cora)
    for number in range(20):
        Person.objects.create(name=f"P{number}", email=f"p{number}@firm.example", joined_at=cast.adam.joined_at)
    with CaptureQueriesContext(connection) as many:
        client.get("/people/")
    assert len(many) == len(few)


def test_the_directory_is_searched_and_paged(cast: Cast, client_for: Browser) -> None:
    for number in range(50):
        Person.objects.create(name=f"Q{number:02}", email=f"q{number}@firm.example", joined_at=cast.adam.joined_at)
    client = client_for(cast.adam)
    assert [line["person"].name for line in client.get("/people/?q=char").context["people"]] == ["Charlie"]
    first, second = client.get("/people/"), client.get("/people/?page=2")
    assert (len(first.context["people"]), len(second.context["people"])) == (50, 9)
    assert first.context["older_url"] == "/people/?page=2"
    assert client.get("/people/?page=-1&q=%00char").context["people"] == client.get("/people/?q=char").context["people"]
    assert client.post(f"/people/{cast.bob.pk}/roles/%00/end/", {"reason": "none such"}).status_code == 200
    assert client.post("/people/invite/", {"name": "E\0ve", "email": "e\0@firm.example"}).status_code == 200


def test_deactivating_needs_a_reason_and_says_so(cast: Cast, client_for: Browser) -> None:
    client, path = client_for(cast.adam), f"/people/{cast.bob.pk}/deactivate/"
    assert errors_of(client.post(path, {"reason": " "}), "reason_form") == ["reason"]
    assert Person.objects.get(pk=cast.bob.pk).is_active
    assert client.post(path, {"reason": "left the firm"}).status_code == 302
    assert not Person.objects.get(pk=cast.bob.pk).is_active
    assert "Reactivate Bob" in client.get(f"/people/{cast.bob.pk}/").content.decode()
    client.post(f"/people/{cast.bob.pk}/reactivate/", {"reason": "came back"})
    assert Person.objects.get(pk=cast.bob.pk).is_active


# --- roles -----------------------------------------------------------------------------------------------------------
def test_a_role_goes_from_the_administrators_page_to_the_officers(cast: Cast, client_for: Browser) -> None:
    adam, cora = client_for(cast.adam), client_for(cast.cora)
    adam.post(f"/people/{cast.bob.pk}/roles/", {"role": "reviewer", "reason": "mona is away"})
    request = RoleRequest.objects.get(person=cast.bob)
    assert f"/people/requests/{request.pk}/grant/" not in adam.get("/people/").content.decode()
    page = cora.get("/people/").content.decode()
    assert f"/people/requests/{request.pk}/grant/" in page
    assert "Invite somebody" not in page  # an officer decides here, and manages nobody
    adam.post(f"/people/requests/{request.pk}/grant/")
    assert "reviewer" not in Person.objects.get(pk=cast.bob.pk).roles
    cora.post(f"/people/requests/{request.pk}/grant/")
    assert "reviewer" in Person.objects.get(pk=cast.bob.pk).roles
    assert adam.post(f"/people/{cast.bob.pk}/roles/reviewer/end/", {"reason": "mona is back"}).status_code == 302
    assert "reviewer" not in Person.objects.get(pk=cast.bob.pk).roles


def test_a_refused_request_leaves_the_list(cast: Cast, client_for: Browser) -> None:
    request = actions.request_role(cast.adam, person=cast.bob, role="reviewer", reason="mona is away")
    cora = client_for(cast.cora)
    cora.post(f"/people/requests/{request.pk}/refuse/")
    assert cora.get("/people/").context["requests"] == []
    assert "reviewer" not in Person.objects.get(pk=cast.bob.pk).roles


@pytest.mark.parametrize("name", ["alice", "mona", "erin"])
def test_a_request_is_not_there_for_who_has_no_part_in_it(cast: Cast, client_for: Browser, name: str) -> None:
    request = actions.request_role(cast.adam, person=cast.bob, role="reviewer", reason="mona is away")
    client = client_for(getattr(cast, name))
    answers = [client.post(f"/people/requests/{pk}/grant/") for pk in (request.pk, 10**9)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert "reviewer" not in Person.objects.get(pk=cast.bob.pk).roles


# --- settings --------------------------------------------------------------------------------------------------------
def test_a_token_is_shown_once_and_works(cast: Cast, client_for: Browser) -> None:
    client = client_for(cast.alice)
    page = client.post("/settings/tokens/", {"name": "calendar"}).content.decode()
    secret = re.search(r'value="(onrecord_[^"]+)"', page)
    assert secret is not None
    answer = Client().get("/api/v1/me", headers={"authorization": f"Bearer {secret[1]}"})
    assert answer.json()["name"] == "Alice"
    assert secret[1] not in client.get("/settings/").content.decode()
    token = ApiToken.objects.get()
    assert client_for(cast.bob).post(f"/settings/tokens/{token.pk}/revoke/").status_code == 404
    client.post(f"/settings/tokens/{token.pk}/revoke/")
    assert Client().get("/api/v1/me", headers={"authorization": f"Bearer {secret[1]}"}).status_code == 401


def test_a_token_without_a_name_is_named(cast: Cast, client_for: Browser) -> None:
    answer = client_for(cast.alice).post("/settings/tokens/", {"name": ""})
    assert errors_of(answer, "token_form") == ["name"]
    assert not ApiToken.objects.exists()


def test_all_other_sessions_end_at_once(cast: Cast, client_for: Browser) -> None:
    here, there, bob = client_for(cast.alice), client_for(cast.alice), client_for(cast.bob)
    here.post("/settings/sessions/end-others/")
    assert [client.get("/settings/").status_code for client in (here, there, bob)] == [200, 302, 200]


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Safari/604", "Safari on iPhone"),
        ("curl/8.1", "curl/8.1"),
        ("", "Unknown browser"),
    ],
)
def test_a_session_is_described_so_that_its_owner_knows_it(agent: str, words: str) -> None:
    assert browser_of(agent) == words


def test_every_page_has_one_heading_and_a_label_for_every_field(cast: Cast, client_for: Browser) -> None:
    adam = client_for(cast.adam)
    for path in ("/people/", f"/people/{cast.bob.pk}/", "/settings/", "/accounts/password/change/"):
        page = adam.get(path).content.decode()
        assert page.count("<h1") == 1, path
        ids = re.findall(r'<(?:input|select)(?![^>]*type="hidden")[^>]*\bid="([^"]+)"', page)
        assert ids, path
        assert [name for name in ids if f'for="{name}"' not in page] == [], path
        assert len(ids) == len(set(ids)), path
