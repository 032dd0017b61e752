"""Readers that read nothing, readers that vanish, readers that all come back at once, and many for a long time.

Who does not read is closed (4008) within bounds of memory, nobody waits for them, and what they missed they get when
they read again. Controls: a device that comes back without its cursors has missed messages, and one that answers pings
is not taken for one that vanished.
"""

import asyncio
import contextlib
import random
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.faults.delivery.clients import Reader, Seat
from tests.faults.delivery.frames_fuzz import wire
from tests.faults.delivery.history import Limits, judge, read_log
from tests.faults.delivery.raw_socket import open_raw
from tests.faults.delivery.rig import IS_LONG, SEED, Office, Rig, memory_of, open_office, run_load
from tests.stack import Stack, migrated_stack

SOCKETS, MEMBERS = (300, 10) if IS_LONG else (30, 10)
STORM, BACK_S = (500, 60.0) if IS_LONG else (40, 30.0)
SOAK_S, SOAK_RATE = (600.0, 100) if IS_LONG else (8.0, 20)
# A short run measures the warming up, on a machine that others use as well.
FLAT, LEAST_ACKED = (0.05, 60_000) if IS_LONG else (0.5, 20)
VANISHED, NOTICED_S = 5, 55.0  # a ping every 20 s, 30 s for its answer
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
    stack = migrated_stack()
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
def test_a_device_that_vanished_is_noticed_and_nobody_waits_for_it(site: Site) -> None:
    """Its network still takes what is sent, as a proxy does; it says nothing, and answers no ping."""
    took: list[float] = []

    async def scenario(rig: Rig) -> None:
        rig.add_reader(0)
        rig.add_sender(0, every_s=0.2)
        await rig.start()
        port = int(rig.url.rsplit(":", 1)[1])
        took.extend(await asyncio.gather(*(vanish(seat, port=port) for seat in rig.office.seats[1 : 1 + VANISHED])))

    rig = run_load(site.stack, site.office, scenario, name="vanished")
    verdict = judge(read_log(rig.log.path), rig.stored())
    print(f"{VANISHED} vanished: {verdict.line()}; closed after {min(took):.1f} to {max(took):.1f} s")
    assert verdict.faults == []
    assert max(took) <= NOTICED_S
    assert verdict.counts["closed"] == 1, "the device that answers was closed before the end"


async def vanish(seat: Seat, *, port: int) -> float:
    """Say hello and nothing more; return after how many seconds the server has closed the connection."""
    connection, writer = await open_raw(seat, port=port)
    writer.write(wire(b'{"t": "hello", "v": 1}'))
    began = time.monotonic()
    with contextlib.suppress(ConnectionError):  # which is how a server ends what takes no farewell
        while await asyncio.wait_for(connection.read(2**16), 3 * NOTICED_S):
            pass
    writer.close()
    return time.monotonic() - began


@pytest.mark.faults_only
def test_a_storm_of_reconnects_loses_nothing(site: Site) -> None:
    took: list[float] = []

    async def scenario(rig: Rig) -> None:
        for number in range(STORM):
            rig.add_reader(number % SOCKETS)
        rig.add_sender(0, every_s=0.1)
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
    dice, took = random.Random(SEED), list[float]()

    async def scenario(rig: Rig) -> None:
        devices = [rig.add_reader(number) for number in range(SOCKETS)]
        senders = SOAK_RATE // 5
        for number in range(senders):
            place = number * SOCKETS // senders
            # Most by sockets that break under them: what becomes of a post whose answer is lost is looked at, too.
            rig.add_sender(place, through=devices[place] if number % 4 else None, every_s=senders / SOAK_RATE)
        rig.add_reader(0, label="forgetful", forgets_cursors=True)
        await rig.start()
        began = time.monotonic()
        # On a machine that others use as well it takes longer to have said as much.
        while (spent := time.monotonic() - began) < SOAK_S or (rig.acked < LEAST_ACKED and spent < 3 * SOAK_S):
            await asyncio.sleep(0.25)
            dice.choice(rig.readers).hang_up()
            rig.log.note("memory", rss=memory_of(site.stack.web))
        took.append(time.monotonic() - began)
        for _ in range(5):
            rig.readers[-1].hang_up()
            await rig.some_more(20)

    rig = run_load(site.stack, site.office, scenario, name="soak")
    everything = read_log(rig.log.path)
    honest = [line for line in everything if line.get("reader") != "forgetful"]
    verdict = judge(honest, rig.stored(), Limits(memory_growth=FLAT))
    caught = judge(everything, rig.stored())
    print(f"seed {SEED}, {took[0]:.0f} s, {SOCKETS} sockets: {verdict.line()}\n  control: {caught.line()}")
    assert verdict.faults == []
    assert "I4" in caught.broken, "the device that forgets its cursors missed nothing"
    assert verdict.counts["acked"] >= LEAST_ACKED
    assert "Traceback" not in site.stack.log()
