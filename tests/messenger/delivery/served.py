"""A small ASGI application over the real lines and outlets, for tests that run it under real servers.

A socket obeys words: `burst N SIZE` (N numbered frames to itself), `everybody N SIZE` (to all sockets, one batch),
`stats`, `end CODE`, `stall SECONDS` (it hears nothing meanwhile, not even that its client has gone). It uses neither
Django nor a database.
"""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from typing import Any

from messenger.delivery import metrics
from messenger.delivery.line import Line
from messenger.delivery.outlets import outlet_of
from messenger.delivery.parcels import join, parcel

LINES: set[Line] = set()
_numbers = itertools.count(1)  # of what everybody hears
Send = Callable[[Any], Awaitable[None]]


async def application(scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Send) -> None:
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})
        return
    await receive()
    await send({"type": "websocket.accept"})
    line = _line(send)
    LINES.add(line)
    try:
        while (message := await receive())["type"] == "websocket.receive":
            words = message["text"].split()
            if words[0] == "stall":
                await asyncio.sleep(float(words[1]))
            else:
                _obey(line, words)
    finally:
        LINES.discard(line)
        line.stop()


def _line(send: Send) -> Line:
    async def send_text(payload: bytes) -> None:
        await send({"type": "websocket.send", "text": payload.decode()})

    async def close(code: int) -> None:
        await send({"type": "websocket.close", "code": code})

    return Line(person_id=1, session_id=None, outlet=outlet_of(send, send=send_text), close=close)


def _obey(line: Line, words: list[str]) -> None:
    if words[0] == "burst":
        for part in join(_numbered(n, int(words[2])) for n in range(1, int(words[1]) + 1)):
            line.offer(part)
    elif words[0] == "everybody":
        parts = join(_numbered(next(_numbers), int(words[2])) for _ in range(int(words[1])))
        for one, part in itertools.product(tuple(LINES), parts):
            one.offer(part)
    elif words[0] == "end":
        line.end(int(words[1]))
    else:
        line.offer(parcel(json.dumps(_stats(line)).encode()))


def _numbered(n: int, size: int) -> bytes:
    return json.dumps({"n": n, "pad": "é" * (size // 2)}, ensure_ascii=False).encode()


def _stats(line: Line) -> dict[str, Any]:
    return {
        "outlet": type(line.outlet).__name__,
        "fullest": max(one.outlet.fullness() for one in LINES),
        "lines": len(LINES),
        "closed": {sample.reason: sample.value for sample in metrics.samples() if sample.name == metrics.CLOSED},
    }
