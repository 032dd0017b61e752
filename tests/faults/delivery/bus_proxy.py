"""A Redis that loses, doubles and reorders what is published: a TCP proxy before a real one.

It understands as much of RESP as it takes to find the ends of replies and the messages among them; everything else
passes as it is. Runs in a thread of its own, so that a test may block.
"""

import asyncio
import contextlib
import random
import threading
from collections import Counter
from dataclasses import dataclass, field

from tests import services

START_LIMIT_S = 10.0


@dataclass(frozen=True)
class Mischief:
    """What happens to published messages, each by its probability."""

    drop: float = 0.0
    double: float = 0.0
    reorder: float = 0.0  # held back until after the next one


HONEST = Mischief()


@dataclass
class BusProxy:
    """Listens on a port of its own; `mischief` may be exchanged at any time."""

    upstream_port: int
    seed: int
    port: int = field(default_factory=services.free_port)
    mischief: Mischief = HONEST
    done: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)
        self._held: bytes | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="bus proxy")

    def start(self) -> None:
        self._thread.start()
        serving = asyncio.start_server(self._serve, "127.0.0.1", self.port)
        asyncio.run_coroutine_threadsafe(serving, self._loop).result(START_LIMIT_S)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_LIMIT_S)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        except OSError:
            writer.close()
            return
        there, back = (
            asyncio.create_task(self._copy(reader, up_writer)),
            self._loop.create_task(self._answer(up_reader, writer)),
        )
        await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        for task in (there, back):
            task.cancel()
        for end in (writer, up_writer):
            end.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(2**16):
                writer.write(data)
                await writer.drain()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                reply = await read_reply(reader)
                for part in self._disturb(reply) if is_message(reply) else (reply,):
                    writer.write(part)
                await writer.drain()

    def _disturb(self, message: bytes) -> list[bytes]:
        """Return what becomes of a message: nothing, itself, itself twice, or itself and one that was held back."""
        self.done["seen"] += 1
        if self._dice.random() < self.mischief.drop:
            self.done["dropped"] += 1
            return []
        if self._held is None and self._dice.random() < self.mischief.reorder:
            self.done["reordered"] += 1
            self._held = message
            return []
        out = [message] if self._held is None else [message, self._held]
        self._held = None
        if self._dice.random() < self.mischief.double:
            self.done["doubled"] += 1
            out += out
        return out


def is_message(reply: bytes) -> bool:
    return reply.startswith(b"*3\r\n$7\r\nmessage\r\n")


async def read_reply(reader: asyncio.StreamReader) -> bytes:
    """Return the bytes of one whole RESP 2 reply."""
    line = await reader.readuntil(b"\r\n")
    kind, rest = line[:1], line[1:-2]
    if kind == b"$" and rest != b"-1":
        return line + await reader.readexactly(int(rest) + 2)
    if kind == b"*" and rest != b"-1":
        return line + b"".join([await read_reply(reader) for _ in range(int(rest))])
    return line
