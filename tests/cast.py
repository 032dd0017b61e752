"""The cast: the people whom every test knows, built by the product's own actions.

alice and bob work together. charlie is in the firm and in none of their conversations; dana is on the other side of the
wall. mona reviews, carl and cora are compliance officers, erin examines, adam administers. The contact has a phone.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from django.core.cache import cache
from django.test import Client

from messenger.people import actions, roles
from messenger.people.models import Contact, Person
from tests.built_once import built_once

PASSWORD = "quiet-harbour-lantern-42"  # the same for everybody, so that a test can sign anybody in
EMPLOYEES = ("alice", "bob", "charlie", "dana", "mona", "carl")
CONTACT_NUMBER = "+1 202 555 0147"
# Guesses are limited by address: every client comes from an address of its own.
ADDRESSES = (f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in itertools.count(1))


@dataclass(frozen=True)
class Cast:
    """Everybody by name; what each may do is in the module's first lines."""

    alice: Person
    bob: Person
    charlie: Person
    dana: Person
    mona: Person
    carl: Person
    cora: Person
    erin: Person
    adam: Person
    contact: Contact


def email_of(name: str) -> str:
    return f"{name}@firm.example"


def hire(name: str, *, by: Person, is_examiner: bool = False) -> Person:
    """Invite somebody and let them accept."""
    _, secret = actions.invite(by, email=email_of(name), name=name.title(), is_examiner=is_examiner)
    return actions.accept_invitation(secret, password=PASSWORD)


def give_role(person: Person, *, role: str, asked_by: Person, granted_by: Person) -> Person:
    """Give a role by two people, and return a fresh row that knows it."""
    request = actions.request_role(asked_by, person=person, role=role, reason="The work needs it")
    actions.grant_role(granted_by, request=request)
    return Person.objects.get(pk=person.pk)


def build_cast() -> Cast:
    adam, cora = actions.found_firm(
        "Harbour & Vale",
        admin_name="Adam",
        admin_email=email_of("adam"),
        admin_password=PASSWORD,
        officer_name="Cora",
        officer_email=email_of("cora"),
        officer_password=PASSWORD,
    )
    people = {name: hire(name, by=adam) for name in EMPLOYEES}
    people["erin"] = hire("erin", by=adam, is_examiner=True)
    for name, role in (("mona", roles.REVIEWER), ("carl", roles.OFFICER), ("erin", roles.EXAMINER)):
        people[name] = give_role(people[name], role=role, asked_by=adam, granted_by=cora)
    contact = actions.add_contact(people["alice"], name="Pat Client", number=CONTACT_NUMBER)
    return Cast(**people, adam=adam, cora=cora, contact=contact)


@pytest.fixture
def cast(db: None) -> Cast:
    return built_once(build_cast)


@pytest.fixture
def client_for() -> Callable[[Person], Client]:
    """Return a function that signs a person in through the sign-in page and returns their browser."""
    return sign_in


def sign_in(person: Person) -> Client:
    client = Client(REMOTE_ADDR=next(ADDRESSES))
    answer = client.post("/accounts/login/", {"login": person.email, "password": PASSWORD})
    assert answer.status_code == 302, f"{person.email} was not signed in: {answer.status_code}"
    return client


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    """Counters of guesses and other cached things must not reach the next test."""
    yield
    cache.clear()
