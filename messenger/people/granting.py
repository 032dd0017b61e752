"""Roles above employee: asked for by one person, decided by another, never by the one who gains.

The worst case here is somebody who makes themselves a reader of other people's words. Every decision re-reads, inside
its transaction, who decides and what they may do at that moment; a race has one winner.
"""

from datetime import datetime

from django.db import IntegrityError
from django.utils import timezone

from archive import events, ledger
from messenger.people import roles
from messenger.people.checks import clean_reason
from messenger.people.errors import Conflict, Invalid, NotAllowed
from messenger.people.models import Grant, Person, Revocation, RoleRequest
from messenger.people.standing import as_now, require


def request_role(by: Person, *, person: Person, role: str, reason: str, at: datetime | None = None) -> RoleRequest:
    """Ask that somebody be given a role. Raises NotAllowed, Invalid("role" or "reason"), Conflict("role")."""
    try:
        return _request(by, person=person, role=role, reason=clean_reason(reason), at=at or timezone.now())
    except IntegrityError as error:
        raise Conflict("role", "This role has been asked for already and waits for a decision.") from error


@ledger.transaction()
def _request(by: Person, *, person: Person, role: str, reason: str, at: datetime) -> RoleRequest:
    rows = as_now([by, person])
    actor, person = require(rows[by.pk], "roles.request"), rows[person.pk]
    _check_fits(person, role)
    request = RoleRequest.objects.create(person=person, role=role, reason=reason, asked_by=actor, asked_at=at)
    ledger.record(
        events.RoleRequested(
            stream=f"person:{person.pk}",
            actor=actor.as_actor(),
            at=at,
            person=person.as_actor(),
            role=role,
            reason=reason,
        )
    )
    return request


def _check_fits(person: Person, role: str) -> None:
    """Raise unless the role may stand beside what the person is: readers of content are never administrators."""
    if role not in roles.PRIVILEGED_ROLES:
        raise Invalid("role", f"Choose one of: {', '.join(sorted(roles.PRIVILEGED_ROLES))}.")
    if not person.is_active:
        raise Invalid("person", f"{person.name} is deactivated.")
    if role in person.roles:
        raise Conflict("role", f"{person.name} has this role already.")
    if person.is_examiner != (role == roles.EXAMINER):
        raise Invalid("role", "An examiner only reads: the role is for outside examiners, and they have no other.")
    readers = {roles.REVIEWER, roles.OFFICER, roles.EXAMINER}
    if (role == roles.ADMINISTRATOR and person.roles & readers) or (
        role in readers and roles.ADMINISTRATOR in person.roles
    ):
        raise Invalid("role", "An administrator cannot read content: end the other role first.")


@ledger.transaction()
def grant_role(by: Person, *, request: RoleRequest, at: datetime | None = None) -> RoleRequest:
    """Give the role that was asked for.

    Raises NotAllowed (no right to approve, asker, beneficiary), Conflict (decided already), Invalid("role").
    """
    at = at or timezone.now()
    decider, request = _decide(by, request=request, state=RoleRequest.GRANTED, at=at)
    _check_fits(request.person, request.role)
    ledger.record(
        events.RoleGranted(
            stream=f"person:{request.person.pk}",
            actor=decider.as_actor(),
            at=at,
            person=request.person.as_actor(),
            role=request.role,
            requested_by=request.asked_by.as_actor(),
            reason=request.reason,
        )
    )
    Grant.objects.create(person=request.person, role=request.role, granted_at=at)
    return request


@ledger.transaction()
def refuse_role(by: Person, *, request: RoleRequest, at: datetime | None = None) -> RoleRequest:
    """Turn the request down; the same people may decide who may grant it."""
    at = at or timezone.now()
    decider, request = _decide(by, request=request, state=RoleRequest.REFUSED, at=at)
    ledger.record(
        events.RoleRefused(
            stream=f"person:{request.person.pk}",
            actor=decider.as_actor(),
            at=at,
            person=request.person.as_actor(),
            role=request.role,
            requested_by=request.asked_by.as_actor(),
            reason=request.reason,
        )
    )
    return request


def _decide(by: Person, *, request: RoleRequest, state: str, at: datetime) -> tuple[Person, RoleRequest]:
    """Take the decision for this person, or raise; returns fresh rows of the decider and of the request."""
    request = RoleRequest.objects.select_related("person", "asked_by").get(pk=request.pk)
    rows = as_now([by, request.person])
    decider, request.person = require(rows[by.pk], "roles.approve"), rows[request.person.pk]
    if decider.pk in (request.asked_by_id, request.person_id):
        raise NotAllowed("Another person must decide: neither who asked nor who gains.")
    waiting = RoleRequest.objects.filter(pk=request.pk, state=RoleRequest.WAITING)
    if not waiting.update(state=state, decided_by=decider, decided_at=at):
        raise Conflict("request", "This request has been decided already.")
    request.refresh_from_db(fields=["state", "decided_by", "decided_at"])
    return decider, request


@ledger.transaction()
def revoke_role(by: Person, *, person: Person, role: str, reason: str, at: datetime | None = None) -> None:
    """End a role now; open sockets of the person are told to begin again with what is left.

    Raises NotAllowed (not an administrator, or one's own role), Conflict("role") when it is not held.
    """
    at = at or timezone.now()
    reason = clean_reason(reason)
    rows = as_now([by, person])
    actor, person = require(rows[by.pk], "people.manage"), rows[person.pk]
    if actor == person:
        raise NotAllowed("Nobody ends their own role: ask another administrator.")
    if role not in person.roles or not Grant.objects.filter(person=person, role=role, ended_at=None).update(
        ended_at=at
    ):
        raise Conflict("role", f"{person.name} does not have this role.")
    ledger.record(
        events.RoleRevoked(
            stream=f"person:{person.pk}",
            actor=actor.as_actor(),
            at=at,
            person=person.as_actor(),
            role=role,
            reason=reason,
        )
    )
    Revocation.objects.create(person=person, at=at)
