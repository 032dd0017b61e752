"""Clients that send and read under load and write down what they were told, as docs/protocol.md has a client behave.

Senders keep an outbox of one: the same words with the same client key until they are acknowledged. Readers keep a
cursor for each conversation over any number of sockets. They must not look at the database.
"""

import asyncio
import json
import random
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Origin, Subprotocol

from tests.faults.delivery.history import CREATED, Line

TRY_S = 10.0  # for one try to send
PAUSE_S = (0.2, 0.8)
SESSION_ENDED = 4001
CATCH_UP_EVENTS = 200  # further behind than this, the server begins at its head and the client syncs
TRANSIENT = frozenset({"failed", "closed", "unavailable", "throttled"})  # codes of errors on the socket
FINAL = frozenset({400, 401, 403, 404, 409, 422})  # no other answer will come to the same request


@dataclass
class Log:
    """JSON lines, one for each thing that a client was told or the rig did."""

    path: Path

    def __post_init__(self) -> None:
        self._file = self.path.open("w", encoding="utf-8")

    def note(self, event: str, **fields: Any) -> None:
        self.add({"t": time.monotonic(), "event": event, **fields})

    def add(self, line: Line) -> None:
        """Add a line that was written down elsewhere."""
        self._file.write(json.dumps(line) + "\n")

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True)
class Seat:
    """Somebody of the office and the token by which their clients are let in."""

    name: str
    person: int
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass(frozen=True)
class Answer:
    """What came of one try to send: the message, a refusal that is final, or neither: try again."""

    message: Line | None = None
    is_final: bool = False
    why: str = ""


Door = Callable[[int, str, str], Awaitable[Answer]]  # (conversation, client key, body)


def http_door(url: str, seat: Seat, *, headers: dict[str, str] | None = None) -> Door:
    """Return a door that posts through the API, on a connection of its own, by the seat's token or other headers."""
    client = httpx.AsyncClient(base_url=url, headers=headers or seat.headers, timeout=TRY_S)

    async def post(conversation: int, key: str, body: str) -> Answer:
        address = f"/api/v1/conversations/{conversation}/messages"
        try:
            answer = await client.post(address, json={"client_key": key, "body": body})
        except httpx.HTTPError as error:
            return Answer(why=type(error).__name__)
        if answer.status_code in (200, 201):
            return Answer(message=answer.json())
        return Answer(is_final=answer.status_code in FINAL, why=str(answer.status_code))

    return post


@dataclass(eq=False)
class Sender:
    """Says numbered words in one conversation, one after another, each until it is resolved."""

    name: str
    seat: Seat
    conversation: int
    door: Door
    log: Log
    every_s: float = 0.0  # by the clock: what an answer took is made up for
    most: int | None = None
    new_key_each_try: bool = False  # a broken client, for controls
    padding: str = ""  # after the words, for large messages
    is_stopping: bool = False
    acked: int = 0
    failed: int = 0
    why: str = ""  # the last try failed

    async def run(self) -> None:
        number, due = 0, time.monotonic()
        while not self.is_stopping and (self.most is None or number < self.most):
            if not await self._say(f"{self.name} says {number}{self.padding}"):
                return
            number, due = number + 1, due + self.every_s
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _say(self, body: str) -> bool:
        """Return False when there is no use in saying anything more."""
        key = str(uuid.uuid4())
        while True:
            about = {"who": self.name, "c": self.conversation, "key": key}
            self.log.note("sent", **about, person=self.seat.person, body=body)
            answer = await self.door(self.conversation, key, body)
            if answer.message is not None:
                self.acked += 1
                self.log.note("acked", **about | {"n": answer.message["n"], "seq": answer.message["seq"]})
                return True
            if answer.is_final:
                self.log.note("refused", **about, why=answer.why)
                return False
            self.failed += 1
            self.why = answer.why
            self.log.note("failed", **about, why=answer.why)
            await asyncio.sleep(random.uniform(*PAUSE_S))
            key = str(uuid.uuid4()) if self.new_key_each_try else key


@dataclass(eq=False)
class Reader:
    """One device of somebody: reads its conversations through one socket after another, from its own cursors."""

    label: str
    seat: Seat
    url: str
    log: Log
    cursors: dict[int, int]
    headers: dict[str, str] = field(default_factory=dict)  # instead of the token's
    forgets_cursors: bool = False  # a broken client, for controls
    is_stopping: bool = False
    is_online: asyncio.Event = field(default_factory=asyncio.Event)
    socket: ClientConnection | None = None
    closed_with: list[int] = field(default_factory=list)
    _bye_s: float = 0.0  # when to come back, where the server said so
    _synced: dict[int, int] = field(default_factory=dict)
    _waiting: dict[str, asyncio.Future[Line]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.headers = self.headers or self.seat.headers
        for c, after in self.cursors.items():
            self._begin(c, after=after)

    async def run(self) -> None:
        """Read until stopped or the session has ended; come back after everything else."""
        while not self.is_stopping:
            code = await self._one_socket()
            self.is_online.clear()
            self.log.note("closed", reader=self.label, code=code)
            self.closed_with.append(code)
            if code == SESSION_ENDED:
                return
            await asyncio.sleep(self._bye_s or random.uniform(*PAUSE_S))
            self._bye_s = 0.0

    async def stop(self) -> None:
        self.is_stopping = True
        if self.socket is not None:
            await self.socket.close()

    async def post(self, conversation: int, key: str, body: str) -> Answer:
        """Say something through this socket: a door for a Sender."""
        waiting = self._waiting[key] = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait_for(self.is_online.wait(), TRY_S)
            assert self.socket is not None
            await self.socket.send(json.dumps({"t": "post", "c": conversation, "client_key": key, "body": body}))
            frame = await asyncio.wait_for(waiting, TRY_S)
        except (TimeoutError, ConnectionClosed) as error:
            return Answer(why=type(error).__name__)
        finally:
            self._waiting.pop(key, None)
        if frame["t"] == "ack":
            return Answer(message=frame["message"])
        return Answer(is_final=frame["code"] not in TRANSIENT, why=frame["code"])

    async def reach(self, conversation: int, n: int) -> None:
        """Wait until a number was heard; whoever waits has a limit of their own."""
        while self.cursors[conversation] < n:
            await asyncio.sleep(0.02)

    def connection(self) -> dict[str, Any]:
        """Return further options of the connection; nothing for an ordinary device."""
        return {}

    def hang_up(self) -> None:
        """Lose the connection without a word, as a device does that loses its network."""
        if self.socket is not None:
            self.socket.transport.abort()

    async def _one_socket(self) -> int:
        """Serve one socket to its end and return its close code, 1006 where there was none."""
        code = 1006
        try:
            async with connect(
                f"{self.url.replace('http', 'ws')}/ws",
                origin=Origin(self.url),
                subprotocols=[Subprotocol("onrecord.v1")],
                additional_headers=self.headers,
                compression=None,
                open_timeout=TRY_S,
                close_timeout=0.5,
                max_size=2**24,
                **self.connection(),
            ) as self.socket:
                await self._read()
                code = self.socket.close_code or 1006
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else 1006
        except (OSError, WebSocketException, TimeoutError, httpx.HTTPError):
            pass
        finally:
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_result({"t": "error", "code": "closed"})
        return code

    async def _read(self) -> None:
        assert self.socket is not None
        cursors = {} if self.forgets_cursors else {str(c): n for c, n in self.cursors.items()}
        await self.socket.send(json.dumps({"t": "hello", "v": 1, "cursors": cursors}))
        async for text in self.socket:
            await self._take(json.loads(text))

    async def _take(self, frame: Line) -> None:
        if frame["t"] == "ev":
            await self._take_event(frame)
        elif frame["t"] == "welcome":
            self.log.note("connected", reader=self.label)
            for c, head, *_ in frame["heads"]:
                if not self.forgets_cursors and head - self.cursors.get(c, head) > CATCH_UP_EVENTS:
                    await self._sync(c)
            self.is_online.set()
        elif frame["t"] == "bye":
            self._bye_s = frame["reconnect_ms"] / 1000
        elif frame["t"] in ("ack", "error"):
            waiting = self._waiting.get(frame.get("client_key", ""))
            if waiting is not None and not waiting.done():
                waiting.set_result(frame)

    async def _take_event(self, frame: Line) -> None:
        c, n = frame["c"], frame["n"]
        if c not in self.cursors:
            self.cursors[c] = n - 1
            self._begin(c, after=n - 1)
        if n > self.cursors[c] + 1 and not self.forgets_cursors:
            self.log.note("gap", reader=self.label, c=c, n=n, after=self.cursors[c])
            await self._sync(c)
        if n > self._synced.get(c, 0):
            self._hear(frame)

    async def _sync(self, c: int) -> None:
        """Fetch what follows our cursor through the API; what the socket repeats of it is known."""
        async with httpx.AsyncClient(base_url=self.url, headers=self.headers, timeout=TRY_S) as client:
            is_limited = True
            while is_limited:
                answer = await client.get("/api/v1/sync", params={"after": f"{c}:{self.cursors[c]}", "limit": 500})
                answer.raise_for_status()
                found = answer.json()
                for frame in found["events"]:
                    self._hear(frame)
                is_limited = found["limited"]
        self._synced[c] = self.cursors[c]

    def _hear(self, frame: Line) -> None:
        words: dict[str, Any] = {}
        if frame["kind"] == CREATED:
            message = frame["message"]
            words = {"seq": message["seq"], "key": message["client_key"], "body": message["body"]}
            words["author"] = message["author"]["id"]
        place = {"c": frame["c"], "n": frame["n"], "kind": frame["kind"]}
        self.log.note("received", reader=self.label, **place, **words)
        self.cursors[frame["c"]] = max(frame["n"], self.cursors[frame["c"]])

    def _begin(self, c: int, *, after: int) -> None:
        self.log.note("began", reader=self.label, person=self.seat.person, c=c, after=after)
