"""kill -9 of the server while eight people send in four conversations and twelve devices read along.

Controls in the same run: a device that comes back without its cursors misses messages, and every kill met messages in
flight. `make faults` kills fifty times.
"""

import asyncio
import random

import pytest

from tests.faults.delivery.clients import Log
from tests.faults.delivery.history import Limits, judge, read_log
from tests.faults.delivery.rig import IS_LONG, SEED, Rig, open_office, read_store, run_load
from tests.stack import Stack

CYCLES, LEAST_ACKED = (50, 20_000) if IS_LONG else (5, 100)
PEOPLE, CONVERSATIONS, READERS, SENDERS = 12, 4, 12, 8
RESUME_S = 10.0
if not IS_LONG:
    pytestmark = pytest.mark.backend("sqlite")  # the other database in the long form


def test_kill_9_loses_nothing_doubles_nothing_and_keeps_the_order(stack: Stack) -> None:
    office = open_office(stack, people=PEOPLE, conversations=CONVERSATIONS)
    control = Log(stack.folder / "forgetful.jsonl")
    stack.web.start()
    try:
        rig = run_load(stack, office, lambda rig: kill_again_and_again(rig, stack, control), name="kill")
    finally:
        stack.web.stop()
        control.close()
    verdict = rig.verdict(Limits(resume_s=RESUME_S))
    caught = judge(read_log(control.path), read_store(stack))
    print(f"seed {SEED}, {CYCLES} kills: {verdict.line()}\n  control, a device without cursors: {caught.line()}")
    assert verdict.faults == []
    assert verdict.counts["acked"] >= LEAST_ACKED
    assert verdict.counts["failed"] >= CYCLES, "too few messages were in flight when the server died"
    assert "I4" in caught.broken
    assert "Traceback" not in stack.log()


async def kill_again_and_again(rig: Rig, stack: Stack, control: Log) -> None:
    dice = random.Random(SEED)
    readers = [rig.add_reader(number) for number in range(READERS)]
    rig.add_reader(0, label="forgetful", forgets_cursors=True, log=control)
    for number in range(SENDERS):
        rig.add_sender(number, through=readers[number] if number % 2 else None)
    await rig.start()
    for _ in range(CYCLES):
        await rig.some_more(LEAST_ACKED // CYCLES)
        await asyncio.sleep(dice.uniform(0, 0.3))
        await rig.during("kill -9", lambda: restart(stack))


def restart(stack: Stack) -> None:
    stack.web.kill()
    stack.web.start()
