"""Signing in: the same words for every no, guesses counted per account and address, sessions that end everywhere."""

import statistics
import time
from collections.abc import Callable

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client, override_settings

from archive import ledger
from messenger.people import actions
from messenger.people.models import Person, SignInSession
from messenger.web.accounts import LOCKED, WRONG
from tests.cast import PASSWORD, Cast

SIGN_IN = "/accounts/login/"
HERE, THERE = "10.9.0.1", "10.9.0.2"
Answer = tuple[int, list[str]]


def attempt(login: str, password: str, *, address: str = HERE, client: Client | None = None) -> Answer:
    """Try to sign in and return the status with the words that are shown."""
    answer = (client or Client()).post(SIGN_IN, {"login": login, "password": password}, REMOTE_ADDR=address)
    form = answer.context["form"] if answer.status_code == 200 else None
    return answer.status_code, [str(error) for error in form.non_field_errors()] if form else []


def refusals(person: Person) -> list[str]:
    entries = ledger.read_stream(f"person:{person.pk}")
    return [str(entry.content["reason"]) for entry in entries if entry.kind == "session.refused"]


def test_a_sign_in_opens_the_pages_and_is_recorded(cast: Cast) -> None:
    client = Client(REMOTE_ADDR=HERE, headers={"user-agent": "Browser 7"})
    assert attempt(cast.alice.email.upper(), PASSWORD, client=client) == (302, [])
    assert client.get("/settings/").status_code == 200
    session = SignInSession.objects.get(person=cast.alice)
    assert (session.address, session.agent) == (HERE, "Browser 7")
    assert ledger.read_stream(f"person:{cast.alice.pk}")[-1].kind == "session.started"


def test_a_sign_out_ends_the_session_in_the_record_too(cast: Cast, client_for: Callable[[Person], Client]) -> None:
    client = client_for(cast.alice)
    assert client.get("/accounts/logout/").status_code == 200  # a question: only POST signs out
    assert client.get("/settings/").status_code == 200
    client.post("/accounts/logout/")
    assert client.get("/settings/").status_code == 302
    assert SignInSession.objects.get(person=cast.alice).ended_at is not None
    entry = ledger.read_stream(f"person:{cast.alice.pk}")[-1]
    assert (entry.kind, entry.content["reason"]) == ("session.ended", "signed out")


def test_unknown_account_wrong_password_and_deactivated_person_get_the_same_words(cast: Cast) -> None:
    actions.deactivate(cast.adam, person=cast.bob, reason="left")
    answers = [
        attempt("nobody@firm.example", PASSWORD),
        attempt(cast.alice.email, "wrong-harbour-lantern"),
        attempt(cast.bob.email, PASSWORD),
        attempt(cast.bob.email, "wrong-harbour-lantern"),
    ]
    assert answers[0][1]
    assert answers == [answers[0]] * 4
    assert refusals(cast.alice) == [WRONG]
    assert refusals(cast.bob) == [WRONG, WRONG]
    assert ledger.read_stream("system")[-1].content["login"] == "nobody@firm.example"
    assert not SignInSession.objects.exists()


def test_every_no_costs_one_hash(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time tells nothing apart: each refusal does the one piece of work that takes time."""
    actions.deactivate(cast.adam, person=cast.bob, reason="left")
    for name in ("alice", "bob"):
        with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.Argon2PasswordHasher"]):
            person = getattr(cast, name)
            person.set_password(PASSWORD)
            person.save(update_fields=["password"])
            took = {login: _time_of(login) for login in (person.email, "nobody@firm.example")}
        fast, slow = sorted(took.values())
        assert fast > 0.01, "argon2 was not used: nothing was measured"
        assert slow < 2.5 * fast


def _time_of(login: str) -> float:
    """Return the median seconds of three wrong attempts."""
    spans = []
    for number in range(3):
        began = time.process_time()
        attempt(login, "wrong-harbour-lantern", address=f"10.8.0.{number}")
        spans.append(time.process_time() - began)
    return statistics.median(spans)


def test_after_five_wrong_guesses_the_right_password_is_refused_too(cast: Cast) -> None:
    for _ in range(5):
        assert attempt(cast.alice.email, "wrong-harbour-lantern")[0] == 200
    status, words = attempt(cast.alice.email, PASSWORD)
    assert status == 200
    assert words != attempt("nobody@firm.example", PASSWORD)[1]
    attempt(cast.alice.email, PASSWORD)
    assert refusals(cast.alice) == [WRONG] * 5 + [LOCKED]  # the lock-out is recorded once, not at every try


@pytest.mark.backend("sqlite")  # Redis keeps the counters of production
def test_a_flood_of_other_attempts_does_not_lift_a_lock_out(cast: Cast) -> None:
    for _ in range(6):
        attempt(cast.alice.email, "wrong-harbour-lantern")
    for number in range(1000):
        cache.set(f"another-counter-{number}", 1)
    assert attempt(cast.alice.email, PASSWORD)[0] == 200


def test_a_lock_out_does_not_lock_the_person_out_elsewhere(cast: Cast) -> None:
    for _ in range(6):
        attempt(cast.alice.email, "wrong-harbour-lantern", address=HERE)
    assert attempt(cast.alice.email, PASSWORD, address=HERE)[0] == 200
    assert attempt(cast.alice.email, PASSWORD, address=THERE)[0] == 302


def test_a_lock_out_does_not_lock_the_office_behind_the_same_address_out(cast: Cast) -> None:
    for _ in range(6):
        attempt(cast.alice.email, "wrong-harbour-lantern", address=HERE)
    assert attempt(cast.bob.email, PASSWORD, address=HERE)[0] == 302


def test_an_unknown_account_is_locked_like_a_known_one(cast: Cast) -> None:
    for login in ("nobody@firm.example", cast.alice.email):
        for _ in range(5):
            attempt(login, "wrong-harbour-lantern", address=THERE)
    unknown, known = (attempt(login, PASSWORD, address=THERE) for login in ("nobody@firm.example", cast.alice.email))
    assert unknown == known


def test_a_successful_sign_in_does_not_forgive_the_guesses(cast: Cast) -> None:
    for _ in range(4):
        attempt(cast.alice.email, "wrong-harbour-lantern")
    assert attempt(cast.alice.email, PASSWORD)[0] == 302
    attempt(cast.alice.email, "wrong-harbour-lantern")
    assert attempt(cast.alice.email, PASSWORD)[0] == 200


def test_a_forged_forwarding_header_does_not_change_the_address(cast: Cast) -> None:
    for number in range(6):
        answer = Client().post(
            SIGN_IN,
            {"login": cast.alice.email, "password": "wrong-harbour-lantern"},
            REMOTE_ADDR=HERE,
            headers={"x-forwarded-for": f"192.0.2.{number}"},
        )
        assert answer.status_code == 200
    assert attempt(cast.alice.email, PASSWORD, address=HERE)[0] == 200


@override_settings(ALLAUTH_TRUSTED_PROXY_COUNT=1)
def test_behind_a_proxy_the_address_is_the_one_that_the_proxy_added(cast: Cast) -> None:
    client = Client(headers={"x-forwarded-for": "6.6.6.6, 192.0.2.7"})
    attempt(cast.alice.email, PASSWORD, client=client)
    assert SignInSession.objects.get(person=cast.alice).address == "192.0.2.7"


def test_many_accounts_from_one_address_are_slowed_down(cast: Cast) -> None:
    statuses = [attempt(f"guess{number}@firm.example", PASSWORD, address=HERE)[0] for number in range(61)]
    assert statuses[:60] == [200] * 60
    assert statuses[60] == 429


def test_a_session_ended_elsewhere_is_refused_at_its_next_request(
    cast: Cast, client_for: Callable[[Person], Client]
) -> None:
    laptop, phone = client_for(cast.alice), client_for(cast.alice)
    older, newer = SignInSession.objects.filter(person=cast.alice).order_by("id")
    phone.post(f"/settings/sessions/{older.pk}/end/")
    answer = laptop.get("/settings/")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/settings/")
    assert phone.get("/settings/").status_code == 200
    assert actions.live_sessions(cast.alice).get() == newer


def test_the_api_answers_an_ended_session_with_401(cast: Cast, client_for: Callable[[Person], Client]) -> None:
    client = client_for(cast.alice)
    assert client.get("/api/v1/me").status_code == 200
    actions.end_other_sessions(cast.alice, except_session=None, reason="ended elsewhere")
    answer = client.get("/api/v1/me")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


def test_a_deactivated_person_is_refused_at_the_next_request(
    cast: Cast, client_for: Callable[[Person], Client]
) -> None:
    client = client_for(cast.bob)
    actions.deactivate(cast.adam, person=cast.bob, reason="left")
    assert client.get("/settings/").status_code == 302
    assert client.get("/api/v1/me").status_code == 401
    actions.reactivate(cast.adam, person=cast.bob, reason="came back")
    assert client.get("/settings/").status_code == 302  # the old cookie stays dead


def test_nobody_ends_anothers_session(cast: Cast, client_for: Callable[[Person], Client]) -> None:
    client_for(cast.alice)
    session = SignInSession.objects.get(person=cast.alice)
    theirs = client_for(cast.bob).post(f"/settings/sessions/{session.pk}/end/")
    absent = client_for(cast.bob).post(f"/settings/sessions/{10**9}/end/")
    assert (theirs.status_code, absent.status_code) == (404, 404)
    assert actions.live_sessions(cast.alice).count() == 1


def test_a_password_change_keeps_this_session_and_ends_the_others(
    cast: Cast, client_for: Callable[[Person], Client]
) -> None:
    here, elsewhere = client_for(cast.alice), client_for(cast.alice)
    new = {"oldpassword": PASSWORD, "password1": "another-harbour-lantern", "password2": "another-harbour-lantern"}
    assert here.post("/accounts/password/change/", new).status_code == 302
    assert here.get("/settings/").status_code == 200
    assert elsewhere.get("/settings/").status_code == 302
    kinds = [entry.kind for entry in ledger.read_stream(f"person:{cast.alice.pk}")]
    assert kinds[-2:] == ["password.changed", "session.ended"]
    assert attempt(cast.alice.email, PASSWORD, address=THERE)[0] == 200
    assert attempt(cast.alice.email, "another-harbour-lantern", address=THERE)[0] == 302


def test_a_reset_by_mail_works_once_and_ends_every_session(cast: Cast, client_for: Callable[[Person], Client]) -> None:
    client = client_for(cast.alice)
    assert Client().post("/accounts/password/reset/", {"email": cast.alice.email}).status_code == 302
    link = next(word for word in str(mail.outbox[0].body).split() if "/password/reset/key/" in word)
    browser = Client()
    page = browser.get(link, follow=True)
    new = {"password1": "another-harbour-lantern", "password2": "another-harbour-lantern"}
    assert browser.post(page.redirect_chain[-1][0], new).status_code == 302
    assert client.get("/settings/").status_code == 302
    assert not actions.live_sessions(cast.alice).exists()
    assert "token_fail" in Client().get(link).context
    assert attempt(cast.alice.email, "another-harbour-lantern")[0] == 302


def test_a_reset_says_the_same_for_an_unknown_address_and_mails_nobody(cast: Cast) -> None:
    known, unknown = (
        Client().post("/accounts/password/reset/", {"email": email}) for email in (cast.alice.email, "x@y.example")
    )
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert [message.to for message in mail.outbox] == [[cast.alice.email]]


@pytest.mark.parametrize("path", ["signup", "email", "inactive", "reauthenticate", "password/set"])
def test_pages_of_allauth_that_we_do_not_use_do_not_exist(cast: Cast, path: str) -> None:
    assert Client().get(f"/accounts/{path}/").status_code == 404
