"""How somebody knocks: with a session's cookie, with a token, or with nothing; and what they hear, made comparable."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import quote

from django.test import Client
from django.test.client import ClientHandler

# Any two answers differ in these: the page's CSRF token is masked anew each time.
_CSRF = re.compile(r"\b\w{64}\b")
_OF_THE_MOMENT = frozenset({"Content-Length", "Expires"})
# Middleware is loaded once, not for each of some thousand clients.
_OWN_PAGE = ClientHandler(enforce_csrf_checks=False)
_ANY_PAGE = ClientHandler(enforce_csrf_checks=True)


@dataclass(frozen=True)
class Answer:
    """Status, headers that a client can tell apart, and the whole text, cookies of the answer included."""

    status: int
    headers: tuple[tuple[str, str], ...]
    text: str
    location: str
    cookies: str

    @property
    def everything(self) -> str:
        return f"{self.headers} {self.cookies} {self.text}"

    @property
    def is_to_sign_in(self) -> bool:
        """Say whether this is the way from a page to the sign-in and back again."""
        return self.status == 302 and self.location.startswith("/accounts/login/?next=")

    def without(self, other: "Answer") -> dict[str, object]:
        """Return what of this answer is not so in the other one."""
        mine, theirs = asdict(self), asdict(other)
        return {name: value for name, value in mine.items() if value != theirs[name]}

    def code(self) -> str | None:
        """Return the protocol's word for the failure; None when the answer does not have the shape of one."""
        try:
            body = json.loads(self.text)
        except ValueError:
            return None
        is_shaped = isinstance(body, dict) and {"code", "field", "message"} <= body.keys() and body["message"]
        return str(body["code"]) if is_shaped else None


@dataclass(frozen=True)
class Knocker:
    """Somebody at the door. Each knock is a new client, so that no answer changes the next one."""

    role: str
    address: str = "127.0.0.1"
    cookies: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    session_key: str = ""

    def knock(self, method: str, path: str, body: Any = None, *, query: str = "") -> Answer:
        """Ask as a page of ours would: what proves that it is ours is taken as given."""
        return self._ask(_OWN_PAGE, method, path, body, query=query)

    def knock_from_elsewhere(self, method: str, path: str, body: Any = None, *, query: str = "") -> Answer:
        """Ask with the same cookies, but without the token that only a page of ours knows."""
        return self._ask(_ANY_PAGE, method, path, body, query=query)

    def with_page_token(self) -> "Knocker":
        """Return the same person with the token of a page in their hand."""
        return replace(self, headers={"X-CSRFToken": self.cookies["csrf"]})

    def _ask(self, handler: ClientHandler, method: str, path: str, body: Any, *, query: str) -> Answer:
        client = Client(raise_request_exception=False)
        client.cookies.load(dict(self.cookies))
        client.handler = handler
        is_api = path.startswith("/api/")
        headers = dict(self.headers) | ({"Accept": "application/json"} if is_api else {})
        sent: dict[str, Any] = {"headers": headers, "REMOTE_ADDR": self.address}
        if method in ("POST", "PUT", "PATCH"):
            sent["data"] = body or {}
        if method in ("PUT", "PATCH") or (method == "POST" and is_api):
            sent["content_type"] = "application/json"
        address = f"{path}?{query}" if query else path
        return _heard(getattr(client, method.lower())(address, **sent), path=path)


def _heard(response: Any, *, path: str) -> Answer:  # Any: the test client's answers have a class of their own
    raw = b"".join(response.streaming_content) if response.streaming else response.content
    headers = {name: value for name, value in response.headers.items() if name not in _OF_THE_MOMENT}
    return Answer(
        status=response.status_code,
        headers=tuple(sorted((name, _plain(value, path=path)) for name, value in headers.items())),
        text=_plain(raw.decode(errors="replace"), path=path),
        location=response.headers.get("Location", ""),
        cookies=" ".join(
            f"{name}={morsel.value}" for name, morsel in sorted(response.cookies.items()) if name != "csrf"
        ),
    )


def _plain(text: str, *, path: str) -> str:
    """Return the text without the address that was asked for and without CSRF tokens."""
    without_path = text.replace(quote(path), "{path}").replace(path, "{path}") if len(path) > 1 else text
    return _CSRF.sub("", without_path)
