"""A role above employee takes two people, and none of the four ways to cheat works."""

from collections.abc import Callable

import pytest

from archive import ledger
from messenger.people import actions
from messenger.people.errors import Conflict, Invalid, NotAllowed
from messenger.people.models import Grant, Person, Revocation, RoleRequest
from tests.cast import Cast, give_role


def now(person: Person) -> Person:
    return Person.objects.get(pk=person.pk)


def ask(cast: Cast, person: Person, role: str = "reviewer") -> RoleRequest:
    return actions.request_role(cast.adam, person=person, role=role, reason="The work needs it")


def test_a_role_is_asked_for_by_one_and_given_by_another(cast: Cast) -> None:
    request = ask(cast, cast.bob)
    assert now(cast.bob).roles == {"employee"}
    actions.grant_role(cast.cora, request=request)
    assert now(cast.bob).roles == {"employee", "reviewer"}
    entry = ledger.read_stream(f"person:{cast.bob.pk}")[-1]
    assert entry.kind == "role.granted"
    assert entry.content["actor"]["name"] == "Cora"
    assert entry.content["requested_by"]["name"] == "Adam"


def test_a_refused_role_is_not_held(cast: Cast) -> None:
    request = actions.refuse_role(cast.cora, request=ask(cast, cast.bob))
    assert request.state == RoleRequest.REFUSED
    assert now(cast.bob).roles == {"employee"}
    with pytest.raises(Conflict):
        actions.grant_role(cast.carl, request=request)


@pytest.mark.parametrize("decide", [actions.grant_role, actions.refuse_role])
def test_cheat_1_who_asked_cannot_decide(cast: Cast, decide: Callable[..., RoleRequest]) -> None:
    request = ask(cast, cast.bob)
    size = ledger.latest_checkpoint().size
    assert cast.adam.can("roles.approve")
    with pytest.raises(NotAllowed):
        decide(cast.adam, request=request)
    assert now(cast.bob).roles == {"employee"}
    assert RoleRequest.objects.get(pk=request.pk).state == RoleRequest.WAITING
    assert ledger.latest_checkpoint().size == size


def test_cheat_2_who_gains_cannot_decide(cast: Cast) -> None:
    request = ask(cast, cast.cora)
    assert cast.cora.can("roles.approve")
    with pytest.raises(NotAllowed):
        actions.grant_role(cast.cora, request=request)
    assert "reviewer" not in now(cast.cora).roles
    actions.grant_role(cast.carl, request=request)  # the control: somebody else can
    assert "reviewer" in now(cast.cora).roles


def test_cheat_3_a_second_decision_changes_nothing(cast: Cast) -> None:
    request = ask(cast, cast.bob)
    stale = RoleRequest.objects.get(pk=request.pk)
    actions.refuse_role(cast.cora, request=request)
    size = ledger.latest_checkpoint().size
    with pytest.raises(Conflict):
        actions.grant_role(cast.carl, request=stale)
    assert ledger.latest_checkpoint().size == size
    assert not Grant.objects.filter(person=cast.bob).exists()


def test_cheat_4_who_was_demoted_cannot_decide_with_an_old_page(cast: Cast) -> None:
    request = ask(cast, cast.bob)
    carl_before = now(cast.carl)
    assert carl_before.can("roles.approve")
    actions.revoke_role(cast.adam, person=cast.carl, role="officer", reason="moved to sales")
    with pytest.raises(NotAllowed):
        actions.grant_role(carl_before, request=request)
    assert now(cast.bob).roles == {"employee"}


@pytest.mark.parametrize("name", ["alice", "mona", "cora", "erin"])
def test_only_an_administrator_asks(cast: Cast, name: str) -> None:
    with pytest.raises(NotAllowed):
        actions.request_role(getattr(cast, name), person=cast.bob, role="reviewer", reason="please")


@pytest.mark.parametrize("name", ["alice", "mona", "erin"])
def test_who_holds_no_right_to_approve_decides_nothing(cast: Cast, name: str) -> None:
    request = ask(cast, cast.bob)
    with pytest.raises(NotAllowed):
        actions.grant_role(getattr(cast, name), request=request)


def test_the_same_role_is_asked_for_once_at_a_time(cast: Cast) -> None:
    ask(cast, cast.bob)
    with pytest.raises(Conflict):
        ask(cast, cast.bob)
    with pytest.raises(Conflict):
        ask(cast, cast.mona)  # she holds it


@pytest.mark.parametrize("role", ["employee", "king", ""])
def test_an_unknown_role_is_named(cast: Cast, role: str) -> None:
    with pytest.raises(Invalid) as refusal:
        ask(cast, cast.bob, role)
    assert refusal.value.field == "role"


@pytest.mark.parametrize("role", ["reviewer", "officer"])
def test_an_administrator_cannot_become_a_reader_of_content(cast: Cast, role: str) -> None:
    with pytest.raises(Invalid):
        actions.request_role(cast.adam, person=cast.adam, role=role, reason="curious")


def test_two_waiting_requests_do_not_make_a_reading_administrator(cast: Cast) -> None:
    reading, administering = ask(cast, cast.bob, "reviewer"), ask(cast, cast.bob, "administrator")
    actions.grant_role(cast.cora, request=administering)
    with pytest.raises(Invalid):
        actions.grant_role(cast.cora, request=reading)
    assert now(cast.bob).roles == {"employee", "administrator"}
    assert RoleRequest.objects.get(pk=reading.pk).state == RoleRequest.WAITING


def test_an_examiner_holds_no_other_role_and_an_employee_is_no_examiner(cast: Cast) -> None:
    for person, role in ((cast.erin, "officer"), (cast.bob, "examiner")):
        with pytest.raises(Invalid):
            ask(cast, person, role)


def test_a_role_of_somebody_deactivated_is_not_granted(cast: Cast) -> None:
    request = ask(cast, cast.bob)
    actions.deactivate(cast.adam, person=cast.bob, reason="left")
    with pytest.raises(Invalid):
        actions.grant_role(cast.cora, request=request)


def test_ending_a_role_ends_its_rights_and_tells_the_open_sockets(cast: Cast) -> None:
    actions.revoke_role(cast.adam, person=cast.mona, role="reviewer", reason="moved")
    assert not now(cast.mona).can("reports.view")
    assert Revocation.objects.filter(person=cast.mona, session=None).count() == 1
    with pytest.raises(Conflict):
        actions.revoke_role(cast.adam, person=cast.mona, role="reviewer", reason="moved")
    give_role(cast.mona, role="reviewer", asked_by=cast.adam, granted_by=cast.cora)
    assert now(cast.mona).can("reports.view")


def test_nobody_ends_their_own_role(cast: Cast) -> None:
    with pytest.raises(NotAllowed):
        actions.revoke_role(cast.adam, person=cast.adam, role="administrator", reason="tired")
