"""Sign-in and sign-out: allauth's pages, held to our rules, and each of their steps told to `people.actions`.

Unknown account, wrong password and deactivated person get the same words after the same work. Guesses are counted per
account *and* address, so that nobody can lock somebody else out from elsewhere.
"""

from typing import Any, Final

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.signals import password_changed, password_reset
from allauth.core.internal.ratelimit import get_ip
from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.core.cache import cache
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest

from messenger.people import actions
from messenger.people.doors import change_door, door_of_session
from messenger.people.models import Person
from messenger.web.gates import sign_in_session_of

WRONG: Final = "wrong address or password"
LOCKED: Final = "too many attempts"
LOCK_S: Final = 15 * 60


class AccountAdapter(DefaultAccountAdapter):
    """Nobody signs up; accounts come from invitations (people/joining.py)."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Person | None:
        """Return the active person with these credentials, or None.

        allauth's own version also returns deactivated people, to show them a page of their own: that would tell a
        stranger that the account exists and that the password was right.
        """
        self.pre_authenticate(request, **credentials)
        person = authenticate(request, **credentials)
        AuthenticationBackend.unstash_authenticated_user()
        if isinstance(person, Person):
            self._rollback_login_failed_rl_usage()
            return person
        return None

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the attempt and raise ValidationError when there were too many; a lock-out is recorded once."""
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:
            if cache.add(f"locked:{self._get_login_attempts_cache_key(request, **credentials)}", 1, LOCK_S):
                _record_refusal(request, credentials, reason=LOCKED)
            raise

    def set_password(self, user: Person, password: str) -> None:
        """Change the password, record it and end the person's other sessions, in one transaction."""
        session = sign_in_session_of(self.request)
        own = session if session is not None and session.person_id == user.pk else None
        actions.change_password(user, password=password, except_session=own)

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        return f"{credentials.get('email', '').lower()}|{get_ip(request)}"


def address_of(request: HttpRequest) -> str:
    """Return the browser's address, as far as the proxies that we trust say it; "" when there is none."""
    try:
        return str(AccountAdapter().get_client_ip(request))
    except PermissionDenied:
        return ""


def begin_session(request: HttpRequest, user: Person, **kwargs: Any) -> None:
    """Record a sign-in; receives `user_logged_in`."""
    key = request.session.session_key
    if key is None:
        request.session.save()
        key = str(request.session.session_key)
    agent = request.META.get("HTTP_USER_AGENT", "")
    session = actions.start_session(user, session_key=key, address=address_of(request), agent=agent)
    setattr(request, "sign_in_session", session)  # noqa: B010  # the class of Django's request does not know it


def finish_session(request: HttpRequest, user: Person | None, **kwargs: Any) -> None:
    """Record a sign-out; receives `user_logged_out`."""
    session = sign_in_session_of(request)
    if session is not None:
        actions.end_session(session, reason="signed out")


def note_refusal(request: HttpRequest | None, credentials: dict[str, Any], **kwargs: Any) -> None:
    """Record a failed attempt; receives `user_login_failed`."""
    if request is not None:
        _record_refusal(request, credentials, reason=WRONG)


def _record_refusal(request: HttpRequest, credentials: dict[str, Any], *, reason: str) -> None:
    actions.record_refused_sign_in(str(credentials.get("email", "")), address=address_of(request), reason=reason)


def follow_session(request: HttpRequest, user: Person, **kwargs: Any) -> None:
    """Keep the session in which the password was changed: its cookie has a new key. Receives `password_changed`."""
    session = sign_in_session_of(request)
    if session is not None:
        actions.move_session(session, session_key=str(request.session.session_key))
        session.refresh_from_db(fields=["key_digest"])
        change_door(door_of_session(session))


def drop_sessions(request: HttpRequest, user: Person, **kwargs: Any) -> None:
    """A reset by mail ends every session, also the one it was made in. Receives `password_reset`."""
    actions.end_other_sessions(user, except_session=None, reason="password changed")


def connect_signals() -> None:
    """Listen to Django's and allauth's signals; called once, when the app is ready."""
    user_logged_in.connect(begin_session, dispatch_uid="begin_session")
    user_logged_out.connect(finish_session, dispatch_uid="finish_session")
    user_login_failed.connect(note_refusal, dispatch_uid="note_refusal")
    password_changed.connect(follow_session, dispatch_uid="follow_session")
    password_reset.connect(drop_sessions, dispatch_uid="drop_sessions")
