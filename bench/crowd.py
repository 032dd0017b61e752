"""The load of `fanout`: a crowd in one room that counts what it hears. A program of its own, on another core.

Reads lines of JSON: first who to be, then one row after another; answers each with a line. What was sent and not heard
by everybody in time is `lost`, what somebody heard more often than it was sent is `doubled`.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import uvloop

from bench.wires import STAMP, OnRecordWire, Wire, XmppWire

PADDING = "Could you send me the term sheet for the seven year note before we speak?"
PATIENCE_S = 30.0
SENDERS = 8
AT_ONCE = 16


@dataclass
class Crowd:
    """Everybody in the room; the first ones also speak."""

    room: str
    wires: list[Wire] = field(default_factory=list)
    heard: int = 0
    wanted: int = 0
    delays_s: list[float] = field(default_factory=list)
    is_timing: bool = False
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, wire: Wire, data: bytes) -> None:
        count = data.count(wire.needle)
        wire.count += count
        self.heard += count
        if self.is_timing:
            now = time.monotonic_ns()
            self.delays_s += [(now - int(sent)) / 1e9 for sent in wire.stamp.findall(data)]
        if self.heard >= self.wanted:
            self.reached.set()

    async def expect(self, total: int) -> bool:
        """Wait until everybody together has heard so much; False when it does not come."""
        self.wanted = total
        self.reached.clear()
        if self.heard < total:
            try:
                await asyncio.wait_for(self.reached.wait(), timeout=PATIENCE_S)
            except TimeoutError:
                return False
        return True

    def counts(self) -> list[int]:
        return [wire.count for wire in self.wires]

    def account(self, before: list[int], *, spoken: int) -> dict[str, int]:
        """Say what is missing and what came twice, member by member: one's second copy is not another's first."""
        heard = [now - then for now, then in zip(self.counts(), before, strict=True)]
        return {
            "lost": sum(max(0, spoken - count) for count in heard),
            "doubled": sum(max(0, count - spoken) for count in heard),
        }

    def speak(self, number: int) -> None:
        speaker = self.wires[number % min(SENDERS, len(self.wires))]
        speaker.post(self.room, (STAMP % time.monotonic_ns()) + PADDING)


async def gather(who: dict[str, Any]) -> Crowd:
    """Connect everybody, a few at a time."""
    crowd = Crowd(room=who["room"])
    gate = asyncio.Semaphore(AT_ONCE)
    loop = asyncio.get_running_loop()

    async def enter(number: int, name: str) -> None:
        async with gate:
            make = OnRecordWire if who["kind"] == "onrecord" else XmppWire
            _, wire = await loop.create_connection(lambda: make(crowd.take), "127.0.0.1", who["port"])
            if isinstance(wire, OnRecordWire):
                await wire.open(url=who["url"], token=name)
            else:
                await wire.open(nick=name)
            crowd.wires.append(wire)

    names = who["names"]
    await enter(0, names[0])  # makes the room
    await asyncio.gather(*(enter(number, name) for number, name in enumerate(names) if number))
    await asyncio.sleep(1)
    return crowd


async def keep_in_flight(crowd: Crowd, *, in_flight: int, seconds: float) -> dict[str, Any]:
    """Speak so that so many messages are always under way; a message is over when everybody has heard it."""
    size, begin = len(crowd.wires), time.monotonic()
    first, before = crowd.heard, crowd.counts()
    lasts: list[float] = []
    spoken = over = 0
    while time.monotonic() < begin + seconds or over < spoken:
        while time.monotonic() < begin + seconds and spoken - over < in_flight:
            crowd.speak(spoken)
            lasts.append(time.monotonic())
            spoken += 1
        if not await crowd.expect(first + (over + 1) * size):
            break
        now_over = (crowd.heard - first) // size
        for number in range(over, now_over):
            lasts[number] = time.monotonic() - lasts[number]
        over = now_over
    times = sorted(lasts[:over]) or [0.0]
    return {
        "deliveries_per_s": round(over * size / (time.monotonic() - begin)),
        "last_p50_ms": round(times[len(times) // 2] * 1000, 1),
        "last_p99_ms": round(times[len(times) * 99 // 100] * 1000, 1),
        "messages": over,
        **crowd.account(before, spoken=spoken),
    }


async def speak_in_time(crowd: Crowd, *, per_second: float, seconds: float) -> dict[str, Any]:
    """Speak at a steady pace whatever comes back; every delivery is timed."""
    size, first, begin = len(crowd.wires), crowd.heard, time.monotonic()
    before = crowd.counts()
    crowd.delays_s, crowd.is_timing = [], True
    count = int(per_second * seconds)
    for number in range(count):
        await asyncio.sleep(max(0.0, begin + number / per_second - time.monotonic()))
        crowd.speak(number)
    await crowd.expect(first + count * size)
    crowd.is_timing = False
    times = sorted(crowd.delays_s) or [0.0]
    return {
        "p50_ms": round(times[len(times) // 2] * 1000, 1),
        "p99_ms": round(times[len(times) * 99 // 100] * 1000, 1),
        "messages": count,
        **crowd.account(before, spoken=count),
    }


async def serve() -> None:
    loop = asyncio.get_running_loop()
    crowd = await gather(json.loads(await loop.run_in_executor(None, sys.stdin.readline)))
    print(json.dumps({"connected": len(crowd.wires)}), flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        wish = json.loads(line)
        began, used = time.perf_counter(), time.process_time()
        row = keep_in_flight if "in_flight" in wish else speak_in_time
        figures = await row(crowd, **wish)
        figures["load_used_s"] = time.process_time() - used
        figures["load_used_core"] = round(figures["load_used_s"] / (time.perf_counter() - began), 2)
        figures["hung_up"] = sum(wire.is_lost for wire in crowd.wires)
        print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    uvloop.run(serve())
