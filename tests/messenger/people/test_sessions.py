"""Sessions and tokens: kept as digests, ended for good, each end announced."""

from datetime import timedelta

import pytest
from django.utils import timezone

from archive import ledger
from messenger.people import actions
from messenger.people.errors import Invalid, NotAllowed, NotFound
from messenger.people.models import ApiToken, Person, Revocation, SignInSession
from tests.cast import Cast

A, B, C = "a" * 32, "b" * 32, "c" * 32


def begin(person: Person, key: str) -> SignInSession:
    return actions.start_session(person, session_key=key, address="10.0.0.1", agent="Browser\n1")


def kinds(person: Person) -> list[str]:
    return [entry.kind for entry in ledger.read_stream(f"person:{person.pk}")]


def test_a_sign_in_is_recorded_once_and_its_key_is_kept_nowhere(cast: Cast) -> None:
    first, again = begin(cast.alice, A), begin(cast.alice, A)
    assert first == again
    assert kinds(cast.alice).count("session.started") == 1
    assert A not in str(SignInSession.objects.filter(pk=first.pk).values().get())
    assert first.agent == "Browser\ufffd1"


def test_ending_a_session_is_recorded_and_announced_once(cast: Cast) -> None:
    session = begin(cast.alice, A)
    begin(cast.alice, B)
    actions.end_session(session, reason="ended elsewhere")
    actions.end_session(session, reason="ended elsewhere")
    assert not actions.session_is_live(A)
    assert actions.session_is_live(B)
    assert kinds(cast.alice).count("session.ended") == 1
    assert Revocation.objects.filter(session=session).count() == 1


def test_ending_the_others_keeps_this_one_and_other_people(cast: Cast) -> None:
    own = begin(cast.alice, A)
    begin(cast.alice, B)
    begin(cast.bob, C)
    assert actions.end_other_sessions(cast.alice, except_session=own, reason="ended elsewhere") == 1
    assert [actions.session_is_live(key) for key in (A, B, C)] == [True, False, True]
    assert actions.end_other_sessions(cast.alice, except_session=None, reason="ended elsewhere") == 1
    assert [actions.session_is_live(key) for key in (A, B, C)] == [False, False, True]


def test_a_session_dies_of_age(cast: Cast) -> None:
    session = begin(cast.alice, A)
    day_13, day_15 = (session.started_at + timedelta(days=days) for days in (13, 15))
    assert actions.live_session(A, at=day_13) == session
    assert actions.live_session(A, at=day_15) is None


@pytest.mark.parametrize("key", [None, "", "d" * 32, "\x00"])
def test_an_unknown_key_is_no_session(cast: Cast, key: str | None) -> None:
    begin(cast.alice, A)
    assert not actions.session_is_live(key)


def test_a_changed_password_ends_the_other_sessions_in_one_act(cast: Cast) -> None:
    own, other = begin(cast.alice, A), begin(cast.alice, B)
    actions.change_password(cast.alice, password="another-harbour-lantern", except_session=own)
    assert actions.session_is_live(A)
    assert not actions.session_is_live(B)
    assert Revocation.objects.filter(session=other).exists()
    assert kinds(cast.alice)[-2:] == ["password.changed", "session.ended"]
    assert Person.objects.get(pk=cast.alice.pk).check_password("another-harbour-lantern")


def test_a_token_opens_until_it_is_revoked(cast: Cast) -> None:
    token, secret = actions.create_token(cast.alice, name="calendar")
    assert actions.person_for_token(secret) == cast.alice
    assert actions.person_for_token(secret[:-1]) is None
    assert secret not in str(ApiToken.objects.values().get())
    actions.revoke_token(cast.alice, token=token)
    actions.revoke_token(cast.alice, token=token)
    assert actions.person_for_token(secret) is None
    assert kinds(cast.alice)[-2:] == ["token.created", "token.revoked"]


def test_nobody_revokes_anothers_token(cast: Cast) -> None:
    token, secret = actions.create_token(cast.alice, name="calendar")
    with pytest.raises(NotFound):
        actions.revoke_token(cast.bob, token=token)
    assert actions.person_for_token(secret) == cast.alice


def test_a_token_needs_a_name_and_an_active_person(cast: Cast) -> None:
    with pytest.raises(Invalid):
        actions.create_token(cast.alice, name="  ")
    actions.deactivate(cast.adam, person=cast.bob, reason="left")
    with pytest.raises(NotAllowed):
        actions.create_token(cast.bob, name="calendar")


def test_a_refused_sign_in_is_in_the_persons_stream_or_in_the_firms(cast: Cast) -> None:
    actions.record_refused_sign_in("ALICE@firm.example", address="10.0.0.9", reason="wrong", at=timezone.now())
    actions.record_refused_sign_in("nobody@firm.example\ud800", address="10.0.0.9", reason="wrong")
    assert kinds(cast.alice)[-1] == "session.refused"
    stranger = ledger.read_stream("system")[-1]
    assert (stranger.kind, stranger.content["login"]) == ("session.refused", "nobody@firm.example\ufffd")
