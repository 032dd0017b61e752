"""The gates: tokens, CSRF, bounded bodies, one shape for every failure, and nobody before the first run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, override_settings
from rest_framework.exceptions import ErrorDetail

from messenger.people import actions
from messenger.people.models import Firm, Person
from messenger.web.errors import first_problem
from messenger.web.first_run import first_run_token
from messenger.web.gates import guest_of_scope, live_person
from tests.cast import PASSWORD, Cast

FOUNDING = {
    "name": "Harbour & Vale",
    "admin_name": "Adam",
    "admin_email": "adam@firm.example",
    "admin_password": PASSWORD,
    "officer_name": "Cora",
    "officer_email": "cora@firm.example",
    "officer_password": PASSWORD,
}


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def shape(answer: Any) -> tuple[int, str, str | None]:
    """Return status, code and field; the body has these and words, and nothing else."""
    body = answer.json()
    assert sorted(body) == ["code", "field", "message"]
    assert body["message"]
    return answer.status_code, body["code"], body["field"]


# --- who calls the API -----------------------------------------------------------------------------------------------
def test_a_token_opens_the_api_until_it_is_revoked(cast: Cast) -> None:
    token, secret = actions.create_token(cast.alice, name="calendar")
    assert Client().get("/api/v1/me", headers=bearer(secret)).json()["id"] == cast.alice.pk
    actions.revoke_token(cast.alice, token=token)
    assert shape(Client().get("/api/v1/me", headers=bearer(secret))) == (401, "not_signed_in", None)


@pytest.mark.parametrize("secret", ["", "wrong", "\xff", "a b c", "x" * 5000])
def test_a_wrong_token_is_refused_even_beside_a_good_cookie(
    cast: Cast, client_for: Callable[[Person], Client], secret: str
) -> None:
    answer = client_for(cast.alice).get("/api/v1/me", headers=bearer(secret))
    assert shape(answer) == (401, "not_signed_in", None)


def test_nobody_is_told_to_sign_in(cast: Cast) -> None:
    answer = Client().get("/api/v1/me")
    assert shape(answer) == (401, "not_signed_in", None)
    assert answer["WWW-Authenticate"] == "Bearer"


def test_a_call_with_the_cookie_needs_the_pages_token(cast: Cast, client_for: Callable[[Person], Client]) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client_for(cast.alice).cookies
    answer = strict.post("/api/v1/tokens", {"name": "calendar"}, content_type="application/json")
    assert shape(answer) == (403, "csrf", None)
    assert not cast.alice.api_tokens.exists()
    page = strict.get("/settings/")
    token = page.context["csrf_token"]
    headers = {"x-csrftoken": str(token)}
    answer = strict.post("/api/v1/tokens", {"name": "calendar"}, content_type="application/json", headers=headers)
    assert answer.status_code == 201


def test_a_form_without_the_pages_token_gets_a_page_that_explains(
    cast: Cast, client_for: Callable[[Person], Client]
) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client_for(cast.alice).cookies
    answer = strict.post("/settings/tokens/", {"name": "calendar"})
    assert answer.status_code == 403
    assert "reload" in answer.content.decode()
    assert not cast.alice.api_tokens.exists()


# --- what they send --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("body", [b"{", b'{"name": NaN}', b"\xff\xfe", b"[" * 100_000, b'{"name": "\xed\xa0\x80"}'])
def test_a_body_that_is_not_json_is_malformed(cast: Cast, body: bytes) -> None:
    _, secret = actions.create_token(cast.alice, name="calendar")
    answer = Client().post("/api/v1/tokens", body, content_type="application/json", headers=bearer(secret))
    assert shape(answer) == (400, "malformed_json", None)


def test_a_body_of_256_kb_is_read_and_a_larger_one_is_not(cast: Cast) -> None:
    _, secret = actions.create_token(cast.alice, name="calendar")
    for size, expected in ((256 * 1024, (400, "invalid", "name")), (256 * 1024 + 1, (413, "too_large", None))):
        body = b'{"name": "' + b"x" * (size - 12) + b'"}'
        assert len(body) == size
        answer = Client().post("/api/v1/tokens", body, content_type="application/json", headers=bearer(secret))
        assert shape(answer) == expected


@pytest.mark.parametrize("name", ["", "   ", "a\x00b", "x" * 61, True, None, [], {}])
def test_a_bad_value_names_its_field(cast: Cast, name: object) -> None:
    _, secret = actions.create_token(cast.alice, name="calendar")
    answer = Client().post("/api/v1/tokens", {"name": name}, content_type="application/json", headers=bearer(secret))
    assert shape(answer) == (400, "invalid", "name")
    assert cast.alice.api_tokens.count() == 1


def test_another_kind_of_body_and_another_method_are_named(cast: Cast) -> None:
    _, secret = actions.create_token(cast.alice, name="calendar")
    form = Client().post("/api/v1/tokens", {"name": "x"}, headers=bearer(secret))
    assert shape(form) == (415, "malformed_json", None)
    assert shape(Client().delete("/api/v1/me", headers=bearer(secret))) == (405, "invalid", None)


# --- what is not there -----------------------------------------------------------------------------------------------
def test_an_unknown_address_is_json_for_the_api_and_a_page_for_people(
    cast: Cast, client_for: Callable[[Person], Client]
) -> None:
    assert shape(Client().get("/api/v1/nothing")) == (404, "not_found", None)
    page = client_for(cast.alice).get("/nothing/")
    assert page.status_code == 404
    assert "Nothing here" in page.content.decode()


def test_a_failure_of_ours_is_one_shape_and_shows_nothing(
    cast: Cast, client_for: Callable[[Person], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the secret is xyzzy")

    client = client_for(cast.alice)
    client.raise_request_exception = False
    monkeypatch.setattr("messenger.people.actions.live_sessions", fail)
    monkeypatch.setattr("messenger.web.api.about_me", fail)
    page, call = client.get("/settings/"), client.get("/api/v1/me")
    assert page.status_code == 500
    assert "xyzzy" not in page.content.decode()
    assert shape(call) == (500, "failed", None)
    assert "xyzzy" not in call.content.decode()


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ({"name": [ErrorDetail("Too long.")]}, ("name", "Too long.")),
        ({"people": {1: [ErrorDetail("Not a number.")]}}, ("people.1", "Not a number.")),
        ({"people": [{}, {"id": [ErrorDetail("Missing.")]}]}, ("people.1.id", "Missing.")),
        ({"non_field_errors": [ErrorDetail("Not an object.")]}, (None, "Not an object.")),
        ([ErrorDetail("Wrong.")], (None, "Wrong.")),
    ],
)
def test_the_first_problem_is_named_with_its_path(detail: Any, expected: tuple[str | None, str]) -> None:
    assert first_problem(detail) == expected


# --- the socket's guest ----------------------------------------------------------------------------------------------
def scope(**headers: str) -> dict[str, Any]:
    return {"headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]}


def test_a_socket_is_opened_by_a_live_session_or_a_live_token(
    cast: Cast, client_for: Callable[[Person], Client]
) -> None:
    key = client_for(cast.alice).cookies[settings.SESSION_COOKIE_NAME].value
    token, secret = actions.create_token(cast.bob, name="bot")
    alice = guest_of_scope(scope(cookie=f"other=1; {settings.SESSION_COOKIE_NAME}={key}"))
    bob = guest_of_scope(scope(authorization=f"Bearer {secret}"))
    assert alice is not None
    assert bob is not None
    assert (alice.person, bob.person) == (cast.alice, cast.bob)
    assert live_person(alice)
    assert live_person(bob)
    actions.end_other_sessions(cast.alice, except_session=None, reason="ended elsewhere")
    actions.revoke_token(cast.bob, token=token)
    assert not live_person(alice)
    assert not live_person(bob)


@pytest.mark.parametrize(
    "headers", [{}, {"cookie": "session=nonsense"}, {"cookie": "\xff;=;;"}, {"authorization": "Bearer wrong"}]
)
def test_a_stranger_opens_no_socket(cast: Cast, headers: dict[str, str]) -> None:
    assert guest_of_scope(scope(**headers)) is None


# --- the first run ---------------------------------------------------------------------------------------------------
@pytest.fixture
def var(tmp_path: Path) -> Any:
    with override_settings(ONRECORD_VAR=tmp_path):
        yield tmp_path


def test_before_the_first_run_everything_leads_to_the_welcome_page(db: None, var: Path) -> None:
    for path in ("/", "/accounts/login/", "/portal/", "/api/v1/me", "/nothing/"):
        answer = Client().get(path)
        assert (answer.status_code, answer["Location"]) == (302, "/welcome/")
    assert Client().get("/welcome/").status_code == 200


def test_the_token_founds_the_firm_once(db: None, var: Path) -> None:
    token = first_run_token()
    assert token == first_run_token()
    assert (var / "first-run-token").stat().st_mode & 0o777 == 0o600
    client = Client()
    assert client.get(f"/welcome/{token}/").status_code == 200
    answer = client.post(f"/welcome/{token}/", FOUNDING)
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/")
    assert Firm.objects.get().name == "Harbour & Vale"
    assert not (var / "first-run-token").exists()
    assert client.post(f"/welcome/{token}/", FOUNDING | {"name": "Another"}).status_code == 404
    assert client.get("/welcome/")["Location"] == "/"
    signed_in = client.post("/accounts/login/", {"login": "adam@firm.example", "password": PASSWORD})
    assert (signed_in.status_code, signed_in["Location"]) == (302, "/")


@pytest.mark.parametrize("token", ["x", "ä", "../first-run-token", "%00"])
def test_a_wrong_token_founds_nothing(db: None, var: Path, token: str) -> None:
    first_run_token()
    assert Client().post(f"/welcome/{token}/", FOUNDING).status_code == 404
    assert not Firm.objects.exists()


def test_without_a_token_file_no_token_is_right(db: None, var: Path) -> None:
    assert Client().post("/welcome/None/", FOUNDING).status_code == 404
    assert not Firm.objects.exists()


def test_a_bad_founding_names_the_field_and_keeps_the_token(db: None, var: Path) -> None:
    token = first_run_token()
    answer = Client().post(f"/welcome/{token}/", FOUNDING | {"officer_email": FOUNDING["admin_email"]})
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == ["officer_email"]
    assert not Firm.objects.exists()
    assert first_run_token() == token


def test_the_token_of_a_founded_firm_opens_nothing(cast: Cast, var: Path) -> None:
    assert Client().get(f"/welcome/{first_run_token()}/").status_code == 404
