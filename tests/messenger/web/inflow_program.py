"""Daphne over an application that takes the first frame of a socket and then waits to be told to go on.

Arguments: the port, and `bounded` or `unbounded`. Any HTTP request lets it go on; the answer to the next one is how
many frames it has taken, and whether their numbers were in order.
"""

import asyncio
import sys
from typing import Any

from daphne.server import Server

from messenger.web.inflow import bound_frames_of_daphne, read_protocols_of_daphne

_go_on = asyncio.Event()
_taken: list[int] = []


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:  # Any: ASGI's callables
    if scope["type"] == "http":
        _go_on.set()
        answer = f"{len(_taken)} {_taken == sorted(_taken)}".encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": answer})
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        _taken.append(int(message["text"][:8]))
        await _go_on.wait()


if __name__ == "__main__":
    if sys.argv[2] == "bounded":
        bound_frames_of_daphne()
        read_protocols_of_daphne()
    Server(application=application, endpoints=[f"tcp:port={sys.argv[1]}:interface=127.0.0.1"]).run()
