"""The first run: the firm, its first administrator and its first compliance officer come to be, once.

This is the only place where roles are given without a second person; it must work only while there is no firm.
"""

from datetime import datetime

from django.utils import timezone

from archive import events, ledger
from messenger.people import roles
from messenger.people.checks import clean_email, clean_name, clean_password
from messenger.people.errors import AlreadyFounded, Invalid
from messenger.people.models import Firm, Grant, Person


def is_founded() -> bool:
    return Firm.objects.exists()


@ledger.transaction()
def found_firm(
    name: str,
    *,
    admin_name: str,
    admin_email: str,
    admin_password: str,
    officer_name: str,
    officer_email: str,
    officer_password: str,
    at: datetime | None = None,
) -> tuple[Person, Person]:
    """Found the firm with an administrator and a compliance officer, who are two people.

    Raises Invalid (field names as the arguments) and AlreadyFounded.
    """
    at = at or timezone.now()
    firm_name = clean_name(name)
    admin = _first_person("admin", name=admin_name, email=admin_email, password=admin_password, at=at)
    officer = _first_person("officer", name=officer_name, email=officer_email, password=officer_password, at=at)
    if admin.email == officer.email:
        raise Invalid("officer_email", "The compliance officer must be somebody else than the administrator.")
    _, is_new = Firm.objects.get_or_create(id=1, defaults={"name": firm_name, "founded_at": at})
    if not is_new:
        raise AlreadyFounded
    Person.objects.bulk_create([admin, officer])
    _give(admin, roles.ADMINISTRATOR, at=at)
    _give(officer, roles.OFFICER, at=at)
    founded = events.FirmFounded(stream="system", actor=events.SYSTEM, at=at, firm=firm_name)
    ledger.record_all([founded, *_arrival(admin, at=at), *_arrival(officer, at=at)])
    return admin, officer


def _first_person(prefix: str, *, name: str, email: str, password: str, at: datetime) -> Person:
    person = Person(
        name=clean_name(name, field=f"{prefix}_name"),
        email=clean_email(email, field=f"{prefix}_email"),
        joined_at=at,
    )
    person.set_password(clean_password(password, person=person, field=f"{prefix}_password"))
    return person


def _give(person: Person, role: str, *, at: datetime) -> None:
    Grant.objects.create(person=person, role=role, granted_at=at)


def _arrival(person: Person, *, at: datetime) -> list[events.Event]:
    """Return the entries of somebody's first day: that they joined and which role they were given."""
    actor, stream = person.as_actor(), f"person:{person.pk}"
    granted = [
        events.RoleGranted(
            stream=stream,
            actor=events.SYSTEM,
            at=at,
            person=actor,
            role=role,
            requested_by=events.SYSTEM,
            reason="first run",
        )
        for role in sorted(person.roles & roles.PRIVILEGED_ROLES)
    ]
    return [events.PersonJoined(stream=stream, actor=actor, at=at, name=person.name, email=person.email), *granted]
