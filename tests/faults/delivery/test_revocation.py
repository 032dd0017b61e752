"""Every cause for which access ends, on every way to what was accessible: nothing numbered later, closed within 1 s.

The causes that the product does not have yet are named (victims.NOT_YET) and not counted. Control: somebody of whom
nothing is revoked keeps every way. What races an end is test_revocation_race.py.
"""

import asyncio

import pytest

from tests.faults.delivery.browser import sign_in
from tests.faults.delivery.clients import SESSION_ENDED, Reader
from tests.faults.delivery.history import Limits, judge, read_log
from tests.faults.delivery.rig import IS_LONG, Rig, open_office, read_store, run_load, run_program
from tests.faults.delivery.victims import CAUSES, CHANNELS, NOT_YET, Cause, Scene, Victim, arrive
from tests.stack import Stack

# The machine of a test is shared and slow at times; the long form is run on a quiet one and holds the promise.
CLOSE_S = 1.0 if IS_LONG else 3.0
ROUNDS = 3 if IS_LONG else 1
if not IS_LONG:
    pytestmark = pytest.mark.backend("sqlite")  # the other database in the long form


@pytest.mark.faults_only
def test_whatever_ends_an_access_ends_it_on_every_way(stack: Stack) -> None:
    office = open_office(stack, people=2, conversations=1)
    victims = run_program("victims_program", stack, str(ROUNDS * len(CAUSES) + 1))["victims"]
    wrong: list[str] = []

    async def scenario(rig: Rig) -> None:
        scene = Scene(await asyncio.to_thread(sign_in, rig.url, "adam"), office.seats[0], rig.url)
        for cause, row in zip(CAUSES * ROUNDS, victims, strict=False):
            victim = await arrive(rig, row)
            wrong.extend(await revoke(rig, scene, cause, victim))
        bystander = await arrive(rig, victims[-1])
        before = await asyncio.to_thread(bystander.statuses)
        wrong.extend(f"nothing was revoked, and {way} is {answer}" for way, answer in before.items() if answer > 201)

    stack.web.start()
    try:
        rig = run_load(stack, office, scenario, name="revocation")
    finally:
        stack.web.stop()
    verdict = judge(read_log(rig.log.path), read_store(stack), Limits(close_s=CLOSE_S))
    counts = f"{len(CAUSES) * len(CHANNELS)} pairs of {len(CAUSES)} causes and {len(CHANNELS)} ways, {ROUNDS} times"
    print(f"{counts}, not yet: {NOT_YET}: {len(wrong)} wrong; {verdict.line()}")
    assert wrong == []
    assert verdict.faults == []
    assert verdict.counts["revoked"] == ROUNDS * sum(bool(cause.ended) for cause in CAUSES)
    assert "Traceback" not in stack.log()


async def revoke(rig: Rig, scene: Scene, cause: Cause, victim: Victim) -> list[str]:
    """Revoke, say something afterwards, and return every way that is open and should not be, or the other way round."""
    sockets = {"socket": victim.session_socket, "token's socket": victim.token_socket}
    await asyncio.to_thread(cause.act, scene, victim)
    if cause.ended:
        readers = [sockets[way].label for way in cause.ended]
        rig.log.note("revoked", stream=cause.stream(victim), kind=cause.kind, readers=readers)
    await asyncio.to_thread(scene.say, victim.conversation)
    wrong = [f"{cause.name}: {way} was not closed" for way in cause.closed if not await closes(sockets[way])]
    for way in cause.ended:
        if not await closes(sockets[way]) or sockets[way].closed_with[-1] not in (SESSION_ENDED, 4003):
            wrong.append(f"{cause.name}: {way} was closed with {sockets[way].closed_with}")
    shut = [way for way in {"socket", "token's socket"} & cause.stays if sockets[way].closed_with]
    wrong += [f"{cause.name}: {way} was closed for nothing" for way in shut]
    for way, answer in (await asyncio.to_thread(victim.statuses)).items():
        if (answer <= 201) != (way in cause.stays) or answer >= 500:
            wrong.append(f"{cause.name}: {way} answers {answer}")
    return wrong


async def closes(reader: Reader) -> bool:
    """Wait a little for a socket to be closed by the server."""
    for _ in range(int(CLOSE_S / 0.05)):
        if reader.closed_with:
            return True
        await asyncio.sleep(0.05)
    return False
