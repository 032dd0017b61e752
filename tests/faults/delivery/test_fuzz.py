"""Frames that nobody should send, in every state of the protocol: no traceback, no close 1011, nobody else disturbed.

Control: a server that takes frames as they come is found by what it logs. `make faults` sends 10,000 frames.
"""

import asyncio
import base64
import contextlib
import json
import random
import struct
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from autobahn.exception import Disconnected

from messenger.web.sockets import ChatSocket
from tests.faults.delivery.clients import Seat
from tests.faults.delivery.frames_fuzz import CLOSE, raw_frame, shaped_frame, wire
from tests.faults.delivery.history import Limits, Line, judge, read_log
from tests.faults.delivery.rig import IS_LONG, SEED, Rig, memory_of, open_office, read_store, run_load
from tests.stack import ROOT, Stack, new_stack

FRAMES = 10_000 if IS_LONG else 1_000
STATES = ("fresh", "greeted", "in a fragment", "closing")
GROWTH = 0.05 if IS_LONG else 0.3  # a short run measures the warming up
WITNESS_P99_S = 0.25 if IS_LONG else 2.0
CONTROL_FRAMES = 60
SILENCE_S = 1.0
LAST = "the last frame of this connection"
SHAPED = 0.6  # of the connections; the others send bytes
if not IS_LONG:
    pytestmark = pytest.mark.backend("sqlite")  # the other database in the long form


@dataclass
class Attacker:
    """One connection after another, by hand, to send bytes that no library would."""

    seat: Seat
    port: int
    conversation: int
    codes: Counter[int] = field(default_factory=Counter)  # with which the server closed
    answers: Counter[str] = field(default_factory=Counter)

    async def attack(self, dice: random.Random, *, state: str, frames: int) -> None:
        """Bring a new connection into a state and send frames; a connection that ends early has had enough."""
        reader, writer = await self._open()
        try:
            writer.write(self._prelude(state))
            # The first broken frame ends the connection: those that are only senseless go by themselves.
            is_shaped = dice.random() < SHAPED
            for _ in range(frames):
                writer.write(shaped_frame(dice, conversation=self.conversation) if is_shaped else raw_frame(dice))
            writer.write(wire(json.dumps({"t": "post", "client_key": LAST}).encode()))
            await self._read(reader)
        finally:
            writer.transport.abort()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        lines = {
            "Host": f"localhost:{self.port}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": "onrecord.v1",
            "Origin": f"http://localhost:{self.port}",
            **self.seat.headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(f"GET /ws HTTP/1.1\r\n{head}\r\n".encode())
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
        assert answer.startswith(b"HTTP/1.1 101"), answer
        return reader, writer

    def _prelude(self, state: str) -> bytes:
        hello = wire(json.dumps({"t": "hello", "v": 1, "cursors": {str(self.conversation): 1}}).encode())
        return {
            "fresh": b"",
            "greeted": hello,
            "in a fragment": hello + wire(b'{"t":', fin=False),
            "closing": hello + wire(struct.pack("!H", 1000), opcode=CLOSE),
        }[state]

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """Read what the server says until it closes, has answered the last frame, or falls silent."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            while True:
                head = await asyncio.wait_for(reader.readexactly(2), SILENCE_S)
                size = head[1]
                if size >= 126:
                    size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
                payload = await reader.readexactly(size)
                if head[0] & 15 == CLOSE:
                    self.codes[int.from_bytes(payload[:2], "big")] += 1
                    return
                if head[0] & 15 == 1:
                    frame = json.loads(payload)
                    self.answers[frame.get("code", frame["t"])] += 1
                    if frame.get("client_key") == LAST:
                        return


@pytest.fixture
def stack() -> Stack:
    stack = new_stack()
    stack.environment["ONRECORD_SOCKET_RATE"] = "100000"  # every frame is to be looked at
    return stack


def test_no_frame_makes_the_server_fail_or_disturbs_anybody(stack: Stack) -> None:
    office = open_office(stack, people=3, conversations=1)
    attacker = Attacker(office.seats[2], stack.web.port, office.conversations[0])
    stack.web.start()
    try:
        rig = run_load(stack, office, lambda rig: storm(rig, stack, attacker), name="fuzz")
    finally:
        stack.web.stop()
    log = read_log(rig.log.path)
    verdict = judge(log, read_store(stack), Limits(memory_growth=GROWTH))
    quiet, loud = percentiles(log)
    print(
        f"seed {SEED}, {FRAMES} frames in {len(STATES)} states: {verdict.line()}; witness p99 {quiet * 1000:.0f} ms "
        f"before, {loud * 1000:.0f} ms during; closes {dict(attacker.codes)}; answers {dict(attacker.answers)}"
    )
    assert verdict.faults == []
    assert "Traceback" not in stack.log() and "socket_failed" not in stack.log()
    assert 1011 not in attacker.codes
    assert attacker.answers["failed"] == 0
    assert min(attacker.answers[code] for code in ("malformed_json", "unknown_type", "invalid", "hello_first")) > 0
    assert loud <= WITNESS_P99_S


async def storm(rig: Rig, stack: Stack, attacker: Attacker) -> None:
    dice = random.Random(SEED)
    rig.add_reader(1)
    rig.add_sender(0, pause_s=0.05)
    await rig.start()
    await rig.some_more(20)
    rig.log.note("fault", what="fuzz")
    sent = 0
    while sent < FRAMES:
        count = dice.randrange(1, 20)
        await attacker.attack(dice, state=STATES[sent % len(STATES)], frames=count)
        sent += count
        rig.log.note("memory", rss=memory_of(stack.web))


def percentiles(log: list[Line]) -> tuple[float, float]:
    """Return the p99 of a message from its sender to the witness, before the first strange frame and after it."""
    began = next(line["t"] for line in log if line["event"] == "fault")
    sent = {line["key"]: line["t"] for line in log if line["event"] == "sent"}
    parts: tuple[list[float], list[float]] = ([], [])
    for line in log:
        if line["event"] == "received" and line.get("key") in sent:
            parts[line["t"] > began].append(line["t"] - sent[line["key"]])
    before, during = (sorted(part)[int(len(part) * 0.99)] for part in parts)
    return before, during


@pytest.mark.parametrize("error", [Disconnected("closed protocol"), ConnectionResetError()])
async def test_an_answer_that_finds_nobody_is_no_failure_of_ours(error: Exception) -> None:
    """Found by the storm: between a client's close frame and the end of its connection, servers raise at a send."""

    async def nobody_there(_message: object) -> None:
        raise error

    door = ChatSocket()
    door.base_send = nobody_there
    await door._send_bytes(b"{}")


@pytest.mark.faults_only
def test_a_server_that_takes_frames_as_they_come_is_caught(stack: Stack) -> None:
    office = open_office(stack, people=3, conversations=1)
    attacker = Attacker(office.seats[2], stack.web.port, office.conversations[0])
    stack.environment["PYTHONPATH"] = str(ROOT)
    program = str(Path(__file__).with_name("broken_server.py"))
    stack.web.arguments = (program, "believe-every-frame", *stack.web.arguments[1:])
    stack.web.start()
    try:
        dice = random.Random(SEED)
        for _ in range(5):
            asyncio.run(attacker.attack(dice, state="greeted", frames=CONTROL_FRAMES // 5))
    finally:
        stack.web.stop()
    print(f"control: {stack.log().count('socket_failed')} failures logged, answers {dict(attacker.answers)}")
    assert "Traceback" in stack.log()
    assert attacker.answers["failed"] > 0
