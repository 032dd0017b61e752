"""A reference client of the protocol: what docs/protocol.md says, and nothing that it does not say.

Keeps one cursor per conversation, resumes by it, fills gaps by `sync`, posts with a client key until it is told the
outcome, and comes back when the connection is lost. `python -m bench.client URL TOKEN` prints what is said; a line
`7 Good morning` on its input posts to conversation 7.
"""

import argparse
import asyncio
import contextlib
import json
import random
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

Frame = dict[str, Any]  # Any: frames are JSON objects
NOT_SIGNED_IN, RECONNECT_AT_ONCE = 4001, 4003
FIRST_S, LONGEST_S, PING_S = 0.5, 30.0, 20.0


class SignedOut(Exception):
    """The token or the session is no longer good: the client must not come back by itself."""


@dataclass
class Client:
    """One person's client. `on_event` gets every event once and in order; `cursors` may be kept between runs.

    `on_reset` gets a conversation of which what was told before is no longer true: a database was put back.
    """

    url: str
    token: str
    on_event: Callable[[Frame], None]
    cursors: dict[int, int] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    on_reset: Callable[[int], None] = lambda conversation: None
    _bye_s: float | None = None
    _tries: int = 0

    def __post_init__(self) -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        self._http = httpx.AsyncClient(base_url=f"{self.url}/api/v1/", headers=headers, timeout=30)

    async def run(self) -> None:
        """Stay connected for ever; raises SignedOut."""
        while True:
            code = await self._live_once()
            if code == NOT_SIGNED_IN:
                raise SignedOut
            await asyncio.sleep(self._wait_after(code))

    async def post(self, conversation: int, body: str) -> Frame:
        """Say something and return the message. Lost answers, and "later", are asked again with the same client key."""
        wish = {"client_key": str(uuid.uuid4()), "body": body}
        for tries in range(10):
            with contextlib.suppress(httpx.TransportError):
                answer = await self._http.post(f"conversations/{conversation}/messages", json=wish)
                if answer.status_code < 500 and answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                    answer.raise_for_status()
                    return dict(answer.json())
            await asyncio.sleep(_jitter(tries))
        raise TimeoutError("the server cannot be reached; nobody knows whether the message was taken")

    async def sync(self) -> None:
        """Fetch what came after the cursors, page by page."""
        conversations = list(self.cursors)
        for first in range(0, len(conversations), 200):  # more of them would make too long an address
            await self._sync(conversations[first : first + 200])

    async def _sync(self, conversations: list[int]) -> None:
        is_limited = True
        while is_limited:
            after = ",".join(f"{c}:{self.cursors[c]}" for c in conversations)
            answer = await self._http.get("sync", params={"after": after})
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                raise SignedOut
            answer.raise_for_status()
            found = answer.json()
            for event in found["events"]:
                self._tell(event)
            for conversation, head in found["reset"]:
                self._reset(conversation, head)
            is_limited = found["limited"] and bool(found["events"])

    async def _live_once(self) -> int | None:
        """Hold one connection from hello to its end; return its close code."""
        socket_url = self.url.replace("http", "ws", 1) + "/ws"
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            async with connect(
                socket_url,
                origin=Origin(self.url),
                subprotocols=[Subprotocol("onrecord.v1")],
                additional_headers=headers,
                max_size=None,
            ) as socket:
                cursors = {str(c): n for c, n in self.cursors.items()}
                await socket.send(json.dumps({"t": "hello", "v": 1, "cursors": cursors}))
                pinging = asyncio.create_task(_ping(socket))
                try:
                    async for text in socket:
                        await self._take(json.loads(text))
                finally:
                    pinging.cancel()
                return socket.close_code
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None
        except (OSError, InvalidStatus, httpx.HTTPError):
            return None

    async def _take(self, frame: Frame) -> None:
        kind = frame["t"]
        if kind == "ev" and not self._take_event(frame):
            await self.sync()
        elif kind == "welcome":
            self._tries, self.limits = 0, frame["limits"]
            await self._meet([head[:2] for head in frame["heads"]], is_new=True)
        elif kind == "pong":
            await self._meet(frame["heads"], is_new=False)
        elif kind == "reset":
            self._reset(frame["c"], frame["head"])
        elif kind == "bye":
            self._bye_s = frame["reconnect_ms"] / 1000

    async def _meet(self, heads: list[list[int]], *, is_new: bool) -> None:
        """Compare the heads with our cursors. What is new to us in a welcome begins at its head, later at its begin."""
        for conversation, head in heads:
            self.cursors.setdefault(conversation, head if is_new else 0)
        far = 200 if is_new else 0  # up to so many events the server sends by itself after a welcome
        if any(head - self.cursors[conversation] > far for conversation, head in heads):
            await self.sync()

    def _take_event(self, event: Frame) -> bool:
        """Take the next event, pass over an old one; False when there is a gap before it."""
        # Without a cursor: we have come into it since the welcome, and all that we may read of it is new.
        if event["n"] > self.cursors.setdefault(event["c"], 0) + 1:
            return False
        self._tell(event)
        return True

    def _tell(self, event: Frame) -> None:
        """Pass on an event that is not old. In what `sync` answers a gap is what was said while we did not belong."""
        if event["n"] > self.cursors.get(event["c"], 0):
            self.cursors[event["c"]] = event["n"]
            self.on_event(event)

    def _reset(self, conversation: int, head: int) -> None:
        """Begin again at the head, which is behind our cursor."""
        self.cursors[conversation] = head
        self.on_reset(conversation)

    def _wait_after(self, code: int | None) -> float:
        bye_s, self._bye_s = self._bye_s, None
        if bye_s is not None:
            return bye_s
        self._tries += 1
        if code == RECONNECT_AT_ONCE and self._tries == 1:
            return 0.0
        return _jitter(self._tries)


def _jitter(tries: int) -> float:
    """Return a random wait under a doubling limit."""
    return random.uniform(0, min(LONGEST_S, FIRST_S * 2 ** min(tries, 10)))


async def _ping(socket: ClientConnection) -> None:
    """Ask for the heads now and then: what is missing then is a gap."""
    while True:
        await asyncio.sleep(PING_S)
        await socket.send('{"t":"ping"}')


async def _talk(url: str, token: str) -> None:
    client = Client(url, token, on_event=lambda event: print(json.dumps(event), flush=True))
    running = asyncio.create_task(client.run())
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        conversation, _, body = line.strip().partition(" ")
        await client.post(int(conversation), body)
    await running


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.client")
    parser.add_argument("url")
    parser.add_argument("token")
    given = parser.parse_args()
    asyncio.run(_talk(given.url, given.token))
