"""Posts by a token that are taken in the event loop: answered as Django answers, by the same rules, in no thread."""

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.utils import timezone

from archive import ledger
from messenger.conversations.membership import remove_member
from messenger.conversations.models import Conversation, Message
from messenger.people.actions import create_token, deactivate, revoke_token
from messenger.people.models import ApiToken
from messenger.policy.actions import add_rule
from messenger.web import posts_in
from messenger.web.handler import OneThreadHandler
from messenger.web.posts_in import Application, PostsIn
from tests.cast import Cast
from tests.messenger.conversations import office
from tests.messenger.web.test_waiting import crowded

pytestmark = pytest.mark.django_db(transaction=True)
HOST = settings.ALLOWED_HOSTS[0]
VARIES = {"n": 0, "seq": 0, "at": "", "client_key": "", "html": "", "body": ""}


@dataclass
class Door:
    """The two applications one behind the other, and how many calls came to the second one."""

    to_django: int = 0
    handler: Application = field(default_factory=OneThreadHandler)

    def __post_init__(self) -> None:
        self.posts_in = PostsIn(self.django)

    async def django(self, scope: Any, receive: Any, send: Any) -> None:
        self.to_django += 1
        await self.handler(scope, receive, send)

    def caller(self, secret: str, *, past: bool = False, **headers: str) -> httpx.AsyncClient:
        """Return a client of both, or `past` the first one."""
        app: Any = self.django if past else self.posts_in
        shown = {"Authorization": f"Bearer {secret}", **headers}
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{HOST}", headers=shown)
        client.headers.pop("Accept-Encoding")
        return client


def wish(body: object = "hello", **more: object) -> dict[str, object]:
    return {"client_key": str(uuid.uuid4()), "body": body, **more}


def address(conversation: Conversation) -> str:
    return f"/api/v1/conversations/{conversation.pk}/messages"


def played(scene: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(scene)


def token_of(person: Any) -> tuple[ApiToken, str]:
    return create_token(person, name="phone")


def test_posts_need_no_thread_once_django_has_answered_one(cast: Cast) -> None:
    talk, door = office.direct(cast.alice, cast.bob), Door()
    secrets = [token_of(person)[1] for person in (cast.alice, cast.bob)]

    async def scene() -> list[httpx.Response]:
        callers = [door.caller(secret) for secret in secrets]
        first = await callers[0].post(address(talk), json=wish())
        rest = [callers[number % 2].post(address(talk), json=wish(f"word {number}")) for number in range(20)]
        return [first, *(await asyncio.gather(*rest))]

    answers = played(scene())
    assert {answer.status_code for answer in answers} == {201}
    assert door.to_django == 1
    assert sorted(answer.json()["n"] for answer in answers) == list(range(talk.head + 1, talk.head + 22))
    assert {answer.json()["author"]["id"] for answer in answers} == {cast.alice.pk, cast.bob.pk}
    assert Message.objects.count() == 21


WORDED: dict[str, Callable[[Cast], dict[str, Any]]] = {
    "a message": lambda cast: {"json": wish("*hello* @Bob")},
    "no words": lambda cast: {"json": wish(" \n")},
    "too long": lambda cast: {"json": wish("x" * 21_000)},
    "NUL": lambda cast: {"json": wish("a\x00b")},
    "half a character": lambda cast: {"content": b'{"client_key":"%s","body":"\\ud800"}' % str(uuid.uuid4()).encode()},
    "a number for words": lambda cast: {"json": wish(7)},
    "no key": lambda cast: {"json": {"body": "hello"}},
    "a broken key": lambda cast: {"json": {"body": "hello", "client_key": "1"}},
    "a key without hyphens": lambda cast: {"json": {"body": "hello", "client_key": uuid.uuid4().hex}},
    "an unknown file": lambda cast: {"json": wish(attachments=[str(uuid.uuid4())])},
    "one field more": lambda cast: {"json": wish(extra=True)},
    "no object": lambda cast: {"content": b"[]"},
    "no JSON": lambda cast: {"content": b"{"},
    "refused by a rule": lambda cast: {"json": wish("a guaranteed return")},
    "in pieces": lambda cast: {"content": _pieces()},
    "another type": lambda cast: {"content": b"{}", "headers": {"Content-Type": "text/plain"}},
    "another language": lambda cast: {"json": wish(), "headers": {"Accept-Language": "de"}},
    "an answer that there is not": lambda cast: {"json": wish(), "headers": {"Accept": "text/csv"}},
    "a cookie": lambda cast: {"json": wish(), "headers": {"Cookie": "session=stale"}},
    "a strange host": lambda cast: {"json": wish(), "headers": {"Host": "elsewhere.example"}},
    "a query": lambda cast: {"json": wish(), "params": {"format": "json"}},
}


async def _pieces() -> Any:
    yield b'{"client_key":"%s",' % str(uuid.uuid4()).encode()
    yield b'"body":"hello"}'


def test_every_answer_is_that_of_django_word_for_word_and_header_for_header(cast: Cast) -> None:
    talk, door = office.direct(cast.alice, cast.bob), Door()
    add_rule("No promises", pattern="guaranteed", effect="refuse", by=cast.cora, at=timezone.now())
    _, secret = token_of(cast.alice)

    async def scene() -> dict[str, tuple[Any, Any]]:
        async with door.caller(secret) as here, door.caller(secret, past=True) as there:
            assert (await here.post(address(talk), json=wish())).status_code == 201
            return {
                name: (await _ask(here, talk, call(cast)), await _ask(there, talk, call(cast)))
                for name, call in WORDED.items()
            }

    told = played(scene())
    assert {name: here for name, (here, _) in told.items()} == {name: there for name, (_, there) in told.items()}
    assert {here[0] for here, _ in told.values()} == {201, 400, 406, 415, 422}


def test_headers_with_somebodys_cookie_are_never_given_to_another(cast: Cast) -> None:
    talk, asked = office.direct(cast.alice, cast.bob), list[str]()
    _, secret = token_of(cast.alice)

    async def sets_cookies(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["path"])
        headers = [(b"content-type", b"application/json"), (b"Set-Cookie", b"session=alices")]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})

    async def scene() -> None:
        door = Door(handler=sets_cookies)
        for _ in range(2):
            async with door.caller(secret) as caller:  # each without the other's cookie
                await caller.post(address(talk), json=wish())

    played(scene())
    assert len(asked) == 2


async def _ask(client: httpx.AsyncClient, talk: Conversation, call: dict[str, Any]) -> Any:
    call["headers"] = {"Content-Type": "application/json"} | call.get("headers", {})
    answer = await client.post(address(talk), **call)
    body = answer.json()
    if answer.status_code == 201:
        assert (body["c"], body["state"], body["author"]["name"]) == (talk.pk, "shown", "Alice")
        body |= VARIES
    headers = sorted((name.lower(), value) for name, value in answer.headers.items() if name != "content-length")
    return answer.status_code, headers, body


def test_the_same_key_again_is_the_same_message(cast: Cast) -> None:
    talk, door, wanted = office.direct(cast.alice, cast.bob), Door(), wish("once")
    _, secret = token_of(cast.alice)

    async def scene() -> list[httpx.Response]:
        async with door.caller(secret) as here, door.caller(secret, past=True) as there:
            await here.post(address(talk), json=wish())
            return [await client.post(address(talk), json=wanted) for client in (here, here, there)]

    answers = played(scene())
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert answers[0].content == answers[1].content == answers[2].content
    assert Message.objects.filter(body="once").count() == 1


# Who may no longer, by what happened to them; and what they are told from then on.
ENDED: dict[str, tuple[Callable[[Cast, Conversation, ApiToken], object], int]] = {
    "token revoked": (lambda cast, talk, token: revoke_token(cast.bob, token=token), 401),
    "deactivated": (lambda cast, talk, token: deactivate(cast.adam, person=cast.bob, reason="Left"), 401),
    "removed": (lambda cast, talk, token: _remove(cast, talk), 404),
}


def _remove(cast: Cast, talk: Conversation) -> None:
    remove_member(cast.alice, conversation_id=talk.pk, person_id=cast.bob.pk)


@pytest.mark.parametrize("cause", ENDED)
def test_who_may_no_longer_post_is_turned_away_and_leaves_no_trace(cast: Cast, cause: str) -> None:
    talk, door = office.group(cast.alice, cast.bob, cast.carl), Door()
    token, secret = token_of(cast.bob)
    end, status = ENDED[cause]

    async def posts(count: int) -> list[int]:
        async with door.caller(secret) as caller:
            return [(await caller.post(address(talk), json=wish())).status_code for _ in range(count)]

    assert played(posts(2)) == [201, 201]
    assert door.to_django == 1
    end(cast, talk, token)
    before = ledger.latest_checkpoint().size
    assert played(posts(2)) == [status, status]
    assert ledger.latest_checkpoint().size == before
    assert Message.objects.filter(author=cast.bob).count() == 2


def test_a_stranger_and_an_unknown_token_are_told_nothing(cast: Cast) -> None:
    talk, door = office.direct(cast.alice, cast.bob), Door()
    _, alices = token_of(cast.alice)
    _, charlies = token_of(cast.charlie)

    async def scene() -> list[tuple[int, Any]]:
        async with door.caller(alices) as alice, door.caller(charlies) as charlie, door.caller("onrecord_no") as nobody:
            await alice.post(address(talk), json=wish())
            nowhere = f"/api/v1/conversations/{talk.pk + 999}/messages"
            calls = [charlie.post(address(talk), json=wish()), charlie.post(nowhere, json=wish())]
            return [(a.status_code, a.json()) for a in [await call for call in (*calls, nobody.post(nowhere))]]

    theirs, nowhere, nobodys = played(scene())
    assert theirs == nowhere and theirs[0] == 404
    assert nobodys[0] == 401
    assert Message.objects.count() == 1


def test_what_cannot_be_recorded_now_is_told_as_django_tells_it_and_the_key_works_later(cast: Cast) -> None:
    talk, door, wanted = office.direct(cast.alice, cast.bob), Door(), wish("patience")
    _, secret = token_of(cast.alice)

    async def scene() -> list[Any]:
        async with door.caller(secret) as here, door.caller(secret, past=True) as there:
            await here.post(address(talk), json=wish())
            with crowded():
                told = [await _ask(client, talk, {"json": wanted}) for client in (here, there)]
            return [*told, (await here.post(address(talk), json=wanted)).status_code]

    here, there, later = played(scene())
    assert here == there and here[0] == 503 and ("retry-after", "1") in here[1]
    assert later == 201


def test_tokens_that_are_remembered_are_bounded(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posts_in, "MOST_KNOWN", 2)
    talk, door = office.direct(cast.alice, cast.bob), Door()
    secrets = [token_of(cast.alice)[1] for _ in range(4)]

    async def scene() -> None:
        for secret in [secrets[0], *secrets]:
            async with door.caller(secret) as caller:
                assert (await caller.post(address(talk), json=wish())).status_code == 201

    played(scene())
    assert len(door.posts_in._known) == 2
