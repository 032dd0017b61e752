"""By what somebody came in, a sign-in session or a personal token, and whether it still opens; many looked up at once.

For whoever keeps somebody's door at hand for long and acts through it again and again. Reads only; it must not say what
the person behind a door may do, nor whether they are still active: access functions do.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

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


def open_doors(doors: Collection[Door], *, at: datetime) -> frozenset[Door]:
    """Return the doors that still open, in one statement. Inside `ledger.transaction()` that holds until the commit."""
    tokens = sorted({door.digest for door in doors if door.is_token})
    sessions = sorted({door.digest for door in doors if not door.is_token})
    statement, values = _statement(tokens, sessions, at=at)
    if not statement:
        return frozenset()
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        found = {(bool(is_token), digest, person_id) for is_token, digest, person_id in cursor.fetchall()}
    return frozenset(door for door in doors if (door.is_token, door.digest, door.person_id) in found)


def _statement(tokens: list[str], sessions: list[str], *, at: datetime) -> tuple[str, list[Any]]:
    # Any, here: whatever a column holds. Written out, because every post from a socket asks it.
    parts, values = [], list[Any]()
    if tokens:
        table = ApiToken._meta.db_table
        places = ", ".join(["%s"] * len(tokens))
        parts.append(f"SELECT 1, digest, person_id FROM {table} WHERE revoked_at IS NULL AND digest IN ({places})")  # noqa: S608 (a model's name)
        values += tokens
    if sessions:
        table = SignInSession._meta.db_table
        places = ", ".join(["%s"] * len(sessions))
        parts.append(
            f"SELECT 0, key_digest, person_id FROM {table} "  # noqa: S608 (a model's name)
            f"WHERE ended_at IS NULL AND started_at > %s AND key_digest IN ({places})"
        )
        oldest = at - timedelta(seconds=settings.SESSION_COOKIE_AGE)
        values += [connection.ops.adapt_datetimefield_value(oldest), *sessions]
    return " UNION ALL ".join(parts), values
