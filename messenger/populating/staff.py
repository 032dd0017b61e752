"""Invented people: invited and joined as the record has it of anybody, many at once.

Like `people.joining` for one; apart from it because a password is hashed slowly on purpose, and here all have the same.
Must not make anybody in a firm of real people.
"""

from collections.abc import Sequence
from datetime import datetime
from random import Random

from archive import events, ledger
from messenger.people.models import Invitation, Person, digest_of, new_secret
from messenger.populating.phrases import FIRST_NAMES, LAST_NAMES


@ledger.transaction()
def hire_all(by: Person, *, names: Sequence[str], domain: str, at: datetime) -> list[Person]:
    """Make the accounts of people with these names, with the password of who hires them; return them in this order."""
    people = [
        Person(email=f"{_local_part(name)}.{number}@{domain}", name=name, password=by.password, joined_at=at)
        for number, name in enumerate(names, start=1)
    ]
    Person.objects.bulk_create(people)
    Invitation.objects.bulk_create(_accepted(person, by=by, at=at) for person in people)
    actor = by.as_actor()
    ledger.record_all([event for person in people for event in _arrival(person, by=actor, at=at)])
    return people


def draw_names(rng: Random, count: int) -> list[str]:
    """Return names of people; two may have the same one, as in life."""
    return [f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}" for _ in range(count)]


def _local_part(name: str) -> str:
    return name.casefold().replace(" ", ".")


def _accepted(person: Person, *, by: Person, at: datetime) -> Invitation:
    return Invitation(
        email=person.email,
        name=person.name,
        digest=digest_of(new_secret()),
        invited_by=by,
        invited_at=at,
        expires_at=at,
        accepted_at=at,
        person=person,
    )


def _arrival(person: Person, *, by: events.Actor, at: datetime) -> tuple[events.Event, events.Event]:
    person.keep_roles(())
    return (
        events.PersonInvited(stream="system", actor=by, at=at, email=person.email),
        events.PersonJoined(
            stream=f"person:{person.pk}", actor=person.as_actor(), at=at, name=person.name, email=person.email
        ),
    )
