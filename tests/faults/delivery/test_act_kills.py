"""Posts, files, refusals, removals, texts and STOPs killed at each of their steps, while devices read along.

Nothing is heard that is not in the record, nothing acknowledged is lost, what is asked for again happens once, and no
text leaves twice or without an entry. Controls: kills came before and after the commits; the same rig with an answer
before the commit, and with a text handed over before anything says so, finds both. There is no edit and no withdrawal
by the author yet; what a moderator takes away stands for them. ONRECORD_FAULTS_KILLS sets how many kills.
"""

import asyncio
import json
import os
from dataclasses import asdict, replace

import pytest

from tests.faults.delivery.history import Line, judge, read_log
from tests.faults.delivery.planted import missed_plants
from tests.faults.delivery.rig import SEED, Office, Rig, by_hand, open_office, read_store, run_load
from tests.faults.steps import run_rig
from tests.stack import Stack, new_stack

KILLS = 3 * int(os.environ.get("ONRECORD_FAULTS_KILLS", "1"))  # of each act
pytestmark = pytest.mark.faults_only
PEOPLE, CONVERSATIONS, DEVICES = 6, 3, 4
BROKEN = {"SayItTooEarly": "is there 0 times", "SendAndForget": "left 2 times"}
CATCH_UP_S = 20.0


@pytest.fixture
def stack() -> Stack:
    """Return a product whose server does no work beside our acts; with workers their steps would be others' too."""
    stack = new_stack()
    stack.web = replace(stack.web, arguments=(stack.web.arguments[0], "serve", "--no-worker"))
    return stack


def test_acts_killed_at_any_step_tell_nothing_that_is_not_recorded_and_happen_once(stack: Stack) -> None:
    office = open_office(stack, people=PEOPLE, conversations=CONVERSATIONS)
    outcomes: list[Line] = []

    async def scenario(rig: Rig) -> None:
        devices = [rig.add_reader(number) for number in range(DEVICES)]
        await rig.start()
        await by_hand(lambda: outcomes.extend(run_acts(stack, office)))
        for line in read_log(stack.folder / "acts.jsonl"):
            rig.log.add(line)
        heads = {int(c): n for c, n in outcomes[-1]["heads"].items()}
        async with asyncio.timeout(CATCH_UP_S):
            while any(devices[0].cursors.get(c, 0) < n for c, n in heads.items()):
                await asyncio.sleep(0.05)

    stack.web.start()
    try:
        rig = run_load(stack, office, scenario, name="act-kills")
    finally:
        stack.web.stop()
    judge_outcomes(outcomes)
    log, stored = read_log(rig.log.path), read_store(stack)
    verdict = judge(log, stored)
    print(verdict.line())
    assert verdict.faults == []
    assert missed_plants(log, stored) == []
    assert "Traceback" not in stack.log()


def judge_outcomes(outcomes: list[Line]) -> None:
    """Hold against the rig's own findings: no fault of a whole act or of everything, and both broken ones caught."""
    *acts, everything = outcomes
    whole = [act for act in acts if act["act"] not in BROKEN]
    kills, points = sum(act["kills"] for act in whole), sum(len(set(act["points"])) for act in whole)
    print(f"seed {SEED}: {kills} kills at {points} steps of {len(whole)} acts, {everything['size']:,} entries")
    for act in acts:
        print(f"  {act['act']}: {act['kills']} kills, {act['steps']} steps, {act['done']} done and nobody was told")
    assert [fault for outcome in (*whole, everything) for fault in outcome["faults"]] == []
    assert kills > 0.9 * KILLS * len(whole)
    assert 0 < sum(act["done"] for act in whole) < kills, "every kill came before the commits, or every one after them"
    for name, sentence in BROKEN.items():
        broken = next(act for act in acts if act["act"] == name)
        caught = [fault for fault in broken["faults"] if sentence in fault]
        print(f"  control {name}: {len(caught)} of {broken['kills']} kills are caught")
        assert caught


def run_acts(stack: Stack, office: Office) -> list[Line]:
    about = {"seats": [asdict(seat) for seat in office.seats], "conversations": office.conversations}
    return run_rig("delivery.points_program", KILLS, SEED, json.dumps(about), environment=stack.environment)
