"""Who is behind a socket: the sign-in session of its cookie, read again whenever it matters."""

from dataclasses import dataclass
from typing import Any

from messenger.people.actions import live_session
from messenger.people.models import Person, SignInSession


@dataclass(frozen=True)
class Guest:
    """A signed-in person at a socket."""

    person: Person
    session_id: int


def guest_of_scope(scope: dict[str, Any]) -> Guest | None:
    """Return who opened the socket, or None when the session is not live."""
    session = scope.get("session")
    found = live_session(session.session_key) if session is not None else None
    return Guest(person=found.person, session_id=found.pk) if found else None


def guest_is_live(guest: Guest) -> bool:
    """Say whether the session behind the socket still stands; one query."""
    return SignInSession.objects.filter(pk=guest.session_id, ended_at=None, person__is_active=True).exists()
