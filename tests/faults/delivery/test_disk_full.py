"""The disk of the embedded product is full for a while: database, keys and guard are on it. It comes back by itself.

What is acknowledged meanwhile is kept, what is refused can be asked for again, and what is there can be read. Control:
while the disk was full, next to nothing was acknowledged: SQLite can still write over what its log has used before.
The disk of PostgreSQL is filled in test_database.py.
"""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.faults.delivery.disk import Disk, new_disk
from tests.faults.delivery.rig import IS_LONG, Office, Rig, by_hand, open_office, run_load
from tests.stack import new_stack

pytestmark = [pytest.mark.backend("sqlite"), pytest.mark.faults_only]
TIMES = 5 if IS_LONG else 1
DISK_MB = 200
PEOPLE, CONVERSATIONS, SENDERS = 8, 4, 8
FULL_S = 2.0
FEW = 10  # times fewer are acknowledged while the disk is full than while it has room


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = new_disk(size_mb=DISK_MB)
    yield disk
    disk.unmount()


def test_a_full_disk_stops_writing_and_nothing_else(disk: Disk) -> None:
    stack = new_stack()
    stack.environment["ONRECORD_VAR"] = str(disk.root / "var")
    office = open_office(stack, people=PEOPLE, conversations=CONVERSATIONS)
    with_room: list[int] = []
    while_full: list[int] = []

    async def scenario(rig: Rig) -> None:
        readers = [rig.add_reader(number) for number in range(PEOPLE)]
        for number in range(SENDERS):
            rig.add_sender(number, through=readers[number] if number % 2 else None)
        await rig.start()
        for _ in range(TIMES):
            await rig.some_more(40)
            with_room.append(await acked_meanwhile(rig))
            while_full.append(await be_full(rig, disk, office))
        await rig.some_more(40)

    with ExitStack() as undo:
        undo.callback(stack.web.stop)
        stack.web.start()
        rig = run_load(stack, office, scenario, name="disk-full")
        verdict = rig.verdict()
    print(f"disk full {TIMES} times: {verdict.line()}")
    print(f"  control, acknowledged in {FULL_S} s: {with_room} with room, {while_full} while it was full")
    assert verdict.faults == []
    assert verdict.counts["failed"] >= TIMES * SENDERS
    assert FEW * sum(while_full) < sum(with_room), "the disk was not full"


async def be_full(rig: Rig, disk: Disk, office: Office) -> int:
    """Fill the disk until every sender has failed, read, wait, empty it; return how many were acknowledged then."""
    rig.log.note("fault", what="disk full")
    await by_hand(disk.fill)
    before = {sender: sender.failed for sender in rig.senders}
    while any(sender.failed == before[sender] for sender in rig.senders):
        await asyncio.sleep(0.05)
    async with httpx.AsyncClient(base_url=rig.url, headers=office.seats[0].headers, timeout=30) as client:
        page = await client.get(f"/api/v1/conversations/{office.conversations[0]}/messages")
        assert page.status_code == 200
        assert page.json()["messages"]
    acked = await acked_meanwhile(rig)
    await by_hand(disk.empty)
    rig.log.note("healed", what="disk full")
    return acked


async def acked_meanwhile(rig: Rig) -> int:
    """Wait as long as the disk is full; return how many messages were acknowledged in that time."""
    before = rig.acked
    await asyncio.sleep(FULL_S)
    return rig.acked - before
