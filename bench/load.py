"""The load of `http`: senders that post one message after another, each waiting for its acknowledgement.

A program of its own, on another core than the server. It speaks HTTP as docs/protocol.md says, imports
nothing of the product and prints one JSON line. It must not count a message that was not acknowledged.
"""

import argparse
import asyncio
import json
import time
import uuid
from urllib.parse import urlsplit

BODY = "Could you send me the term sheet for the seven year note before we speak to the client? "


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.load")
    parser.add_argument("url")
    parser.add_argument("seats", help="TOKEN@CONVERSATION of each sender, with commas between")
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    seats = [(token, int(number)) for token, _, number in (seat.partition("@") for seat in options.seats.split(","))]
    taken = asyncio.run(run(options.url, seats, seconds=options.seconds))
    print(json.dumps(taken))


async def run(url: str, seats: list[tuple[str, int]], *, seconds: float) -> dict[str, object]:
    """Let every sender send until the time is over; the first tenth of it is not counted."""
    start = Start(len(seats), seconds=seconds)
    taken = await asyncio.gather(*(send_by_http(url, token, number, start=start) for token, number in seats))
    begin = start.until - seconds
    times = sorted(took for part in taken for at, took in part if at > begin + seconds / 10)
    if not times:
        raise RuntimeError("nothing was acknowledged in time")
    return {
        "acknowledged": sum(map(len, taken)),
        "per_second": round(len(times) / (seconds * 0.9)),
        "p50_ms": round(times[len(times) // 2] * 1000, 1),
        "p99_ms": round(times[len(times) * 99 // 100] * 1000, 1),
        "load_used_core": round(time.process_time() / (time.perf_counter() - begin), 2),
    }


class Start:
    """Where all senders wait for each other once they are connected; then the time runs."""

    def __init__(self, senders: int, *, seconds: float) -> None:
        self._barrier = asyncio.Barrier(senders)
        self._seconds = seconds
        self.until = 0.0

    async def wait(self) -> float:
        """Return until when to send."""
        await self._barrier.wait()
        self.until = self.until or time.perf_counter() + self._seconds
        return self.until


async def send_by_http(url: str, token: str, conversation: int, *, start: Start) -> list[tuple[float, float]]:
    """Post over one connection that stays open; return when each acknowledgement came, and how long it took."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = (
        f"POST /api/v1/conversations/{conversation}/messages HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: "
    )
    taken: list[tuple[float, float]] = []
    until = await start.wait()
    while (started := time.perf_counter()) < until:
        body = json.dumps({"client_key": str(uuid.uuid4()), "body": BODY})
        writer.write(f"{head}{len(body)}\r\n\r\n{body}".encode())
        status = await _read_answer(reader)
        if status != 201:
            raise RuntimeError(f"the server answered {status}")
        now = time.perf_counter()
        taken.append((now, now - started))
    writer.close()
    return taken


async def _read_answer(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    await reader.readexactly(int(fields["content-length"]))
    return int(head.split(" ", 2)[1])


if __name__ == "__main__":
    main()
