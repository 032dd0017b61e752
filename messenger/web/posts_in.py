"""Posts over HTTP by a personal token, taken in the event loop: as with the socket's, no thread waits for the record.

Taken here is what is plain: a small body of JSON without files, from a program that shows a token and no cookie.
Everything else goes on to Django, and so does what was denied or refused, which keeps nothing or gives the same answer
again: the view (api.MessagesView) words it. The headers of an answer are those that Django gave to a post that came the
same way. Must not judge: remembered is only whose a token is, and posting looks at it again under the record's lock.
"""

import re
import uuid
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, cast

import orjson
import structlog
from django.conf import settings
from rest_framework.response import Response

from messenger.conversations import actions
from messenger.conversations.handing import rendered
from messenger.conversations.live import encode
from messenger.people import errors
from messenger.people.doors import Door, door_of_token
from messenger.people.models import Person, digest_of
from messenger.people.tokens import live_token
from messenger.web.errors import FAILED, UNRECORDED, api_error, failure
from messenger.web.gates import bearer_of
from messenger.web.threads import in_database

# Any: what scopes and messages of ASGI hold.
Scope = dict[str, Any]
Message = Any
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

MOST_KNOWN = 2_000  # tokens, the one that was not used for longest is forgotten
MOST_WAYS = 64  # whoever invents ports for the Host header goes to Django
_ADDRESS = re.compile(r"/api/v1/conversations/([0-9]{1,15})/messages")
_KEY = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_FIELDS: Final = {"client_key", "body", "attachments"}
_TYPES: Final = (b"application/json", b"application/json; charset=utf-8")
_ACCEPTED: Final = (b"*/*", b"application/json")
# What could change an answer, or how its caller is known: Django's.
_NOT_PLAIN: Final = (b"cookie", b"accept-language", b"transfer-encoding", b"expect")

log = structlog.get_logger(__name__)


class Way(NamedTuple):
    """By what name and how secured a call came: the same headers answer it."""

    scheme: str
    host: bytes
    forwarded: bytes


class Call(NamedTuple):
    """A post as its address and its headers say it."""

    conversation_id: int
    secret: str
    way: Way


class Words(NamedTuple):
    client_key: uuid.UUID
    body: str


class Known(NamedTuple):
    """Whose a token is. Whether it still opens is not known here."""

    person: Person
    door: Door


class Answer(NamedTuple):
    status: int
    body: bytes
    headers: Headers = ()


class PostsIn:
    """An ASGI application before Django's, for HTTP."""

    def __init__(self, django: Application) -> None:
        self._django = django
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._headers: dict[Way, Headers] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = call_of(scope)
        if call is None:
            await self._django(scope, receive, send)
            return
        begun = await _beginning_of(receive)
        answer = await self._answer(call, words_of(begun))
        if answer is None:
            await self._django(scope, _after(begun, receive), self._learning(call.way, send))
            return
        headers = [*self._headers[call.way], *answer.headers, (b"Content-Length", b"%d" % len(answer.body))]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, call: Call, words: Words | None) -> Answer | None:
        """Return the answer, None where Django is to give it."""
        if words is None or call.way not in self._headers:
            return None
        try:
            known = await self._whose(call.secret)
            return await _post(call, words, known) if known else None
        except (errors.Unavailable, *UNRECORDED) as error:
            return _unrecorded(error)
        except errors.Denial:
            self._known.pop(digest_of(call.secret), None)
            return None
        except Exception:  # a failure of ours
            log.exception("post_failed")
            return Answer(500, orjson.dumps(failure("failed", FAILED)))

    async def _whose(self, secret: str) -> Known | None:
        digest = digest_of(secret)
        if digest in self._known:
            self._known.move_to_end(digest)
            return self._known[digest]
        token = await in_database(live_token, secret)
        if token is None:
            return None
        self._known[digest] = known = Known(token.person, door_of_token(token))
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return known

    def _learning(self, way: Way, send: Send) -> Send:
        """Return a way to send that keeps the headers of a post that was taken."""

        async def note(message: Message) -> None:
            if message.get("status") == 201:
                self._learn(way, message["headers"])
            await send(message)

        return note

    def _learn(self, way: Way, headers: Iterable[tuple[bytes, bytes]]) -> None:
        kept = {bytes(name): bytes(value) for name, value in headers if name.lower() != b"content-length"}
        # A cookie would be somebody's own.
        if len(self._headers) < MOST_WAYS and b"set-cookie" not in map(bytes.lower, kept):
            self._headers[way] = tuple(kept.items())


def call_of(scope: Scope) -> Call | None:
    """Return the post that a scope begins, None where it is another call or not a plain one."""
    address = _ADDRESS.fullmatch(scope["path"]) if scope["method"] == "POST" else None
    if address is None or scope.get("query_string") or scope.get("root_path"):
        return None
    headers: dict[bytes, bytes] = dict(scope["headers"])
    secret = bearer_of(headers.get(b"authorization", b""))
    if secret is None or not _is_plain(headers) or len(headers) != len(scope["headers"]):
        return None
    way = Way(scope.get("scheme", ""), headers.get(b"host", b""), headers.get(b"x-forwarded-proto", b""))
    return Call(int(address[1]), secret, way)


def _is_plain(headers: dict[bytes, bytes]) -> bool:
    length = headers.get(b"content-length", b"")
    return (
        headers.get(b"content-type", b"").lower() in _TYPES
        and headers.get(b"accept", b"*/*") in _ACCEPTED
        and length.isdigit()
        and int(length[:9]) <= settings.ONRECORD_FRAME_BYTES
        and not any(name in headers for name in _NOT_PLAIN)
    )


async def _beginning_of(receive: Receive) -> list[Message]:
    """Return what comes of the body, up to its end or to where it is too long for us."""
    begun = [await receive()]
    while begun[-1].get("more_body", False) and _size_of(begun) <= settings.ONRECORD_FRAME_BYTES:
        begun.append(await receive())
    return begun


def _size_of(begun: Sequence[Message]) -> int:
    return sum(len(message.get("body", b"")) for message in begun)


def words_of(begun: Sequence[Message]) -> Words | None:
    """Return what is to be said, None where the body is not all there or not in its plainest form."""
    if begun[-1]["type"] != "http.request" or begun[-1].get("more_body", False):
        return None
    try:
        wish = orjson.loads(b"".join(message.get("body", b"") for message in begun))
    except orjson.JSONDecodeError:
        return None
    if not isinstance(wish, dict) or not wish.keys() <= _FIELDS or wish.get("attachments", []) != []:
        return None
    key, body = wish.get("client_key"), wish.get("body")
    if not isinstance(key, str) or not isinstance(body, str) or not _KEY.fullmatch(key):
        return None
    return Words(uuid.UUID(key), body)


async def _post(call: Call, words: Words, known: Known) -> Answer | None:
    outcome = await actions.post_from_loop(
        known.person,
        conversation_id=call.conversation_id,
        client_key=words.client_key,
        body=words.body,
        door=known.door,
    )
    if isinstance(outcome, actions.Refusal):
        return None
    message = outcome.message
    # What became of a text to a phone is in the database; all else of a message is at hand.
    shown = await in_database(rendered, message) if message.channel == "sms" else rendered(message)
    return Answer(201 if outcome.is_new else 200, encode(shown))


def _unrecorded(error: Exception) -> Answer:
    shaped = cast("Response", api_error(error, {}))
    again = shaped.headers.get("Retry-After")
    return Answer(shaped.status_code, orjson.dumps(shaped.data), ((b"Retry-After", again.encode()),) if again else ())


def _after(begun: Sequence[Message], receive: Receive) -> Receive:
    """Return a way to receive that begins with what was received already."""
    waiting = deque(begun)

    async def again() -> Message:
        return waiting.popleft() if waiting else await receive()

    return again
