"""Personal tokens for the API. The secret is shown once; only its digest is kept."""

from datetime import datetime
from functools import cache
from typing import Final

from django.utils import timezone

from archive import events, ledger
from archive.statements import fetch
from messenger.people.checks import TOKEN_NAME_LENGTH, clean_line
from messenger.people.errors import NotAllowed, NotFound
from messenger.people.loading import columns, load, width
from messenger.people.models import ApiToken, Person, Revocation, digest_of, new_secret
from messenger.people.standing import as_now

# A fixed beginning lets secret scanners find a token that was pasted somewhere.
PREFIX: Final = "onrecord_"


@ledger.transaction()
def create_token(person: Person, *, name: str, at: datetime | None = None) -> tuple[ApiToken, str]:
    """Make a token and return the row with its secret. Raises Invalid("name") and NotAllowed."""
    at = at or timezone.now()
    name = clean_line(name, field="name", length=TOKEN_NAME_LENGTH)
    person = as_now([person])[person.pk]
    if not person.is_active:
        raise NotAllowed
    secret = PREFIX + new_secret()
    ledger.record(events.TokenCreated(stream=f"person:{person.pk}", actor=person.as_actor(), at=at, name=name))
    return ApiToken.objects.create(person=person, name=name, digest=digest_of(secret), created_at=at), secret


@ledger.transaction()
def revoke_token(person: Person, *, token: ApiToken, at: datetime | None = None) -> None:
    """Revoke one's own token; doing it again changes nothing."""
    at = at or timezone.now()
    if token.person_id != person.pk:
        raise NotFound
    if not ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=at):
        return
    ledger.record(_revoked(token, actor=person, at=at))
    # A socket that a token opened has no session of its own: all of the person's sockets begin again.
    Revocation.objects.create(person=person, at=at)


def close_tokens(person: Person, *, actor: Person, at: datetime) -> list[events.Event]:
    """Mark every token of the person as revoked and return the entries, for an action that records them."""
    open_tokens = list(person.api_tokens.filter(revoked_at=None).order_by("id"))
    person.api_tokens.filter(revoked_at=None).update(revoked_at=at)
    return [_revoked(token, actor=actor, at=at) for token in open_tokens]


def live_token(secret: str) -> ApiToken | None:
    """Return the token with this secret, with its active person loaded, or None."""
    found = fetch(_live_token(), [digest_of(secret)])
    if not found:
        return None
    values = found[0]
    token = load(ApiToken, values[: width(ApiToken)])
    token.person = load(Person, values[width(ApiToken) :])
    return token


@cache
def _live_token() -> str:
    """Written out, because each call of the API asks it."""
    return (
        f"SELECT {columns(ApiToken, 'token')}, {columns(Person, 'person')} FROM {ApiToken._meta.db_table} token "  # noqa: S608 (names of models)
        f"JOIN {Person._meta.db_table} person ON person.id = token.person_id "
        "WHERE token.digest = %s AND token.revoked_at IS NULL AND person.is_active"
    )


def person_for_token(secret: str) -> Person | None:
    token = live_token(secret)
    return token.person if token else None


def _revoked(token: ApiToken, *, actor: Person, at: datetime) -> events.Event:
    return events.TokenRevoked(stream=f"person:{token.person_id}", actor=actor.as_actor(), at=at, name=token.name)
