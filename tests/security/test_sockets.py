"""The socket's frames as everybody, in every conversation: what is not theirs is as absent as what does not exist."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from channels.testing import WebsocketCommunicator
from django.conf import settings

from messenger.asgi import application
from tests.security.canaries import canaries_in, misplaced_in
from tests.security.roles import CALLERS, NOBODY
from tests.security.rows_chat import SEATED
from tests.security.store import digests
from tests.security.world import ABSENT, CONVERSATIONS, World, build_world

Frame = dict[str, Any]
SOON_S = 5.0
QUIET_S = 0.3
SESSION_ENDED = 4001
ACTS = ("post", "read", "typing")


@pytest.fixture
def committed(transactional_db: None) -> World:
    """The world as other threads see it: sockets read the database in threads of their own."""
    return build_world()


def frame_of(act: str, conversation: int | str) -> Frame:
    more: dict[str, Frame] = {"post": {"client_key": str(uuid4()), "body": "hello"}, "read": {"n": 2}}
    return {"t": act, "c": conversation} | more.get(act, {})


class Ear:
    """One open socket of somebody: says frames and keeps what comes."""

    def __init__(self, socket: WebsocketCommunicator) -> None:
        self.socket = socket
        self.heard: list[str] = []

    async def say(self, frame: Frame) -> None:
        await self.socket.send_json_to(frame)

    async def take(self) -> Frame:
        text = await self.socket.receive_from(timeout=SOON_S)
        self.heard.append(text)
        frame: Frame = json.loads(text)
        return frame

    async def hello(self, cursors: dict[str, int]) -> Frame:
        await self.say({"t": "hello", "v": 1, "cursors": cursors})
        return await self.until(lambda frame: frame["t"] == "welcome")

    async def until(self, is_it: Callable[[Frame], bool]) -> Frame:
        while not is_it(frame := await self.take()):
            pass
        return frame

    async def answer_to(self, frame: Frame) -> Frame | None:
        """Say a frame, then ping; return the answer that came before the pong, None when there was none."""
        await self.say(frame)
        await self.say({"t": "ping"})
        answer = await self.until(lambda one: one["t"] in ("ack", "error", "pong"))
        if answer["t"] != "pong":
            await self.until(lambda one: one["t"] == "pong")
            return answer
        return None


@asynccontextmanager
async def socket_of(world: World, role: str) -> AsyncIterator[Ear]:
    """Open the socket with the role's cookie or token."""
    knocker = world.knockers[role]
    cookie = "; ".join(f"{name}={value}" for name, value in knocker.cookies.items())
    named = {"Origin": settings.ONRECORD_ORIGINS[0], "Cookie": cookie} | dict(knocker.headers)
    headers = [(name.lower().encode(), value.encode()) for name, value in named.items() if value]
    socket = WebsocketCommunicator(application, "/ws", headers=headers, subprotocols=["onrecord.v1"])
    is_open, _ = await socket.connect(timeout=SOON_S)
    assert is_open
    try:
        yield Ear(socket)
    finally:
        await socket.disconnect(timeout=SOON_S)


def run(scenario: Callable[[], Awaitable[list[str]]]) -> list[str]:
    async def limited() -> list[str]:
        return await asyncio.wait_for(scenario(), timeout=60)

    return asyncio.run(limited())


def without_key(answer: Frame | None) -> Frame | None:
    return {key: value for key, value in answer.items() if key != "client_key"} if answer else None


async def ask_for_others(world: World, role: str) -> list[str]:
    """Say every act for every conversation that is not theirs; return what was answered in another way than absence."""
    wrong = []
    async with socket_of(world, role) as ear:
        await ear.hello({str(world.numbers[name]): 0 for name in CONVERSATIONS})
        for act in ACTS:
            nowhere = without_key(await ear.answer_to(frame_of(act, ABSENT)))
            assert nowhere is not None and nowhere["code"] == "not_found", nowhere
            for name in CONVERSATIONS:
                if role in SEATED[name].split():
                    continue
                answer = without_key(await ear.answer_to(frame_of(act, world.number(name))))
                wrong += [] if answer == nowhere else [f"{role}: {act} in {name}: {answer}"]
        leaked = misplaced_in(" ".join(ear.heard), role=role, path="/ws")
        wrong += [f"{role}: heard {leaked}"] if leaked else []
    return wrong


def test_nobody_is_told_of_conversations_that_are_not_theirs(committed: World) -> None:
    """Refused frames leave no trace either: the tables are the same after all of them."""

    async def scenario() -> list[str]:
        return [line for role in CALLERS.split() for line in await ask_for_others(committed, role)]

    before = digests()
    assert run(scenario) == []
    assert digests() == before
    closed = [(role, name) for role in CALLERS.split() for name in CONVERSATIONS if role not in SEATED[name].split()]
    cells = len(ACTS) * (len(closed) + len(CALLERS.split()))
    print(f"{cells} refused frames")
    assert cells >= 200


def test_members_are_answered_and_told_of_their_own_only(committed: World) -> None:
    async def ask(role: str) -> list[str]:
        wrong = []
        own = [name for name in CONVERSATIONS if role in SEATED[name].split()]
        async with socket_of(committed, role) as ear:
            welcome = await ear.hello({str(committed.numbers[name]): 0 for name in CONVERSATIONS})
            if {head[0] for head in welcome["heads"]} != {committed.numbers[name] for name in own}:
                wrong.append(f"{role}: welcomed with {welcome['heads']}")
            for name in own:
                expected = {"post": "error" if name == "news" and role != "owner" else "ack"}
                for act in ACTS:
                    answer = await ear.answer_to(frame_of(act, committed.number(name)))
                    if (answer and answer["t"]) != expected.get(act):
                        wrong.append(f"{role}: {act} in {name}: {answer}")
        return wrong

    async def scenario() -> list[str]:
        return [line for role in CALLERS.split() for line in await ask(role)]

    assert run(scenario) == []


def test_a_member_hears_the_words_that_others_must_not(committed: World) -> None:
    """The control of the search for planted words: the same frames, read by who may, are full of them."""
    theirs = {"talk_body", "pair_body", "late_body", "space_body", "news_body", "thread_body", "text_words"}

    async def scenario() -> list[str]:
        async with socket_of(committed, "member") as ear:
            await ear.hello({str(committed.numbers[name]): 0 for name in CONVERSATIONS})
            await ear.until(lambda _: theirs <= set(canaries_in(" ".join(ear.heard))))
            return misplaced_in(" ".join(ear.heard), role="member", path="/ws")

    assert run(scenario) == []


def test_who_is_not_signed_in_is_closed_and_hears_nothing(committed: World) -> None:
    async def ask(role: str) -> str:
        async with socket_of(committed, role) as ear:
            closing = await ear.socket.receive_output(timeout=SOON_S)
            await ear.say({"t": "hello", "v": 1, "cursors": {}})
            assert await ear.socket.receive_nothing(timeout=QUIET_S)
            return f"{closing['type']} {closing.get('code')}"

    async def scenario() -> list[str]:
        return [await ask(role) for role in NOBODY.split()]

    before = digests()
    assert run(scenario) == [f"websocket.close {SESSION_ENDED}"] * 4
    assert digests() == before


def test_nothing_is_done_before_hello(committed: World) -> None:
    async def scenario() -> list[str]:
        async with socket_of(committed, "member") as ear:
            for act in (*ACTS, "ping"):
                await ear.say(frame_of(act, committed.numbers["talk"]) if act != "ping" else {"t": "ping"})
            return [str((await ear.take())["code"]) for _ in (*ACTS, "ping")]

    before = digests()
    assert run(scenario) == ["hello_first"] * 4
    assert digests() == before


def test_typing_is_heard_by_members_and_said_by_members_only(committed: World) -> None:
    async def scenario() -> list[str]:
        shown = []
        async with socket_of(committed, "member") as ear:
            await ear.hello({})
            for role in ("stranger", "former", "administrator", "owner"):
                async with socket_of(committed, role) as other:
                    await other.hello({})
                    for name in ("talk", "space"):
                        await other.answer_to(frame_of("typing", committed.numbers[name]))
            while not await ear.socket.receive_nothing(timeout=QUIET_S):
                frame = await ear.take()
                shown += [frame["person"]["name"]] if frame.get("kind") == "typing" else []
        return shown

    assert run(scenario) == ["Bob"], "only the owner of the space belongs to one of the two"
