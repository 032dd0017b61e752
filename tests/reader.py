"""A client of the socket for tests, written from docs/protocol.md: says hello, keeps frames, knows its cursors.

Every frame that comes is held against docs/frames.schema.json.
"""

import json
import time
import uuid
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.frame_schema import faults_of
from tests.stack import Stack, cookie_header

Frame = dict[str, Any]


@dataclass
class Reader:
    """One open socket. `frames` holds all that came, `closed` the close code once it is closed."""

    socket: ClientConnection
    opened: ExitStack
    frames: list[Frame] = field(default_factory=list)
    closed: int | None = None

    @classmethod
    def open(cls, stack: Stack, browser: httpx.Client, *, origin: str | None = None, path: str = "/ws") -> Self:
        """Open the socket with the browser's cookies; no hello yet."""
        opened = ExitStack()
        socket = opened.enter_context(
            connect(
                f"{stack.url.replace('http', 'ws')}{path}",
                origin=Origin(origin or stack.url),
                subprotocols=[Subprotocol("onrecord.v1")],
                additional_headers={"Cookie": cookie_header(browser)},
                max_size=2**24,
            )
        )
        return cls(socket, opened)

    @classmethod
    def hello(cls, stack: Stack, browser: httpx.Client, cursors: dict[int, int] | None = None) -> Self:
        """Open the socket, say hello and wait for the welcome."""
        reader = cls.open(stack, browser)
        reader.say({"t": "hello", "v": 1, "cursors": {str(c): n for c, n in (cursors or {}).items()}})
        reader.wait_for("welcome")
        return reader

    def say(self, frame: Frame | str | bytes) -> None:
        try:
            self.socket.send(json.dumps(frame) if isinstance(frame, dict) else frame)
        except ConnectionClosed as closed:
            self._note(closed)

    def post(self, conversation: int, body: str, key: str | None = None) -> str:
        key = key or str(uuid.uuid4())
        self.say({"t": "post", "c": conversation, "client_key": key, "body": body})
        return key

    def listen(self, seconds: float) -> None:
        """Keep whatever comes within the time."""
        deadline = time.monotonic() + seconds
        while self.closed is None and (left := deadline - time.monotonic()) > 0:
            self._take(left)

    def wait_for(self, t: str, *, seconds: float = 10, **fields: Any) -> Frame:
        """Return the first frame of type `t`, kept or coming, whose fields are these."""
        deadline = time.monotonic() + seconds
        while True:
            found = next((f for f in self.frames if f["t"] == t and _has(f, fields)), None)
            if found is not None:
                return found
            left = deadline - time.monotonic()
            assert left > 0 and self.closed is None, f"no {t} {fields} (closed: {self.closed}): {self.frames[-3:]}"
            self._take(left)

    def wait_for_close(self, *, seconds: float) -> int:
        deadline = time.monotonic() + seconds
        while self.closed is None:
            left = deadline - time.monotonic()
            assert left > 0, f"still open after {seconds} s"
            self._take(left)
        return self.closed

    def bodies(self, conversation: int) -> list[str]:
        events = [f for f in self.frames if f["t"] == "ev" and f["c"] == conversation]
        return [f["message"]["body"] for f in events if f["kind"] == "message.created"]

    def close(self) -> None:
        self.opened.close()

    def _take(self, seconds: float) -> None:
        try:
            frame = json.loads(self.socket.recv(timeout=seconds))
        except TimeoutError:
            return
        except ConnectionClosed as closed:
            self._note(closed)
            return
        assert faults_of(frame) == [], frame
        self.frames.append(frame)

    def _note(self, closed: ConnectionClosed) -> None:
        self.closed = closed.rcvd.code if closed.rcvd else 1006


def _has(frame: Frame, fields: dict[str, Any]) -> bool:
    return all(frame.get(key) == value for key, value in fields.items())
