"""A process that stands still while it holds the record's lock: the others must not wait for it longer than a bound.

A machine that is paused, swaps itself to death or has lost its network does this. What it had begun is not recorded;
once it goes on, its post is there once. Control: with a long bound nobody can post until it goes on.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.faults.delivery.rig import Rig, by_hand, open_office, run_load
from tests.stack import ROOT, new_stack

pytestmark = pytest.mark.backend("postgres")
BOUND_S = 3  # instead of the product's half a minute
SLACK_S = 6.0
WORDS = "said by who stood still"


@dataclass
class Frozen:
    """Another process of the product, which stands still with the record's lock while it posts."""

    process: subprocess.Popen[str]

    def wait_until_it_stands(self) -> None:
        while self._state() != "T":
            assert self.process.poll() is None, "it ended, and was to stand still"
            time.sleep(0.02)

    def go_on(self) -> dict[str, int]:
        """Let it go on; return the number and place of its message."""
        self.process.send_signal(signal.SIGCONT)
        said, _ = self.process.communicate(timeout=60)
        found: dict[str, int] = json.loads(said)
        return found

    def _state(self) -> str:
        return Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]


def freeze(environment: Mapping[str, str], *arguments: object) -> Frozen:
    return Frozen(
        subprocess.Popen(
            [sys.executable, "-m", "tests.faults.delivery.frozen_program", *map(str, arguments)],
            env=os.environ | environment | {"DJANGO_SETTINGS_MODULE": "messenger.settings"},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
    )


def run_frozen(*, bound_s: int, when: str) -> tuple[Rig, float]:
    """Post while another process stands still; return the rig and after how many seconds posts were answered again."""
    stack = new_stack()
    office = open_office(stack, people=4, conversations=2)
    waited: list[float] = []
    environment = stack.environment | {"ONRECORD_STANDSTILL_S": str(bound_s)}
    stack.web = replace(stack.web, environment=environment)

    async def scenario(rig: Rig) -> None:
        for number in range(4):
            rig.add_sender(number, through=rig.add_reader(number) if number % 2 else None)
        await rig.start()
        await rig.some_more(20)
        seat, key, c = office.seats[0], str(uuid.uuid4()), office.conversations[0]
        about = {"who": "who stands still", "c": c, "key": key}
        rig.log.note("sent", **about, person=seat.person, body=WORDS)
        frozen = freeze(environment, seat.person, c, key, WORDS, when)
        try:
            await by_hand(frozen.wait_until_it_stands)
            waited.append(await _until_answered(rig))
            rig.log.note("acked", **about, **await asyncio.to_thread(frozen.go_on))
        finally:
            frozen.process.kill()
            frozen.process.wait()
        await rig.some_more(20)

    stack.web.start()
    try:
        rig = run_load(stack, office, scenario, name="frozen")
        assert rig.verdict().faults == []
        assert "Traceback" not in stack.log()
    finally:
        stack.web.stop()
    return rig, waited[0]


async def _until_answered(rig: Rig) -> float:
    """Wait until posts are answered again, as long as the bound and the slack at most; return for how long."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(BOUND_S + SLACK_S):
            await rig.some_more(20)
    except TimeoutError:
        pass
    return time.monotonic() - began


def test_nobody_waits_for_a_process_that_stands_still_longer_than_the_bound() -> None:
    _, waited_s = run_frozen(bound_s=BOUND_S, when="after")
    assert BOUND_S / 2 < waited_s < BOUND_S + SLACK_S


@pytest.mark.faults_only
def test_one_that_stood_still_before_it_wrote_is_no_other_case() -> None:
    _, waited_s = run_frozen(bound_s=BOUND_S, when="before")
    assert BOUND_S / 2 < waited_s < BOUND_S + SLACK_S


@pytest.mark.faults_only
def test_control_with_a_long_bound_all_wait_until_it_goes_on() -> None:
    _, waited_s = run_frozen(bound_s=600, when="after")
    assert waited_s >= BOUND_S + SLACK_S
