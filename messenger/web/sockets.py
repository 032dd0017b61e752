"""The socket's door: frames in, frames out (docs/protocol.md). Translates and calls an action; decides nothing.

Anything malformed is answered with a typed error: never a traceback, never close 1011.
"""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

import structlog
from autobahn.exception import Disconnected
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from messenger.conversations import actions, live
from messenger.conversations.access import access_conversation
from messenger.conversations.circles import read_circles, read_crossed
from messenger.conversations.handing import rendered
from messenger.conversations.places import Place, read_heads, read_places
from messenger.delivery import bus, metrics
from messenger.delivery.hub import Hub
from messenger.delivery.line import BAD_FRAME, NO_HELLO, SESSION_ENDED, TOO_MANY, TRY_AGAIN_LATER, Line
from messenger.delivery.outlets import outlet_of
from messenger.delivery.parcels import parcel
from messenger.delivery.process import hub_of_this_loop
from messenger.delivery.reading import CATCH_UP_EVENTS, Batch, Circles, Marks, Source, Start, Want
from messenger.delivery.throttle import Throttle, TypingGate
from messenger.people import errors
from messenger.people.doors import coming_in_by
from messenger.people.models import Person
from messenger.web import frames_in, lobby
from messenger.web.build import BUILD_ID
from messenger.web.errors import AGAIN, FAILED, UNRECORDED, refusal_frame
from messenger.web.gates import SocketGuest, guest_of_scope, live_person
from messenger.web.lobby import Lobby, Wait, address_of
from messenger.web.threads import as_act, in_database, in_hub_thread

MOST_SOCKETS = 100  # of one person in one process: each may hold a queue of a mebibyte
SUBPROTOCOL = "onrecord.v1"
TYPING = TypingGate()
LOBBY = Lobby()

log = structlog.get_logger(__name__)


async def _marks() -> Marks:
    return await in_hub_thread(live.current_marks)


async def _fetch(want: Want) -> Batch:
    return await in_hub_thread(live.read_batch, want)


async def _typing(conversation_id: int, person_id: int) -> bytes:
    return await in_database(live.typing_frame, conversation_id, person_id)


async def _read_circles(people: Collection[int]) -> dict[int, frozenset[int]]:
    return await in_database(read_circles, people)


async def _read_crossed(grown: Collection[int], shrunk: Collection[int]) -> frozenset[int]:
    return await in_database(read_crossed, grown, shrunk)


CIRCLES = Circles(read=_read_circles, crossed=_read_crossed)
SOURCE = Source(marks=_marks, fetch=_fetch, typing=_typing, circles=CIRCLES if settings.ONRECORD_PRESENCE else None)


class ChatSocket(AsyncWebsocketConsumer):
    """One socket of one signed-in person."""

    guest: SocketGuest
    hub: Hub
    throttle: Throttle
    wait: Wait
    line: Line | None = None
    hanging_up: asyncio.Task[None] | None = None
    is_over: bool = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the socket; however it ends (cancelled by the server as well), the hub forgets it."""
        self.wait = Wait(LOBBY)
        deadline = asyncio.get_running_loop().call_later(lobby.HELLO_S, self._expect_hello)
        try:
            await super().__call__(scope, receive, send)
        finally:
            deadline.cancel()
            self.wait.give_up()
            if self.line is not None:
                self.hub.leave(self.line)

    async def connect(self) -> None:
        """Accept who is signed in; the Origin was checked before (messenger/asgi.py)."""
        offered = self.scope.get("subprotocols") or []
        await self.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None)
        if not self.wait.take(address_of(self.scope)):
            await self._turn_away(TOO_MANY)
            return
        try:
            guest = await in_database(guest_of_scope, self.scope)
        except Exception:  # the database may be away: the client comes back by itself
            log.exception("socket_failed", step="connect")
            await self._turn_away(TRY_AGAIN_LATER)
            return
        if guest is None:
            await self._turn_away(SESSION_ENDED)
            return
        if not self.wait.show(guest.person.pk):
            await self._turn_away(TOO_MANY)
            return
        self.guest = guest
        self.throttle = Throttle(rate=settings.ONRECORD_SOCKET_RATE, now=time.monotonic())
        self.hub = hub_of_this_loop(SOURCE)

    async def dispatch(self, message: Any) -> None:
        """Answer one ASGI message; without Channels' look at the database connections, which costs a thread each."""
        handler = getattr(self, message["type"].replace(".", "_"))
        await handler(message)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answer one frame. What was sent before our close arrived is passed over."""
        if self.is_over:
            return
        if text_data is None or len(text_data.encode(errors="replace")) > settings.ONRECORD_FRAME_BYTES:
            await self._turn_away(BAD_FRAME)
            return
        client_key: str | None = None
        metrics.count(metrics.FRAMES_IN)
        try:
            frame = frames_in.parse(text_data)
            client_key = frame.get("client_key") if isinstance(frame.get("client_key"), str) else None
            if not self.throttle.take(time.monotonic()):
                raise frames_in.BadFrame("throttled", None, "Too many frames: wait a second.")
            await self._answer(frame)
        except (frames_in.BadFrame, errors.Denial) as error:
            await self._say_error(error.code, error.field, error.message, client_key)
            if self.throttle.is_hopeless:
                await self._turn_away(BAD_FRAME)
        except UNRECORDED:
            await self._say_error("unavailable", None, AGAIN, client_key)
        except Exception:  # whatever broke on our side: the sender is told, and the socket stays open
            log.exception("socket_failed", step="receive")
            await self._say_error("failed", None, FAILED, client_key)

    async def _answer(self, frame: dict[str, Any]) -> None:
        kind = frame["t"]
        if kind == "hello":
            await self._try_hello(frames_in.cursors_of(frame))
        elif self.line is None:
            raise frames_in.BadFrame("hello_first", "t", "The first frame must be hello.")
        elif kind == "post":
            await self._post(frame)
        elif kind == "read":
            n = frames_in.number_of(frame, "n")
            await as_act(self._mark_read, frames_in.number_of(frame, "c"), n)
        elif kind == "typing":
            await self._typing(frames_in.number_of(frame, "c"))
        else:
            await self._say({"t": "pong", "heads": await in_database(read_heads, self.guest.person)})

    async def _try_hello(self, cursors: dict[int, int]) -> None:
        """A socket that could not begin is of no use: it is closed, and the client begins anew."""
        if self.line is None and self.hub.count_of(self.guest.person.pk) >= MOST_SOCKETS:
            await self._turn_away(TOO_MANY)
            return
        try:
            await self._hello(cursors)
        except (frames_in.BadFrame, errors.Denial):
            raise
        except Exception:
            log.exception("socket_failed", step="hello")
            await self._turn_away(TRY_AGAIN_LATER)

    async def _hello(self, cursors: dict[int, int]) -> None:
        if self.line is not None:
            raise frames_in.BadFrame("conflict", "t", "This socket has said hello already.")
        self.line = Line(
            person_id=self.guest.person.pk,
            session_id=self.guest.session_id,
            outlet=outlet_of(self.base_send, send=self._send_bytes),
            close=self._hang_up,
            ends_at=self.guest.ends_at,
        )
        self.wait.give_up()
        await self.hub.join(self.line)
        # Read after join: what ends from now on is seen by the hub, what ended before is seen here.
        if await in_database(live_person, self.guest) is None:
            self.line.end(SESSION_ENDED)
            return
        places = await in_database(read_places, self.guest.person)
        await self._say(self._welcome(places))
        for place in places:
            if cursors.get(place.conversation_id, 0) > place.head:
                await self._say({"t": "reset", "c": place.conversation_id, "head": place.head})
        self.hub.follow(self.line, {place.conversation_id: _start(place, cursors) for place in places})
        self.hub.greet(self.line)

    def _welcome(self, places: Sequence[Place]) -> dict[str, Any]:
        return {
            "t": "welcome",
            "v": 1,
            "conn": uuid.uuid4().hex,
            "build": BUILD_ID,
            "me": self.guest.person.pk,
            "heads": [place.as_head() for place in places],
            "limits": {"body_bytes": settings.ONRECORD_BODY_BYTES, "frame_bytes": settings.ONRECORD_FRAME_BYTES},
        }

    async def _post(self, frame: dict[str, Any]) -> None:
        conversation_id, key = frames_in.number_of(frame, "c"), frames_in.key_of(frame)
        body, attachments = frame.get("body"), frame.get("attachments", [])
        person, door = self.guest.person, self.guest.door
        if attachments == []:
            outcome = await actions.post_from_loop(
                person, conversation_id=conversation_id, client_key=key, body=body, door=door
            )
        else:  # in a thread: their store is asked first, and nobody else's commit waits for it
            act = partial(actions.post_message, person, conversation_id=conversation_id, client_key=key, body=body)
            outcome = await as_act(act, attachments=attachments, door=door)
        await self._say(await _answer_to(outcome))

    def _mark_read(self, conversation_id: int, n: int) -> None:
        with coming_in_by(self.guest.door):
            actions.mark_read(self.guest.person, conversation_id=conversation_id, n=n)

    async def _typing(self, conversation_id: int) -> None:
        """What comes too often is left out without a word: it is of no weight. Refused first, so that a conversation
        that is absent or not theirs is always answered alike."""
        await in_database(self._require_seat, conversation_id)
        person_id = self.guest.person.pk
        if settings.ONRECORD_TYPING and TYPING.passes(person_id, conversation_id, time.monotonic()):
            bus.announce_typing(conversation_id, person_id)

    def _require_seat(self, conversation_id: int) -> None:
        access_conversation(self._fresh_person(), conversation_id)

    def _fresh_person(self) -> Person:
        """Return the person as they are now: a socket outlives role changes and sign-outs."""
        person = live_person(self.guest)
        if person is None:
            raise errors.NotFound
        return person

    def _expect_hello(self) -> None:
        """Who has not said hello by now says nothing; the place is for others."""
        if self.line is None and not self.is_over:
            self.hanging_up = asyncio.get_running_loop().create_task(self._turn_away(NO_HELLO))

    async def _turn_away(self, code: int) -> None:
        """Close the socket for what was asked of us here; a line that is ended counts its own close."""
        if not self.is_over:
            metrics.count(metrics.CLOSED, reason=str(code))
        await self._hang_up(code)

    async def _hang_up(self, code: int) -> None:
        """Close the socket, once: uvicorn takes a second close for an error of ours."""
        if not self.is_over:
            self.is_over = True
            await self.close(code=code)

    async def _say_error(self, code: str, field: str | None, message: str, client_key: str | None) -> None:
        frame = {"t": "error", "code": code, "field": field, "message": message}
        await self._say(frame | ({"client_key": client_key} if client_key else {}))

    async def _say(self, frame: dict[str, Any]) -> None:
        """Answer by the same bounded way as everything else; who asks without ever reading is closed as too slow."""
        if self.line is None:
            await self._send_bytes(live.encode(frame))
        else:
            self.line.offer(parcel(live.encode(frame)))

    async def _send_bytes(self, frame: bytes) -> None:
        """Send what there is still somebody for: after a client's close frame the servers raise, each its own error."""
        with contextlib.suppress(Disconnected, OSError):
            await self.send(text_data=frame.decode())


async def _answer_to(outcome: actions.Posted | actions.Refusal) -> dict[str, Any]:
    if isinstance(outcome, actions.Refusal):
        return refusal_frame(outcome)
    message = outcome.message
    # What became of a text to a phone is in the database; all else of a message is at hand.
    shown = await in_database(rendered, message) if message.channel == "sms" else rendered(message)
    key = str(message.client_key)
    return {"t": "ack", "c": message.conversation_id, "n": message.n, "client_key": key, "message": shown}


def _start(place: Place, cursors: dict[int, int]) -> Start:
    """Return after which number to send: nothing for a conversation the client does not hold, and for one too far
    behind (its head in `welcome` tells the client to sync)."""
    cursor = cursors.get(place.conversation_id)
    if cursor is None or cursor > place.head or place.head - cursor > CATCH_UP_EVENTS:
        cursor = place.head
    return Start(cursor=cursor, head=place.head, stay=place.stay)
