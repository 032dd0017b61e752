"""Every cause for which access ends, on every way to what was accessible: nothing numbered later, closed within 1 s.

The pairs that cannot be shown yet are named in NOT_YET. Then removals race a stream of messages. Control: a server that
does not revoke is caught. `make faults` races 1,000 messages.
"""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.faults.delivery.browser import cookies_of, sign_in, submit
from tests.faults.delivery.clients import SESSION_ENDED, Reader, Seat
from tests.faults.delivery.history import Limits, Verdict, judge, read_log
from tests.faults.delivery.office_program import PASSWORD
from tests.faults.delivery.rig import IS_LONG, Office, Rig, open_office, read_store, run_load, run_program
from tests.stack import ROOT, Stack, new_stack

# The machine of a test is shared and slow at times; the long form is run on a quiet one and holds the promise.
CLOSE_S = 1.0 if IS_LONG else 3.0
RACING = 1_000 if IS_LONG else 120
NOT_YET = ("second factor reset", "wall", "space closed")  # causes that the product does not have yet
NEW_PASSWORD = "another-harbour-lantern-43"
CHANNELS = ("socket", "read", "post", "search", "export link", "token", "token's socket")
if not IS_LONG:
    pytestmark = pytest.mark.backend("sqlite")  # the other database in the long form


@dataclass
class Victim:
    """Somebody with a session on a first device, another on a second, and a token, and what each opens."""

    name: str
    seat: Seat
    conversation: int
    export: int
    first: httpx.Client
    second: httpx.Client
    export_token: str
    session_socket: Reader
    token_socket: Reader

    def statuses(self) -> dict[str, int]:
        """Try every way but the sockets; return the answers."""
        address, token = f"/api/v1/conversations/{self.conversation}/messages", self.seat.headers
        words = {"client_key": str(uuid.uuid4()), "body": "am I still here?"}
        search = {"purpose": "to see whether it is open", "words": "here"}
        link = f"/api/v1/exports/{self.export}/download"
        return {
            "read": self.first.get(address).status_code,
            "post": self.first.post(address, json=words).status_code,
            "search": self.first.post("/api/v1/record/search", json=search).status_code,
            "export link": self.first.get(link, params={"token": self.export_token}).status_code,
            "token": httpx.get(f"{self.session_socket.url}{address}", headers=token).status_code,
        }


@dataclass(frozen=True)
class Cause:
    """What ends an access: the act, the entry that says so, what stays open, and which sockets must not hear again."""

    name: str
    act: Callable[["Scene", Victim], object]
    kind: str
    stays: frozenset[str]
    ended: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()  # and may come back, with what is left


@dataclass
class Scene:
    """Who revokes."""

    adam: httpx.Client
    speaker: Seat
    url: str

    def remove(self, victim: Victim) -> None:
        address = f"{self.url}/api/v1/conversations/{victim.conversation}/members/{victim.seat.person}"
        assert httpx.delete(address, headers=self.speaker.headers).status_code == 204

    def say(self, conversation: int) -> None:
        address = f"{self.url}/api/v1/conversations/{conversation}/messages"
        words = {"client_key": str(uuid.uuid4()), "body": "said after the revocation"}
        assert httpx.post(address, headers=self.speaker.headers, json=words).status_code == 201


def end_first_session(_scene: Scene, victim: Victim) -> None:
    rows = victim.second.get("/settings/").text.split("/settings/sessions/")[1:]
    numbers = {row.split("/end/")[0] for row in rows if row.split("/end/")[0].isdigit()}
    for number in numbers:
        victim.second.post(f"/settings/sessions/{number}/end/")


def change_password(_scene: Scene, victim: Victim) -> None:
    fields = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    submit(victim.second, "/accounts/password/change/", **fields)


def revoke_tokens(_scene: Scene, victim: Victim) -> None:
    tokens = victim.first.get("/api/v1/tokens").json()["results"]
    for token in tokens:
        assert victim.first.delete(f"/api/v1/tokens/{token['id']}").status_code == 204


BY_TOKEN = frozenset({"token", "token's socket"})
SESSION = ("socket",)
CAUSES = (
    Cause("removed", lambda s, v: s.remove(v), "", frozenset({"search", "export link"}),
          closed=("socket", "token's socket")),
    Cause("deactivated", lambda s, v: submit(s.adam, f"/people/{v.seat.person}/deactivate/", reason="left the firm"),
          "person.deactivated", frozenset(), ended=("socket", "token's socket")),
    Cause("signed out", lambda s, v: submit(v.first, "/accounts/logout/"), "session.ended", BY_TOKEN, ended=SESSION),
    Cause("session ended from elsewhere", end_first_session, "session.ended", BY_TOKEN, ended=SESSION),
    Cause("signed out everywhere", lambda s, v: submit(v.second, "/settings/sessions/end-others/"), "session.ended",
          BY_TOKEN, ended=SESSION),
    Cause("password changed", change_password, "session.ended", BY_TOKEN, ended=SESSION),
    Cause("role ended", lambda s, v: submit(s.adam, f"/people/{v.seat.person}/roles/officer/end/", reason="moved on"),
          "role.revoked", frozenset({"read", "post", "token"}), closed=("socket", "token's socket")),
    Cause("token revoked", revoke_tokens, "token.revoked", frozenset({"read", "post", "search", "export link"}),
          ended=("token's socket",), closed=("socket",)),
)  # fmt: skip


@pytest.fixture
def stack() -> Stack:
    return new_stack()


@pytest.mark.faults_only
def test_whatever_ends_an_access_ends_it_on_every_way(stack: Stack) -> None:
    office = open_office(stack, people=2, conversations=1)
    victims = run_program("victims_program", stack, str(len(CAUSES) + 1))["victims"]
    wrong: list[str] = []

    async def scenario(rig: Rig) -> None:
        scene = Scene(await asyncio.to_thread(sign_in, rig.url, "adam"), office.seats[0], rig.url)
        for cause, row in zip(CAUSES, victims, strict=False):
            victim = await arrive(rig, row)
            wrong.extend(await revoke(rig, scene, cause, victim))
        bystander = await arrive(rig, victims[len(CAUSES)])
        before = await asyncio.to_thread(bystander.statuses)
        wrong.extend(f"nothing was revoked, and {way} is {answer}" for way, answer in before.items() if answer > 201)

    stack.web.start()
    try:
        rig = run_load(stack, office, scenario, name="revocation")
    finally:
        stack.web.stop()
    verdict = judge(read_log(rig.log.path), read_store(stack), Limits(close_s=CLOSE_S))
    pairs = len(CAUSES) * len(CHANNELS)
    print(f"{pairs} pairs of {len(CAUSES)} causes and {len(CHANNELS)} ways, not yet: {NOT_YET}: {verdict.line()}")
    assert wrong == []
    assert verdict.faults == []
    assert verdict.counts["revoked"] == sum(bool(cause.ended) for cause in CAUSES)
    assert "Traceback" not in stack.log()


async def arrive(rig: Rig, row: dict[str, object]) -> Victim:
    """Sign a victim in on two devices and open both sockets."""
    seat = Seat(**row["seat"])  # type: ignore[arg-type]  # as the program printed it
    first = await asyncio.to_thread(sign_in, rig.url, seat.name)
    second = await asyncio.to_thread(sign_in, rig.url, seat.name)
    conversation, export = int(str(row["conversation"])), int(str(row["export"]))
    token = first.get(f"/api/v1/exports/{export}").json()["download_token"]
    assert token, "the export is not finished"
    sockets = []
    for label, headers in (("session", cookies_of(first)), ("token", seat.headers)):
        reader = Reader(f"{seat.name} by {label}", seat, rig.url, rig.log, {conversation: 1}, headers=headers)
        rig.readers.append(reader)
        sockets.append(reader)
    await rig.start()
    return Victim(seat.name, seat, conversation, export, first, second, token, sockets[0], sockets[1])


async def revoke(rig: Rig, scene: Scene, cause: Cause, victim: Victim) -> list[str]:
    """Revoke, say something afterwards, and return every way that is open and should not be, or the other way round."""
    sockets = {"socket": victim.session_socket, "token's socket": victim.token_socket}
    await asyncio.to_thread(cause.act, scene, victim)
    if cause.ended:
        readers = [sockets[way].label for way in cause.ended]
        rig.log.note("revoked", stream=f"person:{victim.seat.person}", kind=cause.kind, readers=readers)
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


@pytest.mark.faults_only
def test_removals_that_race_messages_leak_nothing_and_a_server_that_does_not_revoke_is_caught(stack: Stack) -> None:
    office = open_office(stack, people=6, conversations=1)
    verdict = judge_race(stack, office, name="race")
    print(f"race: {verdict.line()}")
    assert verdict.faults == []
    assert verdict.counts["acked"] >= RACING
    stack.environment["PYTHONPATH"] = str(ROOT)
    program = str(Path(__file__).with_name("broken_server.py"))
    stack.web.arguments = (program, "never-revoke", *stack.web.arguments[1:])
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


@pytest.fixture(autouse=True)
def _stopped(stack: Stack) -> Iterator[None]:
    yield
    stack.web.stop()
