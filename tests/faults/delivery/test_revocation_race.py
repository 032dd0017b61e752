"""Ends of access that race a stream of messages: nobody hears, reads or says anything that is numbered after the end.

Every cause strikes in the middle of messages of others, of the victim's own on four doors, and of their reading on
three. Controls: a server that does not revoke, and one that does not look at the door of a post again. `make faults`
races 1,000 messages and more.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.delivery.browser import sign_in
from tests.faults.delivery.clients import Door, Sender, http_door
from tests.faults.delivery.history import Limits, Line, Stored, Verdict, judge, read_log
from tests.faults.delivery.rig import IS_LONG, Office, Rig, open_office, read_store, run_load, run_program
from tests.faults.delivery.victims import CAUSES, REMOVED, Cause, Scene, Victim, arrive
from tests.stack import ROOT, Stack

RACING = 1_008 if IS_LONG else 144
OTHERS = 6  # clients of two people
EACH = RACING // len(CAUSES)  # messages of others, for each cause
BEFORE = 12  # of them are said before the strike
CLOSE_S = 1.0 if IS_LONG else 3.0
if not IS_LONG:
    pytestmark = pytest.mark.backend("sqlite")  # the other database in the long form


# --- every cause, against what goes on at that moment ----------------------------------------------------------------
@dataclass
class Racer:
    """A victim in a hurry: says and reads as fast as it is answered, on every door, and writes down what came."""

    rig: Rig
    victim: Victim
    is_over: bool = False
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        by_session = self.victim.session_socket.headers | {"X-CSRFToken": self.victim.first.headers["X-CSRFToken"]}
        by_token = self.victim.seat.headers
        doors: dict[str, Door] = {
            "post": http_door(self.rig.url, self.victim.seat, headers=by_session),
            "token": http_door(self.rig.url, self.victim.seat),
            "socket": self.victim.session_socket.post,
            "token's socket": self.victim.token_socket.post,
        }
        work = [self._say(way, door) for way, door in doors.items()]
        work += [self._read("read", by_session, self._page), self._read("token", by_token, self._page)]
        work += [self._read("read", by_session, self._sync), self._read("token", by_token, self._sync)]
        self._tasks = [asyncio.create_task(each) for each in work]

    async def stop(self) -> None:
        """End where they stand: what was on its way is looked for in the record like everything else."""
        self.is_over = True  # a cancellation alone can be swallowed by an answer that comes at the same moment
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            assert result is None or isinstance(result, asyncio.CancelledError), result

    async def _say(self, way: str, door: Door) -> None:
        while not self.is_over:
            key = str(uuid.uuid4())
            self.rig.log.note("raced", way=way, person=self.victim.seat.person, key=key)
            answer = await door(self.victim.conversation, key, f"{self.victim.name} says on by {way}")
            if answer.message is None:
                await asyncio.sleep(0.02)

    async def _read(
        self, way: str, headers: dict[str, str], ask: Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]
    ) -> None:
        async with httpx.AsyncClient(base_url=self.rig.url, headers=headers, timeout=30) as client:
            while not self.is_over:
                answer = await ask(client)
                numbers = _numbers(answer.json()) if answer.status_code == 200 else []
                self.rig.log.note("read", way=way, c=self.victim.conversation, person=self.victim.seat.person,
                                  status=answer.status_code, n=max(numbers, default=0))  # fmt: skip
                if not numbers:
                    await asyncio.sleep(0.02)

    async def _page(self, client: httpx.AsyncClient) -> httpx.Response:
        return await client.get(self.victim.messages, params={"limit": 5})

    async def _sync(self, client: httpx.AsyncClient) -> httpx.Response:
        newest = self.victim.session_socket.cursors[self.victim.conversation]
        return await client.get("/api/v1/sync", params={"after": f"{self.victim.conversation}:{newest}"})


def _numbers(answer: dict[str, Any]) -> list[int]:
    return [row["n"] for row in answer.get("messages", answer.get("events", []))]


async def strike(rig: Rig, scene: Scene, cause: Cause, victim: Victim) -> None:
    """End an access in the middle of everything, and note what must have ended."""
    racer, sockets = Racer(rig, victim), {"socket": victim.session_socket, "token's socket": victim.token_socket}
    others = [
        Sender(f"{seat.name} beside {victim.name} ({number})", seat, victim.conversation, http_door(rig.url, seat),
               rig.log, most=EACH // OTHERS)
        for number, seat in enumerate(rig.office.seats[:2] * (OTHERS // 2))
    ]  # fmt: skip
    rig.senders += others
    racer.start()
    await rig.start()
    while sum(sender.acked for sender in others) < BEFORE:
        await asyncio.sleep(0.005)
    rig.log.note("strikes", cause=cause.name)
    await asyncio.to_thread(cause.act, scene, victim)
    rig.log.note("struck", cause=cause.name, stream=cause.stream(victim), kind=cause.kind, c=victim.conversation,
                 person=victim.seat.person, stays=sorted(cause.goes_on()))  # fmt: skip
    if cause.ended:
        readers = [sockets[way].label for way in cause.ended]
        rig.log.note("revoked", stream=cause.stream(victim), kind=cause.kind, readers=readers)
    await rig.sent_all()
    await racer.stop()
    if cause.kind != REMOVED:
        head = await asyncio.to_thread(scene.head_of, victim.conversation)
        for reader in (sockets[way] for way in sockets if way not in cause.ended):
            await reader.reach(victim.conversation, head)


def find_late(log: list[Line], stored: Stored) -> list[str]:
    """Return what a victim said or read, by a way that had ended, that is numbered after the end."""
    ends = {
        line["person"]: (line, max(e["seq"] for e in stored.entries if _is_end(e, line)))
        for line in log
        if line["event"] == "struck"
    }
    seq_of_key = {row["key"]: row["seq"] for row in stored.messages}
    seq_of_place = {(row["c"], row["n"]): row["seq"] for row in stored.events}
    late = []
    for line in log:
        if line["event"] not in ("raced", "read") or line["way"] in ends[line["person"]][0]["stays"]:
            continue
        struck, end = ends[line["person"]]
        place = seq_of_key.get(line["key"]) if line["event"] == "raced" else seq_of_place.get((line["c"], line["n"]))
        if place is not None and place > end:
            late.append(f"{struck['cause']}: {line['event']} by {line['way']} entry {place}, the end was {end}")
    return late


def _is_end(entry: Line, struck: Line) -> bool:
    return (entry["stream"], entry["kind"]) == (struck["stream"], struck["kind"])


def run_strikes(stack: Stack, causes: Sequence[Cause], *, name: str) -> tuple[list[Line], Stored]:
    office = open_office(stack, people=2, conversations=1)
    rows = run_program("victims_program", stack, str(len(causes)))["victims"]

    async def scenario(rig: Rig) -> None:
        scene = Scene(await asyncio.to_thread(sign_in, rig.url, "adam"), office.seats[0], rig.url)
        for cause, row in zip(causes, rows, strict=True):
            await strike(rig, scene, cause, await arrive(rig, row))

    stack.web.start()
    try:
        rig = run_load(stack, office, scenario, name=name)
    finally:
        stack.web.stop()
    return read_log(rig.log.path), read_store(stack)


@pytest.mark.faults_only
def test_what_races_the_end_of_an_access_is_numbered_before_it_or_not_at_all(stack: Stack) -> None:
    log, stored = run_strikes(stack, CAUSES, name="strikes")
    verdict, late = judge(log, stored, Limits(close_s=CLOSE_S)), find_late(log, stored)
    counts = Counter(f"{line['event']} by {line['way']}" for line in log if line["event"] in ("raced", "read"))
    print(f"{len(CAUSES)} strikes: {len(late)} numbered after the end; {verdict.line()}\n  {dict(counts)}")
    assert late == []
    assert verdict.faults == []
    assert verdict.counts["acked"] == len(CAUSES) * EACH


@pytest.mark.faults_only
def test_a_server_that_does_not_look_at_the_door_of_a_post_again_is_caught(stack: Stack) -> None:
    break_server(stack, "never-look-again")
    log, stored = run_strikes(stack, [cause for cause in CAUSES if cause.kind == "session.ended"], name="strikes")
    late = find_late(log, stored)
    print(f"control, a server that does not look again: {len(late)} numbered after the end")
    assert late


def break_server(stack: Stack, defect: str) -> None:
    stack.environment["PYTHONPATH"] = str(ROOT)
    program = str(Path(__file__).with_name("broken_server.py"))
    stack.web.arguments = (program, defect, *stack.web.arguments[1:])


# --- removals and additions, all the time ----------------------------------------------------------------------------
@pytest.mark.faults_only
def test_removals_that_race_messages_leak_nothing_and_a_server_that_does_not_revoke_is_caught(stack: Stack) -> None:
    office = open_office(stack, people=6, conversations=1)
    verdict = judge_race(stack, office, name="race")
    print(f"race: {verdict.line()}")
    assert verdict.faults == []
    assert verdict.counts["acked"] >= RACING
    break_server(stack, "never-revoke")
    caught = judge_race(stack, office, name="race-control")
    print(f"control, a server that does not revoke: {caught.line()}")
    assert "I7" in caught.broken


def judge_race(stack: Stack, office: Office, *, name: str) -> Verdict:
    stack.web.start()
    try:
        rig = run_load(stack, office, race, name=name)
    finally:
        stack.web.stop()
    return judge(read_log(rig.log.path), read_store(stack))


async def race(rig: Rig) -> None:
    """Four people send; two others are removed and added again the whole time."""
    conversation, boss = rig.office.conversations[0], rig.office.seats[0]
    for number in range(6):
        rig.add_reader(number)
    for number in range(4):
        rig.add_sender(number, most=RACING // 4)
    await rig.start()
    sending = asyncio.create_task(rig.sent_all())
    async with httpx.AsyncClient(base_url=rig.url, headers=boss.headers, timeout=30) as client:
        address = f"/api/v1/conversations/{conversation}/members"
        while not sending.done():
            for seat in rig.office.seats[4:]:
                assert (await client.delete(f"{address}/{seat.person}")).status_code == 204
                await asyncio.sleep(0.02)
                assert (await client.post(address, json={"person": seat.person})).status_code == 201
    await sending
