"""Who passes: live sessions, personal tokens, bodies of a bounded size, and nobody before the first run.

The gates only let through or turn away; what somebody may do is decided by actions and access functions.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

import orjson
import structlog
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, parse_cookie
from django.urls import reverse
from redis import RedisError
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, ParseError, PermissionDenied
from rest_framework.parsers import JSONParser
from rest_framework.request import Request

from messenger.people import errors
from messenger.people.doors import Door, change_door, coming_in_by, door_of_session, door_of_token
from messenger.people.firm import is_founded
from messenger.people.models import ApiToken, Person, SignInSession
from messenger.people.sessions import expire_session, live_session
from messenger.people.tokens import live_token
from messenger.web.errors import UNKNOWN, CsrfFailed, TooLarge, is_api, page_for

log = structlog.get_logger(__name__)

Next = Callable[[HttpRequest], HttpResponse]
BEFORE_FOUNDING: Final = ("/static/", "/healthz", "/readyz", "/welcome/")
AWAY: Final = "This is not possible at the moment; try again in a minute."
NO_SIGN_IN: Final = "Signing in is not possible at the moment; try again in a minute."


class LiveSessionMiddleware:
    """Signs out whoever's session ended elsewhere; a page then asks to sign in again, the API answers 401.

    Sets `request.sign_in_session`, None for who is not signed in. Comes after AuthenticationMiddleware.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        setattr(request, "sign_in_session", None)  # noqa: B010  # the class of Django's request does not know it
        if request.user.is_authenticated:
            session = live_session(request.session.session_key)
            if session is None or session.person_id != request.user.pk:
                return self._turn_away(request)
            setattr(request, "sign_in_session", session)  # noqa: B010
        return self._let_in(request)

    def _let_in(self, request: HttpRequest) -> HttpResponse:
        with coming_in_by(door_of(request)):  # each act looks at it again
            return self.get_response(request)

    def _turn_away(self, request: HttpRequest) -> HttpResponse:
        expire_session(request.session.session_key)
        logout(request)
        return self._let_in(request) if is_api(request) else to_sign_in(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Turn away from a page whoever's session ended while an act of theirs waited."""
        if not isinstance(exception, errors.SignedOut):
            return None
        setattr(request, "sign_in_session", None)  # noqa: B010
        logout(request)
        return to_sign_in(request)


def to_sign_in(request: HttpRequest) -> HttpResponse:
    return redirect_to_login(request.get_full_path() if request.method == "GET" else "/")


def sign_in_session_of(request: HttpRequest) -> SignInSession | None:
    """Return the session in which the request was made, None for who is not signed in."""
    return cast("SignInSession | None", getattr(request, "sign_in_session", None))


def door_of(request: HttpRequest | Request) -> Door | None:
    """Return by what the request came in. An action that waits for the record looks at it again when its turn comes."""
    if isinstance(request, Request):
        token = request.auth
        return door_of_token(token) if isinstance(token, ApiToken) else door_of(request._request)
    session = sign_in_session_of(request)
    return door_of_session(session) if session else None


def person_of(request: HttpRequest) -> Person:
    """Return the signed-in person; for views behind `login_required`."""
    return cast("Person", request.user)


class DenialMiddleware:
    """Shows what access functions and actions refused and the page's view did not shape itself, and a Redis away."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, errors.Denial) and not isinstance(exception, errors.SignedOut):
            return page_for(request, exception)
        if isinstance(exception, RedisError):
            log.warning("cache_away", reason=type(exception).__name__)
            return _without_cache(request)
        return None


def _without_cache(request: HttpRequest) -> HttpResponse:
    """Answer where Redis is away or hangs: who cannot count guesses takes none."""
    words = NO_SIGN_IN if request.path == reverse(settings.LOGIN_URL) else AWAY
    answer = page_for(request, errors.Unavailable(None, words))
    answer["Retry-After"] = "60"
    return answer


class FirstRunMiddleware:
    """Leads everybody to the welcome page while there is no firm; costs nothing once there is one."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response
        self.is_founded = False

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not self.is_founded and not request.path.startswith(BEFORE_FOUNDING):
            self.is_founded = is_founded()
            if not self.is_founded:
                return HttpResponseRedirect("/welcome/")
        return self.get_response(request)


# --- API -------------------------------------------------------------------------------------------------------------
class LiveSessionAuthentication(SessionAuthentication):
    """The page's own calls: the session that LiveSessionMiddleware let pass, with the page's CSRF token."""

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied as error:
            raise CsrfFailed from error


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <personal token>`. A wrong token is refused, never passed on to the next scheme."""

    def authenticate(self, request: Request) -> tuple[Person, ApiToken] | None:
        secret = bearer_of(get_authorization_header(request))
        if secret is None:
            return None
        token = live_token(secret)
        if token is None:
            raise AuthenticationFailed(UNKNOWN)
        change_door(door_of_token(token))
        return token.person, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def bearer_of(header: bytes) -> str | None:
    """Return the secret of a Bearer header, None for another scheme or no header."""
    scheme, _, secret = header.partition(b" ")
    return secret.strip().decode("latin-1") if scheme.lower() == b"bearer" else None


class BoundedJSONParser(JSONParser):
    """JSON up to DATA_UPLOAD_MAX_MEMORY_SIZE, read strictly: no NaN, no broken UTF-8, no endless nesting."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise TooLarge
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ParseError("The body is not JSON.") from error


# --- socket ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class SocketGuest:
    """Who opened a socket, and by what: a sign-in session or a personal token."""

    person: Person
    door: Door
    session_key: str | None = None
    session_id: int | None = None
    secret: str | None = None
    ends_at: float | None = None  # seconds since 1970 when the session is too old


def guest_of_scope(scope: dict[str, Any]) -> SocketGuest | None:
    """Return who opens the socket, from a Bearer header or the session cookie; None when neither is good."""
    headers = dict(scope["headers"])
    secret = bearer_of(headers.get(b"authorization", b""))
    if secret is not None:
        token = live_token(secret)
        return SocketGuest(person=token.person, door=door_of_token(token), secret=secret) if token else None
    key = parse_cookie(headers.get(b"cookie", b"").decode("latin-1")).get(settings.SESSION_COOKIE_NAME)
    session = live_session(key)
    if session is None:
        return None
    ends_at = session.started_at.timestamp() + settings.SESSION_COOKIE_AGE
    door = door_of_session(session)
    return SocketGuest(person=session.person, door=door, session_key=key, session_id=session.pk, ends_at=ends_at)


def live_person(guest: SocketGuest) -> Person | None:
    """Return the person as they are now, None when what opened the socket would not open it any more."""
    door = live_token(guest.secret) if guest.secret else live_session(guest.session_key)
    return door.person if door else None
