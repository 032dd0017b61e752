"""Readers that read nothing, readers that all come back at once, and many of them for a long time.

Who does not read is closed (4008) within bounds of memory, nobody waits for them, and what they missed they get when
they read again. Control: a device that comes back without its cursors has missed messages.
"""

import asyncio
import random
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.faults.delivery.clients import Reader
from tests.faults.delivery.history import Limits, judge, read_log
from tests.faults.delivery.rig import IS_LONG, SEED, Office, Rig, memory_of, open_office, run_load
from tests.stack import Stack, new_stack

SOCKETS, MEMBERS = (300, 10) if IS_LONG else (30, 10)
STORM, BACK_S = (500, 60.0) if IS_LONG else (40, 30.0)
SOAK_S, SOAK_RATE = (600.0, 100) if IS_LONG else (8.0, 20)
# A short run measures the warming up, on a machine that others use as well.
FLAT, LEAST_ACKED = (0.05, 30_000) if IS_LONG else (0.5, 20)
DEAF, BIG_MESSAGES = 9, 300
BIG = "x" * 15_000
MEMORY_MIB = 24  # well below what is said to those who do not read: 9 times 300 frames of 30 KB (body and html), 77 MiB
if not IS_LONG:
    pytestmark = pytest.mark.backend("sqlite")  # the other database in the long form


@dataclass(eq=False)
class Deaf(Reader):
    """A device whose network takes nothing more, and says nothing about it, as long as it is deaf."""

    is_deaf: bool = False

    def connection(self) -> dict[str, Any]:
        """The kernel keeps little for who does not read, so that the server notices."""
        link = socket.socket()
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_192)
        link.connect(("127.0.0.1", int(self.url.rsplit(":", 1)[1])))
        return {"sock": link}

    async def _take(self, frame: dict[str, Any]) -> None:
        while self.is_deaf:
            await asyncio.sleep(0.05)
        await super()._take(frame)


@dataclass
class Site:
    stack: Stack
    office: Office


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    stack = new_stack()
    office = open_office(stack, people=SOCKETS, conversations=SOCKETS // MEMBERS, members=MEMBERS)
    stack.web.start()
    try:
        yield Site(stack, office)
    finally:
        stack.web.stop()


@pytest.mark.faults_only
def test_who_reads_nothing_is_closed_and_nobody_waits_for_them(site: Site) -> None:
    deaf: list[Deaf] = []
    grown: list[float] = []

    async def scenario(rig: Rig) -> None:
        listener = rig.add_reader(0)
        for number in range(DEAF):
            reader = rig.add_reader(1 + number, make=Deaf)
            assert isinstance(reader, Deaf)
            deaf.append(reader)
        await rig.start()
        before = memory_of(site.stack.web)
        for reader in deaf:
            reader.is_deaf = True
        sender = rig.add_sender(0, most=BIG_MESSAGES, padding=BIG)
        await rig.start()
        while sender.acked < BIG_MESSAGES:
            grown.append((memory_of(site.stack.web) - before) / 2**20)
            await asyncio.sleep(0.1)
        c = rig.office.conversations_of(0)[0]
        deadline = time.monotonic() + 2
        while listener.cursors[c] < rig.heads[c] + BIG_MESSAGES and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        assert listener.cursors[c] >= rig.heads[c] + BIG_MESSAGES, "the others had to wait"
        for reader in deaf:
            reader.is_deaf = False

    rig = run_load(site.stack, site.office, scenario, name="deaf", catch_up_s=60)
    verdict = rig.verdict()
    codes = [reader.closed_with[0] for reader in deaf]
    print(f"{DEAF} deaf readers: {verdict.line()}; memory grew by {max(grown):.1f} MiB at most; closed with {codes}")
    assert verdict.faults == []
    assert max(grown) < MEMORY_MIB
    assert all(code in (4008, 1006) for code in codes)


@pytest.mark.faults_only
def test_a_storm_of_reconnects_loses_nothing(site: Site) -> None:
    took: list[float] = []

    async def scenario(rig: Rig) -> None:
        for number in range(STORM):
            rig.add_reader(number % SOCKETS)
        rig.add_sender(0, pause_s=0.1)
        await rig.start()
        await rig.some_more(5)
        rig.log.note("fault", what="all connections lost")
        began = time.monotonic()
        for reader in rig.readers:
            reader.hang_up()
            reader.is_online.clear()
        await rig.all_online()
        took.append(time.monotonic() - began)
        rig.log.note("healed", what="all connections lost")
        await rig.some_more(5)

    rig = run_load(site.stack, site.office, scenario, name="storm")
    verdict = rig.verdict()
    print(f"{STORM} reconnects: {verdict.line()}; all back after {took[0]:.1f} s")
    assert verdict.faults == []
    assert took[0] <= BACK_S
    assert verdict.counts["connected"] == 2 * STORM


@pytest.mark.faults_only
def test_a_long_run_with_broken_connections_loses_nothing_and_memory_stays_flat(site: Site) -> None:
    dice = random.Random(SEED)

    async def scenario(rig: Rig) -> None:
        for number in range(SOCKETS):
            rig.add_reader(number)
        senders = SOAK_RATE // 5
        for number in range(senders):
            rig.add_sender(number * SOCKETS // senders, pause_s=senders / SOAK_RATE)
        rig.add_reader(0, label="forgetful", forgets_cursors=True)
        await rig.start()
        deadline = time.monotonic() + SOAK_S
        while time.monotonic() < deadline:
            await asyncio.sleep(0.25)
            dice.choice(rig.readers).hang_up()
            rig.log.note("memory", rss=memory_of(site.stack.web))
        rig.readers[-1].hang_up()

    rig = run_load(site.stack, site.office, scenario, name="soak")
    everything = read_log(rig.log.path)
    honest = [line for line in everything if line.get("reader") != "forgetful"]
    verdict = judge(honest, rig.stored(), Limits(memory_growth=FLAT))
    caught = judge(everything, rig.stored())
    print(
        f"seed {SEED}, {SOAK_S:.0f} s at {SOAK_RATE}/s, {SOCKETS} sockets: {verdict.line()}\n  control: {caught.line()}"
    )
    assert verdict.faults == []
    assert verdict.counts["acked"] >= LEAST_ACKED
    assert "Traceback" not in site.stack.log()
