"""Two people act at the same moment, on committed data: there is one winner, and the record tells one story."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from archive import ledger
from messenger.people import actions
from messenger.people.errors import Conflict, Denial, NotAllowed, NotFound
from messenger.people.models import Grant, Person
from tests.cast import PASSWORD, build_cast, give_role

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 3


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Run the acts in threads that start together; return what each returned or how it was refused."""
    barrier, results = threading.Barrier(len(acts)), [None] * len(acts)

    def run(index: int) -> None:
        try:
            barrier.wait(timeout=10)
            results[index] = acts[index]()
        except Denial as denial:
            results[index] = denial
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert None not in results, "a thread did not end, or failed in a way that is no refusal"
    return results


def kinds(person: Person) -> list[str]:
    return [entry.kind for entry in ledger.read_stream(f"person:{person.pk}")]


def test_two_decisions_at_once_have_one_winner() -> None:
    cast = build_cast()
    for turn in range(ROUNDS):
        bob = cast.bob if turn == 0 else hire_new(cast.adam, turn)
        request = actions.request_role(cast.adam, person=bob, role="reviewer", reason="The work needs it")
        results = at_once(
            lambda request=request: actions.grant_role(cast.cora, request=request),
            lambda request=request: actions.refuse_role(cast.carl, request=request),
        )
        assert [isinstance(result, Conflict) for result in results].count(True) == 1
        was_granted = not isinstance(results[0], Conflict)
        assert Grant.objects.filter(person=bob).exists() == was_granted
        assert kinds(bob).count("role.granted") + kinds(bob).count("role.refused") == 1


def hire_new(by: Person, turn: int) -> Person:
    _, secret = actions.invite(by, email=f"new{turn}@firm.example", name=f"New {turn}")
    return actions.accept_invitation(secret, password=PASSWORD)


def test_one_invitation_opened_twice_at_once_makes_one_person() -> None:
    cast = build_cast()
    for turn in range(ROUNDS):
        _, secret = actions.invite(cast.adam, email=f"eve{turn}@firm.example", name="Eve")
        results = at_once(*[lambda s=secret: actions.accept_invitation(s, password=PASSWORD)] * 2)
        assert sorted((type(result) for result in results), key=str) == [NotFound, Person]
        eve = Person.objects.get(email=f"eve{turn}@firm.example")
        assert kinds(eve) == ["person.joined"]


def test_two_administrators_who_deactivate_each_other_leave_one() -> None:
    cast = build_cast()
    eva = give_role(cast.bob, role="administrator", asked_by=cast.adam, granted_by=cast.cora)
    results = at_once(
        lambda: actions.deactivate(cast.adam, person=eva, reason="dispute"),
        lambda: actions.deactivate(eva, person=cast.adam, reason="dispute"),
    )
    assert [isinstance(result, NotAllowed) for result in results].count(True) == 1
    assert Person.objects.filter(pk__in=(cast.adam.pk, eva.pk), is_active=True).count() == 1


def test_a_demotion_and_a_decision_at_once_end_in_their_order() -> None:
    """Either the decision came first and counts, or the demotion did and the decision was refused."""
    cast = build_cast()
    request = actions.request_role(cast.adam, person=cast.bob, role="reviewer", reason="The work needs it")
    _, decision = at_once(
        lambda: actions.revoke_role(cast.adam, person=cast.carl, role="officer", reason="moved") or "revoked",
        lambda: actions.grant_role(cast.carl, request=request),
    )
    revoked = next(e.seq for e in ledger.read_stream(f"person:{cast.carl.pk}") if e.kind == "role.revoked")
    granted = [e.seq for e in ledger.read_stream(f"person:{cast.bob.pk}") if e.kind == "role.granted"]
    assert granted == [] if isinstance(decision, NotAllowed) else granted[0] < revoked
