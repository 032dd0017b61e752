"""The database goes away under load and comes back: an immediate stop, a full disk. The server comes back by itself.

Control: with `synchronous_commit = off` the same stop loses acknowledged messages, and the checker says so.
"""

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests import services
from tests.faults.delivery.disk import WITHOUT_SYNC, Disk, configure, new_disk, postgres_on
from tests.faults.delivery.history import Line, judge, read_log
from tests.faults.delivery.rig import IS_LONG, Office, Rig, by_hand, open_office, read_store, run_load
from tests.stack import Stack, new_stack

pytestmark = [pytest.mark.backend("postgres"), pytest.mark.faults_only]
STOPS = 20 if IS_LONG else 2
DISK_MB = 200
# Little enough log that the disk can be filled with something else.
SMALL = {"max_wal_size": "48MB", "min_wal_size": "32MB"}


@dataclass
class Site:
    """A product whose database is on a disk of its own."""

    stack: Stack
    office: Office
    disk: Disk
    server: services.PostgresServer

    def stop_at_once(self) -> None:
        """End PostgreSQL as a crash would, and start it again."""
        assert self.server.process is not None
        self.server.process.send_signal(signal.SIGQUIT)
        self.server.process.wait()
        self.server.start()

    def revive(self) -> None:
        """Start PostgreSQL again if it has given up."""
        if self.server.process is None or self.server.process.poll() is not None:
            self.server.start()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with ExitStack() as undo:
        disk = new_disk(size_mb=DISK_MB)
        undo.callback(disk.unmount)
        server = postgres_on(disk, **SMALL)
        undo.callback(server.kill)
        stack = new_stack()
        stack.environment["DATABASE_URL"] = server.url
        office = open_office(stack, people=8, conversations=4)
        undo.callback(stack.web.stop)
        stack.web.start()
        yield Site(stack, office, disk, server)


async def begin(rig: Rig) -> None:
    readers = [rig.add_reader(number) for number in range(8)]
    for number in range(8):
        rig.add_sender(number, through=readers[number] if number % 2 else None)
    await rig.start()
    await rig.some_more(20)


def test_a_database_that_stops_at_once_loses_nothing(site: Site) -> None:
    async def scenario(rig: Rig) -> None:
        await begin(rig)
        for _ in range(STOPS):
            await rig.during("immediate stop", site.stop_at_once)
            await rig.some_more(40)

    rig = run_load(site.stack, site.office, scenario, name="stops")
    verdict = rig.verdict()
    waiting = under_way_at_faults(read_log(rig.log.path))
    print(f"{STOPS} immediate stops, {sum(waiting)} tries under way at them: {verdict.line()}")
    assert verdict.faults == []
    # None of them need fail: what had not begun is begun anew when the database is back.
    assert len(waiting) == STOPS and min(waiting) > 0, "a stop met nobody"


def under_way_at_faults(log: Sequence[Line]) -> list[int]:
    """Return how many tries nobody had answered yet, at each fault."""
    waiting, found = set[str](), list[int]()
    for line in log:
        if line["event"] == "sent":
            waiting.add(line["key"])
        elif line["event"] in ("acked", "failed", "refused"):
            waiting.discard(line["key"])
        elif line["event"] == "fault":
            found.append(len(waiting))
    return found


def test_a_full_disk_stops_writing_and_nothing_else(site: Site) -> None:
    async def scenario(rig: Rig) -> None:
        await begin(rig)
        rig.log.note("fault", what="disk full")
        before = rig.failed
        await by_hand(site.disk.fill)
        while rig.failed == before:
            await asyncio.sleep(0.1)
        await asyncio.sleep(2)
        await by_hand(site.disk.empty)
        await by_hand(site.revive)
        rig.log.note("healed", what="disk full")
        await rig.some_more(40)

    rig = run_load(site.stack, site.office, scenario, name="full")
    verdict = rig.verdict()
    print(f"disk full: {verdict.line()}")
    assert verdict.faults == []
    assert verdict.counts["failed"] > 0


def test_a_database_that_does_not_wait_for_its_log_is_caught(site: Site) -> None:
    """The control: commits that are acknowledged before they are on the disk."""
    site.server.stop()
    configure(site.server, **WITHOUT_SYNC)
    site.server.start()

    async def scenario(rig: Rig) -> None:
        for number in range(4):
            rig.add_sender(number, most=30)
        await rig.start()
        await rig.some_more(60)
        await by_hand(site.stop_at_once)
        await rig.give_up()

    rig = run_load(site.stack, site.office, scenario, name="asynchronous")
    verdict = judge(read_log(rig.log.path), read_store(site.stack))
    print(f"control, synchronous_commit = off: {verdict.line()}")
    assert {"I1", "I2"} <= verdict.broken
