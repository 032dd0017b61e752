"""Ends of access that come while an act waits for the record: the causes, and the race of one row with one of them.

The act has passed its door and waits for the head's lock, which is held by a transaction of the database; in that
transaction the access ends, and its end is committed before the act gets the lock. Must not judge what it sees.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from django.db import connections
from django.test import Client

from archive import ledger
from archive.ledger import turns
from archive.models import Leaf
from messenger.conversations import membership, opening
from messenger.people import actions as people
from messenger.people.models import ApiToken, Person, SignInSession, digest_of
from tests.cast import PASSWORD, give_role, hire, sign_in
from tests.security.knocking import Answer, Knocker
from tests.security.rows import Row
from tests.security.world import PURPOSE, World, say

LIMIT_S: Final = 30.0
# What does not come to the record's lock is not waited for longer; on SQLite some of it waits for the one write lock.
LOOK_S: Final = 1.0
NEW_GROUP: Final = "new_group"  # as rows name it
ROLE_OF: Final = {
    "reviewer": "reviewer",
    "officer": "officer",
    "second": "officer",
    "examiner": "examiner",
    "administrator": "administrator",
}


@dataclass
class Guest:
    """Somebody who came in a moment ago, and by what."""

    person: Person
    role: str
    knocker: Knocker
    session: SignInSession | None = None
    token: ApiToken | None = None


@dataclass(frozen=True)
class Cause:
    """What ends an access, and what gives the person back what the next race needs."""

    name: str
    end: Callable[["House", Guest], object]
    restore: Callable[["House", Guest], object] = lambda _house, _guest: None


@dataclass
class House:
    """The world, and a second administrator, who ends what the others hold."""

    world: World
    otto: Person = field(init=False)

    def __post_init__(self) -> None:
        who = self.world.people
        adam, cora = who["administrator"], who["second"]
        self.otto = give_role(hire("otto", by=adam), role="administrator", asked_by=adam, granted_by=cora)

    def give_back(self, guest: Guest) -> None:
        """Give somebody the role that their rows need."""
        role, approver = ROLE_OF.get(guest.role), "officer" if guest.role == "second" else "second"
        if role is not None:
            give_role(guest.person, role=role, asked_by=self.otto, granted_by=self.world.people[approver])

    def let_in_by_session(self, row: Row, role: str) -> Guest:
        """Sign somebody in; who reads the record says why."""
        person = Person.objects.get(pk=self.world.people[role].pk)
        client = Client()
        client.force_login(person)
        if row.route.startswith("portal/") and person.can("record.search"):
            client.post("/portal/purpose/", {"text": PURPOSE, "case_reference": "C-7"})
        key = client.session.session_key or ""
        cookies = {name: morsel.value for name, morsel in client.cookies.items()}
        knocker = Knocker(role, cookies=cookies, session_key=key)
        return Guest(person, role, knocker, session=SignInSession.objects.get(key_digest=digest_of(key)))

    def let_in_by_token(self, role: str) -> Guest:
        person = Person.objects.get(pk=self.world.people[role].pk)
        token, secret = people.create_token(person, name="in a hurry")
        knocker = Knocker(role, headers={"Authorization": f"Bearer {secret}"}, session_key=f"token:{token.digest}")
        return Guest(person, role, knocker, token=token)

    def prepare(self, row: Row, guest: Guest) -> None:
        """Have what the row names: what an earlier end has ended too is made anew."""
        self.world.knockers[guest.role] = guest.knocker
        if NEW_GROUP in row.args.values():
            self._open_group(guest.person)
        if "session_id" in row.args:
            key = sign_in(guest.person).session.session_key or ""
            self.world.numbers["other_session"] = SignInSession.objects.get(key_digest=digest_of(key)).pk
        if "token_id" in row.args:
            self.world.numbers["spare_token"] = people.create_token(guest.person, name="a spare one")[0].pk

    def _open_group(self, person: Person) -> None:
        """Open a group of this person's, with something said in it."""
        eve = self.world.people["colleague"]
        group = opening.open_group(eve, title="New", others=[person.pk])
        self.world.numbers |= {NEW_GROUP: group.pk, f"{NEW_GROUP}_n": say(eve, group, "hello").n}

    def remove(self, guest: Guest) -> None:
        eve, group = self.world.people["colleague"], int(self.world.numbers[NEW_GROUP])
        membership.remove_member(eve, conversation_id=group, person_id=guest.person.pk)


def sign_out(_house: House, guest: Guest) -> None:
    assert guest.session is not None
    people.end_session(guest.session, reason="signed out")


def revoke_token(_house: House, guest: Guest) -> None:
    assert guest.token is not None
    people.revoke_token(guest.person, token=guest.token)


def come_back(house: House, guest: Guest) -> None:
    people.reactivate(house.otto, person=guest.person, reason="a mistake")
    house.give_back(guest)


def take_role(house: House, guest: Guest) -> None:
    people.revoke_role(house.otto, person=guest.person, role=ROLE_OF[guest.role], reason="moved on")


DEACTIVATED: Final = Cause(
    "deactivated", lambda house, guest: people.deactivate(house.otto, person=guest.person, reason="has left"), come_back
)
OF_SESSIONS: Final = (
    Cause("signed out", sign_out),
    Cause(
        "signed out everywhere",
        lambda _, guest: people.end_other_sessions(guest.person, except_session=None, reason="ended elsewhere"),
    ),
    Cause(
        "password changed",
        lambda _, guest: people.change_password(guest.person, password=PASSWORD, except_session=None),
    ),
    DEACTIVATED,
)
OF_TOKENS: Final = (Cause("token revoked", revoke_token), DEACTIVATED)
REMOVED: Final = Cause("removed", lambda house, guest: house.remove(guest))
ROLE_TAKEN: Final = Cause("role taken", take_role, lambda house, guest: house.give_back(guest))


@dataclass(frozen=True)
class Race:
    """What became of an act whose access ended while it waited. `late`: entries behind those of the end."""

    has_waited: bool
    answer: Answer
    afterwards: Answer
    late: int


def race(house: House, row: Row, guest: Guest, cause: Cause) -> Race:
    """Hold the act between its door and the lock, end the access, let go; then ask the same once more."""
    world = house.world
    house.prepare(row, guest)
    path, query = row.path(world), row.query_for(world, guest.role)
    body = row.body_for(world, guest.role)

    def knock() -> Answer:
        return guest.knocker.knock(row.method, path, body, query=query)

    with ThreadPoolExecutor(max_workers=1) as pool:
        with ledger.transaction():
            waiting = pool.submit(and_close, knock)
            has_waited = comes_to_the_lock(waiting)
            cause.end(house, guest)
            size = Leaf.objects.count()
        answer = waiting.result(LIMIT_S)
    late = Leaf.objects.count() - size
    return Race(has_waited, answer, knock(), late)


def comes_to_the_lock(act: "Future[Answer]") -> bool:
    """Wait until the act waits for its turn at the head's lock, and say so; False when it is over without one."""
    deadline = time.monotonic() + LOOK_S
    while not act.done() and time.monotonic() < deadline:
        if turns._turns._waiting:
            return True
        threading.Event().wait(0.002)
    return bool(turns._turns._waiting)


def and_close(act: Callable[[], Answer]) -> Answer:
    try:
        return act()
    finally:
        connections.close_all()
