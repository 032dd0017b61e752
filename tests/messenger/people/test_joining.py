"""Invitations work once and for a week; deactivation takes everything away at once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from archive import ledger
from messenger.people import actions
from messenger.people.errors import Conflict, Invalid, NotAllowed, NotFound
from messenger.people.models import Invitation, Person, Revocation
from tests.cast import PASSWORD, Cast, give_role


def kinds(stream: str) -> list[str]:
    return [entry.kind for entry in ledger.read_stream(stream)]


def test_an_invitation_makes_an_account_once(cast: Cast) -> None:
    _, secret = actions.invite(cast.adam, email="Eve@Firm.example", name=" Eve  Ng ")
    eve = actions.accept_invitation(secret, password=PASSWORD)
    assert (eve.email, eve.name, eve.roles) == ("eve@firm.example", "Eve Ng", {"employee"})
    assert kinds(f"person:{eve.pk}") == ["person.joined"]
    with pytest.raises(NotFound):
        actions.accept_invitation(secret, password=PASSWORD)
    assert Person.objects.filter(email="eve@firm.example").count() == 1


def test_the_secret_of_an_invitation_is_kept_nowhere(cast: Cast) -> None:
    invitation, secret = actions.invite(cast.adam, email="eve@firm.example", name="Eve")
    assert secret not in str(Invitation.objects.filter(pk=invitation.pk).values().get())


def test_an_expired_a_tampered_and_an_unknown_invitation_look_the_same(cast: Cast) -> None:
    _, secret = actions.invite(cast.adam, email="eve@firm.example", name="Eve")
    in_time, too_late = timezone.now() + timedelta(days=6, hours=23), timezone.now() + timedelta(days=7, seconds=1)
    said = set()
    for wrong, at in ((secret, too_late), (secret[:-1] + "~", in_time), ("", in_time), ("\x00", in_time)):
        with pytest.raises(NotFound) as refusal:
            actions.accept_invitation(wrong, password=PASSWORD, at=at)
        said.add(refusal.value.message)
    assert len(said) == 1
    assert actions.accept_invitation(secret, password=PASSWORD, at=in_time).name == "Eve"


def test_a_weak_password_leaves_the_invitation_open(cast: Cast) -> None:
    _, secret = actions.invite(cast.adam, email="eve@firm.example", name="Eve")
    with pytest.raises(Invalid) as refusal:
        actions.accept_invitation(secret, password="short")
    assert refusal.value.field == "password"
    assert actions.accept_invitation(secret, password=PASSWORD).name == "Eve"


def test_a_new_invitation_replaces_the_one_before(cast: Cast) -> None:
    _, first = actions.invite(cast.adam, email="eve@firm.example", name="Eve")
    _, second = actions.invite(cast.adam, email="eve@firm.example", name="Eve")
    with pytest.raises(NotFound):
        actions.accept_invitation(first, password=PASSWORD)
    assert actions.accept_invitation(second, password=PASSWORD).name == "Eve"


def test_somebody_who_is_in_the_firm_is_not_invited_again(cast: Cast) -> None:
    with pytest.raises(Conflict) as refusal:
        actions.invite(cast.adam, email="ALICE@firm.example", name="Alice")
    assert refusal.value.field == "email"


@pytest.mark.parametrize("name", ["alice", "mona", "cora", "erin"])
def test_only_who_manages_people_invites_and_a_refusal_leaves_no_trace(cast: Cast, name: str) -> None:
    size = ledger.latest_checkpoint().size
    with pytest.raises(NotAllowed):
        actions.invite(getattr(cast, name), email="eve@firm.example", name="Eve")
    with pytest.raises(NotAllowed):
        actions.deactivate(getattr(cast, name), person=cast.bob, reason="no right to")
    assert ledger.latest_checkpoint().size == size
    assert not Invitation.objects.filter(email="eve@firm.example").exists()
    assert Person.objects.get(pk=cast.bob.pk).is_active


def test_deactivation_ends_sessions_tokens_roles_and_sent_invitations(cast: Cast) -> None:
    ada = give_role(cast.bob, role="administrator", asked_by=cast.adam, granted_by=cast.cora)
    session = actions.start_session(ada, session_key="k" * 32, address="10.0.0.1", agent="Browser")
    _, token = actions.create_token(ada, name="calendar")
    _, invitation = actions.invite(ada, email="friend@elsewhere.example", name="Friend")
    assert actions.session_is_live("k" * 32)
    assert actions.person_for_token(token) == ada

    gone = actions.deactivate(cast.adam, person=ada, reason="left the firm")

    assert not gone.is_active
    assert gone.capabilities == frozenset()
    assert not actions.session_is_live("k" * 32)
    assert actions.person_for_token(token) is None
    with pytest.raises(NotFound):
        actions.accept_invitation(invitation, password=PASSWORD)
    assert Revocation.objects.filter(person=ada, session=None).exists()
    expected = ["person.deactivated", "role.revoked", "session.ended", "token.revoked"]
    assert kinds(f"person:{ada.pk}")[-4:] == expected
    session.refresh_from_db()
    assert session.ended_at is not None


def test_deactivating_twice_is_harmless(cast: Cast) -> None:
    actions.deactivate(cast.adam, person=cast.bob, reason="left")
    size = ledger.latest_checkpoint().size
    actions.deactivate(cast.adam, person=cast.bob, reason="left")
    assert ledger.latest_checkpoint().size == size


def test_nobody_deactivates_themselves(cast: Cast) -> None:
    with pytest.raises(NotAllowed):
        actions.deactivate(cast.adam, person=cast.adam, reason="holiday")
    assert Person.objects.get(pk=cast.adam.pk).is_active


def test_who_comes_back_has_no_role_no_session_and_no_token(cast: Cast) -> None:
    actions.start_session(cast.mona, session_key="k" * 32, address="10.0.0.1", agent="Browser")
    _, token = actions.create_token(cast.mona, name="calendar")
    actions.deactivate(cast.adam, person=cast.mona, reason="long leave")
    back = actions.reactivate(cast.adam, person=cast.mona, reason="is back")
    assert back.is_active
    assert back.roles == {"employee"}
    assert not actions.session_is_live("k" * 32)
    assert actions.person_for_token(token) is None


def test_a_row_loaded_before_a_deactivation_gives_no_right(cast: Cast) -> None:
    ada = give_role(cast.bob, role="administrator", asked_by=cast.adam, granted_by=cast.cora)
    assert ada.can("people.manage")
    actions.deactivate(cast.adam, person=ada, reason="left")
    with pytest.raises(NotAllowed):
        actions.invite(ada, email="eve@firm.example", name="Eve")
