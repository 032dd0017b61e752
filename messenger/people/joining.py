"""People come and go: invitations, deactivation, return.

Nobody is deleted. Deactivation takes every access away at once, roles included: one person alone gives none back.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError
from django.utils import timezone

from archive import events, ledger
from messenger.people.checks import clean_email, clean_name, clean_password, clean_reason
from messenger.people.errors import Conflict, NotAllowed, NotFound
from messenger.people.models import Invitation, Person, Revocation, digest_of, is_expired, new_secret
from messenger.people.sessions import close_sessions
from messenger.people.standing import acting, as_now, require
from messenger.people.tokens import close_tokens

INVITATION_LIFE: Final = timedelta(days=7)


@ledger.transaction()
def invite(
    by: Person, *, email: str, name: str, is_examiner: bool = False, at: datetime | None = None
) -> tuple[Invitation, str]:
    """Invite somebody and return the row with the secret of the link, which is kept nowhere.

    A new invitation for the same address replaces the one before. Raises NotAllowed, Invalid, Conflict("email").
    """
    at = at or timezone.now()
    by = acting(by, "people.manage")
    email, name, secret = clean_email(email), clean_name(name), new_secret()
    if Person.objects.filter(email__iexact=email).exists():
        raise Conflict("email", "Somebody with this address is in the firm already.")
    Invitation.objects.filter(email=email, accepted_at=None, expires_at__gt=at).update(expires_at=at)
    invitation = Invitation.objects.create(
        email=email,
        name=name,
        is_examiner=is_examiner,
        digest=digest_of(secret),
        invited_by=by,
        invited_at=at,
        expires_at=at + INVITATION_LIFE,
    )
    ledger.record(events.PersonInvited(stream="system", actor=by.as_actor(), at=at, email=email))
    return invitation, secret


def open_invitation(secret: str, *, at: datetime) -> Invitation:
    """Return the invitation that the secret opens; unknown, used and expired raise the same NotFound."""
    invitation = Invitation.objects.filter(digest=digest_of(secret)).first()
    if invitation is None or is_expired(invitation, at=at):
        raise NotFound("This invitation cannot be used. Ask for a new one.")
    return invitation


def accept_invitation(secret: str, *, password: str, at: datetime | None = None) -> Person:
    """Make the account of the person invited; the link works once.

    Raises NotFound (unknown, used, expired), Invalid("password"), Conflict("email").
    """
    at = at or timezone.now()
    invitation = open_invitation(secret, at=at)
    person = Person(email=invitation.email, name=invitation.name, is_examiner=invitation.is_examiner, joined_at=at)
    # Hashing is slow on purpose: it must not hold up the record, so it is done before the transaction.
    person.set_password(clean_password(password, person=person))
    try:
        return _join(person, secret=secret, at=at)
    except IntegrityError as error:
        raise Conflict("email", "Somebody with this address is in the firm already.") from error


@ledger.transaction()
def _join(person: Person, *, secret: str, at: datetime) -> Person:
    invitation = open_invitation(secret, at=at)
    person.save()
    Invitation.objects.filter(pk=invitation.pk).update(accepted_at=at, person=person)
    ledger.record(
        events.PersonJoined(
            stream=f"person:{person.pk}", actor=person.as_actor(), at=at, name=person.name, email=person.email
        )
    )
    return person


@ledger.transaction()
def deactivate(by: Person, *, person: Person, reason: str, at: datetime | None = None) -> Person:
    """Take every access of a person away: sessions, sockets, tokens, roles, and the invitations they sent.

    Raises NotAllowed (not an administrator, or oneself) and Invalid("reason"). Doing it again changes nothing.
    """
    at = at or timezone.now()
    reason = clean_reason(reason)
    rows = as_now([by, person])
    actor, person = require(rows[by.pk], "people.manage"), rows[person.pk]
    if actor == person:
        raise NotAllowed("Nobody deactivates themselves: ask another administrator.")
    if not person.is_active:
        return person
    gone = events.PersonDeactivated(
        stream=f"person:{person.pk}", actor=actor.as_actor(), at=at, person=person.as_actor(), reason=reason
    )
    lost_roles = _end_roles(person, actor=actor, reason=reason, at=at)
    Person.objects.filter(pk=person.pk).update(is_active=False)
    Invitation.objects.filter(invited_by=person, accepted_at=None, expires_at__gt=at).update(expires_at=at)
    ended = close_sessions(person, except_session=None, reason="deactivated", at=at)
    ended += close_tokens(person, actor=actor, at=at)
    ledger.record_all([gone, *lost_roles, *ended])
    Revocation.objects.create(person=person, at=at)
    return Person.objects.get(pk=person.pk)


def _end_roles(person: Person, *, actor: Person, reason: str, at: datetime) -> list[events.Event]:
    grants = list(person.grants.filter(ended_at=None).order_by("id"))
    person.grants.filter(ended_at=None).update(ended_at=at)
    return [
        events.RoleRevoked(
            stream=f"person:{person.pk}",
            actor=actor.as_actor(),
            at=at,
            person=person.as_actor(),
            role=grant.role,
            reason=reason,
        )
        for grant in grants
    ]


@ledger.transaction()
def reactivate(by: Person, *, person: Person, reason: str, at: datetime | None = None) -> Person:
    """Let somebody sign in again, as an employee or examiner without any role; tokens and sessions stay ended."""
    at = at or timezone.now()
    reason = clean_reason(reason)
    rows = as_now([by, person])
    actor, person = require(rows[by.pk], "people.manage"), rows[person.pk]
    if person.is_active:
        return person
    Person.objects.filter(pk=person.pk).update(is_active=True)
    ledger.record(
        events.PersonReactivated(
            stream=f"person:{person.pk}", actor=actor.as_actor(), at=at, person=person.as_actor(), reason=reason
        )
    )
    return Person.objects.get(pk=person.pk)
