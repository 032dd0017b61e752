"""Frames that nobody should send, in every state of the protocol: no traceback, no close 1011, nobody else disturbed.

A witness is told messages the whole time; how long they take is compared with times in which as many connections send
as many pings. Control: a server that takes frames as they come is found by what it logs. `make faults` sends 10,000.
"""

import asyncio
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
from tests.faults.delivery.frames_fuzz import CLOSE, broken_upgrade, good_frame, raw_frame, shaped_frame, wire
from tests.faults.delivery.history import Limits, Line, judge, read_log
from tests.faults.delivery.raw_socket import open_raw, upgrade_lines
from tests.faults.delivery.rig import IS_LONG, SEED, Rig, memory_of, open_office, read_store, run_load
from tests.stack import ROOT, Stack, migrated_stack

FRAMES, ROUNDS = (10_000, 20) if IS_LONG else (600, 3)
STATES = ("handshake", "fresh", "greeted", "in a fragment", "closing")
QUIET = 40 if IS_LONG else 10  # messages to the witness between two storms
GROWTH = 0.05 if IS_LONG else 0.3  # a short run measures the warming up
# Undisturbed is: in so short a time, or, on a machine that others use as well, in hardly longer than beside pings.
WITNESS_P99_S, WITNESS_RATIO = (0.25, 1.5) if IS_LONG else (2.0, 3.0)
ORDINARY_EACH = 4  # rounds
CONTROL_FRAMES = 60
SILENCE_S = 1.0
KNOCK_S = 0.3  # a request that was cut off is waited for by the server
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
        if state == "handshake":
            await self._knock(dice, frames)
            return
        # The first broken frame ends the connection: those that are only senseless go by themselves.
        is_shaped = dice.random() < SHAPED
        sent = [
            shaped_frame(dice, conversation=self.conversation) if is_shaped else raw_frame(dice) for _ in range(frames)
        ]
        await self._converse(self._prelude(state) + b"".join(sent))

    async def behave(self, *, state: str, frames: int) -> None:
        """Do what anybody may, on as many connections: open sockets instead of trying to, and ping."""
        if state == "handshake":
            for _ in range(frames):
                await self._converse(b"")
        else:
            await self._converse(self._prelude("greeted") + wire(b'{"t": "ping"}') * frames)

    async def _converse(self, sent: bytes) -> None:
        reader, writer = await open_raw(self.seat, port=self.port)
        try:
            writer.write(sent + wire(json.dumps({"t": "post", "client_key": LAST}).encode()))
            await self._read(reader)
        finally:
            writer.transport.abort()

    async def _knock(self, dice: random.Random, frames: int) -> None:
        """Ask for a socket wrongly, with frames behind it; each try counts as one frame."""
        for _ in range(frames):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            with contextlib.suppress(OSError, TimeoutError):
                writer.write(broken_upgrade(dice, upgrade_lines(self.seat, port=self.port)) + raw_frame(dice))
                answer = await asyncio.wait_for(reader.readline(), KNOCK_S)
                self.answers[f"HTTP {answer[9:12].decode(errors='replace')}"] += 1
            writer.transport.abort()

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
    stack = migrated_stack()
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
    p99 = percentiles(log)
    print(
        f"seed {SEED}, {FRAMES} frames in {len(STATES)} states: {verdict.line()}; witness p99 in s {p99}; "
        f"closes {dict(attacker.codes)}; answers {dict(attacker.answers)}"
    )
    assert verdict.faults == []
    assert failures(stack.log()) == []
    assert "socket_failed" not in stack.log()
    assert 1011 not in attacker.codes
    assert attacker.answers["failed"] == 0
    assert min(attacker.answers[code] for code in ("malformed_json", "unknown_type", "invalid", "hello_first")) > 0
    assert p99["fault"] <= max(WITNESS_P99_S, WITNESS_RATIO * p99["ordinary"])


async def storm(rig: Rig, stack: Stack, attacker: Attacker) -> None:
    rig.add_reader(1)
    rig.add_sender(0, every_s=0.05)
    await rig.start()
    for number in range(ROUNDS):
        rig.log.note("quiet")
        await rig.some_more(QUIET)
        rig.log.note("memory", rss=memory_of(stack.web))
        if number % ORDINARY_EACH == 0:
            rig.log.note("ordinary")
            await asyncio.gather(*(one_state(attacker, state, turn=number, is_strange=False) for state in STATES))
        rig.log.note("fault", what="fuzz")
        await asyncio.gather(*(one_state(attacker, state, turn=number, is_strange=True) for state in STATES))
        rig.log.note("memory", rss=memory_of(stack.web))


async def one_state(attacker: Attacker, state: str, *, turn: int, is_strange: bool) -> None:
    """Send this state's share of the frames of one round, over as many connections as it takes."""
    dice = random.Random(f"{SEED} {state} {turn}")
    left = FRAMES // ROUNDS // len(STATES)
    while left:
        count = min(left, dice.randrange(1, 20))
        if is_strange:
            await attacker.attack(dice, state=state, frames=count)
        else:
            await attacker.behave(state=state, frames=count)
        left -= count


def percentiles(log: list[Line]) -> dict[str, float]:
    """Return the p99 in s of a message to the witness, in quiet times, beside pings and in the storms."""
    sent = {line["key"]: line["t"] for line in log if line["event"] == "sent"}
    parts: dict[str, list[float]] = {"quiet": [], "ordinary": [], "fault": []}
    part = "quiet"
    for line in log:
        if line["event"] in parts:
            part = line["event"]
        elif line["event"] == "received" and line.get("key") in sent:
            parts[part].append(line["t"] - sent[line["key"]])
    return {name: round(sorted(took)[int(len(took) * 0.99)], 3) for name, took in parts.items()}


def failures(log: str) -> list[str]:
    """Return how each traceback of a server's log ends."""
    return [part.split("\n\n")[0][-600:] for part in log.split("Traceback")[1:]]


def test_every_frame_of_the_protocol_is_bent() -> None:
    dice = random.Random(SEED)
    schema = json.loads((ROOT / "docs" / "frames.schema.json").read_text(encoding="utf-8"))["$defs"]
    kinds = {one["$ref"].rsplit("/", 1)[1] for one in schema["client"]["oneOf"]}
    assert {good_frame(dice, 7)["t"] for _ in range(200)} == kinds


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
