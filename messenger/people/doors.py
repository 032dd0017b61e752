"""By what somebody came in, a sign-in session or a personal token, and whether it still opens; many looked up at once.

For whoever keeps somebody's door at hand for long and acts through it again and again. Reads only; it must not say what
the person behind a door may do, nor whether they are still active: access functions do.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from archive.statements import Found, Question, many, one_of
from messenger.people.models import ApiToken, SignInSession


@dataclass(frozen=True, slots=True)
class Door:
    """A session or a token by the digest of its secret, and whose it was when they came in."""

    person_id: int
    digest: str
    is_token: bool


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
