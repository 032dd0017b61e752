"""By what somebody came in, a sign-in session or a personal token, and whether it still opens; many looked up at once.

The door in use is known for as long as a request is answered, and each act of the request looks at it again under the
record's lock. So what is done through a door that has ended meanwhile is not recorded, whatever act it is. Reads only;
it must not say what the person behind a door may do, nor whether they are still active: access functions do.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

from archive import ledger
from archive.statements import Found, Question, fetch, many, one_of
from messenger.people.errors import SignedOut
from messenger.people.models import ApiToken, SignInSession


@dataclass(frozen=True, slots=True)
class Door:
    """A session or a token by the digest of its secret, and whose it was when they came in."""

    person_id: int
    digest: str
    is_token: bool


_in_use: ContextVar[Door | None] = ContextVar("door", default=None)


@contextmanager
def coming_in_by(door: Door | None) -> Iterator[None]:
    """Have the acts of the block look at this door again; None for who comes in by none, as strangers and commands."""
    before = _in_use.get()
    _in_use.set(door)
    try:
        yield
    finally:
        _in_use.set(before)


def change_door(door: Door) -> None:
    """Go on by another door until the block of `coming_in_by` ends, which has found it open."""
    _in_use.set(door)


def door_in_use() -> Door | None:
    """Return by what the request at hand came in, None where it is nobody's or nobody asks."""
    return _in_use.get()


# rule: us-hipaa-access
def look_again() -> None:
    """Raise SignedOut unless the door in use still opens. Called under the record's lock, before each act."""
    door = _in_use.get()
    if door is None:
        return
    if not open_doors([door], fetch(*doors_question([door], at=timezone.now()))):
        raise SignedOut


def register() -> None:
    ledger.register_condition("door", look_again)


def door_of_session(session: SignInSession) -> Door:
    return Door(person_id=session.person_id, digest=session.key_digest, is_token=False)


def door_of_token(token: ApiToken) -> Door:
    return Door(person_id=token.person_id, digest=token.digest, is_token=True)


def doors_question(doors: Collection[Door], *, at: datetime) -> Question:
    """Return the query for the doors that open. Inside `ledger.transaction()` its answer holds until the commit."""
    # Written out, because every post from a socket asks it.
    tokens = sorted({door.digest for door in doors if door.is_token})
    sessions = sorted({door.digest for door in doors if not door.is_token})
    statement = (
        f"SELECT 1, digest, person_id FROM {ApiToken._meta.db_table} "  # noqa: S608 (names of models, here and below)
        f"WHERE revoked_at IS NULL AND digest {one_of('text', len(tokens))} "
        f"UNION ALL SELECT 0, key_digest, person_id FROM {SignInSession._meta.db_table} "
        f"WHERE ended_at IS NULL AND started_at > %s AND key_digest {one_of('text', len(sessions))}"
    )
    oldest = connection.ops.adapt_datetimefield_value(at - timedelta(seconds=settings.SESSION_COOKIE_AGE))
    return Question(statement, [*many(tokens), oldest, *many(sessions)])


def open_doors(doors: Collection[Door], found: Found) -> frozenset[Door]:
    """Return those of the doors that the answer says are open."""
    are_open = {(bool(is_token), digest, person_id) for is_token, digest, person_id in found}
    return frozenset(door for door in doors if (door.is_token, door.digest, door.person_id) in are_open)
