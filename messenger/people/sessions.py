"""Sign-ins: each is a row and an entry, and ending one ends its pages and its sockets.

Secrets are kept as digests only. Revocation rows are inserted inside `ledger.transaction()`, which holds the record's
head until the commit: so they get their numbers in the order of commits, and a reader of "all after the last one I
know" misses none.
"""

import unicodedata
from datetime import datetime, timedelta
from functools import cache

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from archive import events, ledger
from archive.statements import fetch
from messenger.people.errors import NotAllowed
from messenger.people.loading import columns, load, width
from messenger.people.models import Person, Revocation, SignInSession, digest_of
from messenger.people.standing import as_now


@ledger.transaction()
def start_session(
    person: Person, *, session_key: str, address: str, agent: str, at: datetime | None = None
) -> SignInSession:
    """Record a sign-in. The same session key again returns the row that exists.

    Raises NotAllowed where the person was deactivated, or their password changed, after it was found to be right.
    """
    at = at or timezone.now()
    digest = digest_of(session_key)
    now = as_now([person])[person.pk]
    if not now.is_active or now.password != person.password:
        raise NotAllowed("Sign in again.")
    known = SignInSession.objects.filter(key_digest=digest).first()
    if known is not None:
        return known
    agent = _printable(agent)[:200]
    ledger.record(
        events.SignedIn(stream=f"person:{person.pk}", actor=person.as_actor(), at=at, address=address[:64], agent=agent)
    )
    return SignInSession.objects.create(
        person=person, key_digest=digest, started_at=at, address=address[:64], agent=agent
    )


def live_sessions(person: Person, *, at: datetime | None = None) -> QuerySet[SignInSession]:
    """Return the person's sessions that are open now, newest first."""
    return _live(at=at).filter(person=person)


def live_session(session_key: str | None, *, at: datetime | None = None) -> SignInSession | None:
    """Return the open session of an active person with this key, with the person loaded, or None."""
    if not session_key:
        return None
    found = fetch(_live_session(), [digest_of(session_key), connection.ops.adapt_datetimefield_value(_oldest(at))])
    if not found:
        return None
    values = found[0]
    session = load(SignInSession, values[: width(SignInSession)])
    session.person = load(Person, values[width(SignInSession) :])
    return session


@cache
def _live_session() -> str:
    """Written out, because every request of a signed-in person asks it."""
    return (
        f"SELECT {columns(SignInSession, 'session')}, {columns(Person, 'person')} "  # noqa: S608 (names of models)
        f"FROM {SignInSession._meta.db_table} session JOIN {Person._meta.db_table} person "
        "ON person.id = session.person_id "
        "WHERE session.key_digest = %s AND session.ended_at IS NULL AND session.started_at > %s AND person.is_active"
    )


def session_is_live(session_key: str | None) -> bool:
    return live_session(session_key) is not None


def _live(*, at: datetime | None) -> QuerySet[SignInSession]:
    """A session lasts as long as its cookie at most, counted from the sign-in, whatever renews the cookie."""
    return SignInSession.objects.filter(ended_at=None, started_at__gt=_oldest(at), person__is_active=True)


def _oldest(at: datetime | None) -> datetime:
    return (at or timezone.now()) - timedelta(seconds=settings.SESSION_COOKIE_AGE)


@ledger.transaction()
def end_session(session: SignInSession, *, reason: str, at: datetime | None = None) -> None:
    """End one session and its sockets; ending it again changes nothing."""
    at = at or timezone.now()
    person = as_now([session.person])[session.person.pk]
    if not SignInSession.objects.filter(pk=session.pk, ended_at=None).update(ended_at=at):
        return
    ledger.record(_ended(person, reason=reason, at=at))
    Revocation.objects.create(person=person, session=session, at=at)


def expire_session(session_key: str | None) -> None:
    """Record the end of a session that has become too old; nothing happens to one that has ended already."""
    session = SignInSession.objects.filter(key_digest=digest_of(session_key or ""), ended_at=None).first()
    if session is not None:
        end_session(session, reason="expired")


@ledger.transaction()
def end_other_sessions(
    person: Person, *, except_session: SignInSession | None, reason: str, at: datetime | None = None
) -> int:
    """End every session of the person but one and return how many; None ends all."""
    at = at or timezone.now()
    person = as_now([person])[person.pk]
    others = list(_others(person, except_session))
    entries = close_sessions(person, except_session=except_session, reason=reason, at=at)
    if entries:
        ledger.record_all(entries)
        announce_sessions(others, at=at)
    return len(entries)


def _others(person: Person, except_session: SignInSession | None) -> QuerySet[SignInSession]:
    sessions = SignInSession.objects.filter(person=person, ended_at=None)
    return sessions.exclude(pk=except_session.pk) if except_session else sessions


def close_sessions(
    person: Person, *, except_session: SignInSession | None, reason: str, at: datetime
) -> list[events.Event]:
    """Mark the person's sessions as ended and return their entries, for an action that records them.

    The caller is in `ledger.transaction()`, records what is returned and inserts the revocations.
    """
    count = _others(person, except_session).update(ended_at=at)
    return [_ended(person, reason=reason, at=at) for _ in range(count)]


def announce_sessions(sessions: list[SignInSession], *, at: datetime) -> None:
    """Tell the open sockets of these sessions; the caller has recorded the ends before."""
    Revocation.objects.bulk_create(
        [Revocation(person_id=session.person_id, session=session, at=at) for session in sessions]
    )


@ledger.transaction()
def move_session(session: SignInSession, *, session_key: str, at: datetime | None = None) -> None:
    """Follow a cookie that was given a new key (after a password change); nothing happened to the session itself.

    What was opened with the old cookie ends, and its owner comes back with the new one.
    """
    SignInSession.objects.filter(pk=session.pk).update(key_digest=digest_of(session_key))
    Revocation.objects.create(person_id=session.person_id, session=session, at=at or timezone.now())


@ledger.transaction()
def record_refused_sign_in(login: str, *, address: str, reason: str, at: datetime | None = None) -> None:
    """Record an attempt to sign in that failed: in the person's stream if there is one, else in the firm's."""
    login = _printable(login)[:254]
    person = Person.objects.filter(email__iexact=login).first()
    ledger.record(
        events.SignInRefused(
            stream=f"person:{person.pk}" if person else "system",
            actor=events.SYSTEM,
            at=at or timezone.now(),
            login=login,
            address=address[:64],
            reason=reason,
        )
    )


def change_password(
    person: Person, *, password: str, except_session: SignInSession | None, at: datetime | None = None
) -> None:
    """Set a password that has been validated, and end every session but the one in which it was changed.

    Raises NotAllowed for who was deactivated.
    """
    # On the caller's object, which goes on to renew its own session from the new hash; and before the transaction,
    # because hashing is slow on purpose and must not hold up the record.
    person.set_password(password)
    _keep_password(person, except_session=except_session, at=at or timezone.now())


@ledger.transaction()
def _keep_password(person: Person, *, except_session: SignInSession | None, at: datetime) -> None:
    row = as_now([person])[person.pk]
    if not row.is_active:
        raise NotAllowed
    others = list(_others(row, except_session))
    person.save(update_fields=["password"])
    changed = events.PasswordChanged(stream=f"person:{row.pk}", actor=row.as_actor(), at=at)
    ended = close_sessions(row, except_session=except_session, reason="password changed", at=at)
    ledger.record_all([changed, *ended])
    announce_sessions(others, at=at)


def _ended(person: Person, *, reason: str, at: datetime) -> events.Event:
    return events.SessionEnded(stream=f"person:{person.pk}", actor=person.as_actor(), at=at, reason=reason)


def _printable(text: str) -> str:
    """Return what a stranger sent with its control characters replaced: it goes to the record as it is."""
    return "".join("\ufffd" if unicodedata.category(char) in ("Cc", "Cs") else char for char in text)
