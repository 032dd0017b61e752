"""A product under load: its office, its clients, what is done to it, and the verdict at the end.

Talks to the product through its doors and signals; how it is judged is in history.py.
"""

import asyncio
import os
import resource
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx

from tests import services
from tests.faults.delivery.clients import Door, Log, Reader, Seat, Sender, http_door
from tests.faults.delivery.history import Limits, Stored, Verdict, judge, read_log
from tests.faults.delivery.planted import missed_plants
from tests.faults.steps import run_rig

CATCH_UP_S = 12.0
ONLINE_S = 60.0
RUN_LIMIT_S = 7200.0 if os.environ.get("ONRECORD_FAULTS_LONG") == "1" else 150.0
# A server dies with the thread that started it (services.dies_with_parent): this one lasts as long as the tests.
HAND = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hand")
SEED = int(os.environ.get("ONRECORD_FAULTS_SEED", "20261121"))
IS_LONG = os.environ.get("ONRECORD_FAULTS_LONG") == "1"


class Product(Protocol):
    """A running product, whatever it consists of."""

    folder: Path
    environment: dict[str, str]

    @property
    def url(self) -> str: ...


async def by_hand(act: Callable[[], Any]) -> None:
    """Do something that blocks, such as ending or starting a server, while the clients go on."""
    await asyncio.get_running_loop().run_in_executor(HAND, act)


@dataclass(frozen=True)
class Office:
    """The people and the groups that all of them, or `members` in turn, belong to."""

    seats: list[Seat]
    conversations: list[int]
    members: int = 0

    def conversations_of(self, number: int) -> list[int]:
        if not self.members:
            return self.conversations
        group = number // self.members
        return self.conversations[group : group + 1]

    def members_by_turn(self) -> list[Seat]:
        """Return one member of each group."""
        return self.seats[:: self.members] if self.members else self.seats[:1]


def run_program(name: str, stack: Product, *arguments: str) -> dict[str, Any]:
    """Run a program of this folder in the product's environment; return the JSON that it prints."""
    (found,) = run_rig(f"delivery.{name}", *arguments, environment=stack.environment)
    return found


def open_office(stack: Product, *, people: int, conversations: int, members: int = 0, strangers: int = 0) -> Office:
    """Found the firm of a product that has not started yet; groups are of all people, or of `members` each."""
    sizes = (people, conversations, members, strangers)
    found = run_program("office_program", stack, *(str(size) for size in sizes))
    return Office([Seat(**seat) for seat in found["seats"]], found["conversations"], members)


def read_store(stack: Product) -> Stored:
    return Stored(**run_program("store_program", stack))


@dataclass
class Rig:
    """Clients of one run. `start` begins them, `finish` lets them end, `verdict` judges what they wrote down."""

    stack: Product
    office: Office
    log: Log
    heads: dict[int, int]  # where the readers begin
    url: str = ""
    nodes: tuple[str, ...] = ()  # where clients go in turn, instead of all to `url`
    readers: list[Reader] = field(default_factory=list)
    senders: list[Sender] = field(default_factory=list)
    _tasks: dict[Reader | Sender, asyncio.Task[None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.url = self.url or self.stack.url

    def add_reader(self, number: int, *, label: str = "", make: type[Reader] = Reader, **options: Any) -> Reader:
        seat = self.office.seats[number]
        cursors = {c: self.heads[c] for c in self.office.conversations_of(number)}
        mine: dict[str, Any] = {"cursors": cursors, "log": self.log, "url": self._node(len(self.readers))} | options
        reader = make(label=label or f"{seat.name}'s device {len(self.readers)}", seat=seat, **mine)
        self.readers.append(reader)
        return reader

    def add_sender(self, number: int, *, through: Reader | None = None, **options: Any) -> Sender:
        """Add a sender in one of the conversations, through a reader's socket or else through HTTP."""
        seat = through.seat if through else self.office.seats[number % len(self.office.seats)]
        # By fours, so that each conversation is written to on every node.
        door: Door = through.post if through else http_door(self._node(len(self.senders) // 4), seat)
        mine = self.office.conversations_of(number % len(self.office.seats))
        conversation = mine[number % len(mine)]
        sender = Sender(
            name=f"{seat.name} in {self.log.path.stem} ({len(self.senders)})",
            seat=seat,
            conversation=conversation,
            door=door,
            log=self.log,
            **options,
        )
        self.senders.append(sender)
        return sender

    def _node(self, turn: int) -> str:
        return self.nodes[turn % len(self.nodes)] if self.nodes else self.url

    async def start(self) -> None:
        """Begin every client that has not begun; return when all readers are online."""
        clients: list[Reader | Sender] = [*self.readers, *self.senders]
        for client in clients:
            if client not in self._tasks:
                self._tasks[client] = asyncio.create_task(client.run())
        await self.all_online()

    async def all_online(self) -> None:
        """Wait until every reader that is not done for good has a socket."""
        async with asyncio.timeout(ONLINE_S):
            while not all(reader.is_online.is_set() for reader in self._live()):
                await asyncio.sleep(0.02)

    async def burst(self, count: int, *, senders: int = 8) -> None:
        """Send so many messages from new senders at once; return when all are acknowledged and heard."""
        for number in range(senders):
            self.add_sender(number, most=count // senders)
        await self.start()
        await self.sent_all()
        await self.caught_up()

    async def some_more(self, count: int) -> None:
        """Wait until so many more messages were acknowledged, and every reader is back."""
        enough = self.acked + count
        while self.acked < enough:
            await asyncio.sleep(0.02)
        await self.all_online()

    @property
    def acked(self) -> int:
        return sum(sender.acked for sender in self.senders)

    @property
    def failed(self) -> int:
        return sum(sender.failed for sender in self.senders)

    async def during(self, what: str, act: Callable[[], Any]) -> None:
        """Do something blocking to the product, in a thread, and note when it was done and healed."""
        self.log.note("fault", what=what)
        await by_hand(act)
        self.log.note("healed", what=what)

    async def give_up(self) -> None:
        """End the senders where they stand, with whatever is still open."""
        tasks = [self._tasks[sender] for sender in self.senders]
        self.senders.clear()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    async def sent_all(self) -> None:
        """Wait until every sender has said what it had to say."""
        await asyncio.gather(*(self._tasks[sender] for sender in self.senders))

    async def finish(self, *, catch_up_s: float = CATCH_UP_S) -> None:
        """Let senders resolve what is open and readers catch up; note who did; stop all."""
        for sender in self.senders:
            sender.is_stopping = True
        await asyncio.wait_for(self.sent_all(), 60)
        late = await self.caught_up(within_s=catch_up_s)
        live = self._live()
        for reader in live:
            if reader not in late:
                self.log.note("finished", reader=reader.label)
        await asyncio.gather(*(reader.stop() for reader in live))
        await asyncio.gather(*(self._tasks[reader] for reader in self.readers))

    async def caught_up(self, *, within_s: float = CATCH_UP_S) -> list[Reader]:
        """Wait until every reader has what there is now; return those who have not after the time."""
        heads = await read_heads(self.url, self.office)
        deadline = asyncio.get_running_loop().time() + within_s
        while late := [r for r in self._live() if any(r.cursors.get(c, n) < n for c, n in heads.items())]:
            if asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(0.02)
        return late

    def _live(self) -> list[Reader]:
        """Return the readers that still read."""
        return [r for r in self.readers if not self._tasks[r].done()]

    def unresolved(self) -> list[str]:
        """Return the senders that still wait for an answer, with the last reason for which a try failed."""
        return [f"{s.name}: {s.why}" for s in self.senders if not self._tasks[s].done() or self._tasks[s].cancelled()]

    def stored(self) -> Stored:
        return read_store(self.stack)

    def verdict(self, limits: Limits | None = None) -> Verdict:
        """Judge the run, and plant every fault in its history: the verdict of a checker that misses one is void."""
        log, stored = read_log(self.log.path), self.stored()
        verdict = judge(log, stored, limits)
        if not verdict.faults:
            assert missed_plants(log, stored, limits) == []
        return verdict


async def read_heads(url: str, office: Office) -> dict[int, int]:
    """Return the newest number of every conversation, as its members are told it."""
    heads: dict[int, int] = {}
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        for seat in office.members_by_turn():
            rows = await _list_conversations(client, seat)
            heads |= {row["id"]: row["head"] for row in rows if row["id"] in office.conversations}
    return heads


async def _list_conversations(client: httpx.AsyncClient, seat: Seat) -> list[dict[str, Any]]:
    """Ask until there is an answer: each connection to a database that was restarted is found broken once."""
    deadline = time.monotonic() + ONLINE_S
    while (answer := await client.get("/api/v1/conversations", headers=seat.headers)).status_code != 200:
        assert time.monotonic() < deadline, f"the server does not come back: {answer.status_code}"
        await asyncio.sleep(0.1)
    rows: list[dict[str, Any]] = answer.json()["results"]
    return rows


def memory_of(server: services.Server) -> int:
    """Return the resident bytes of a server's process."""
    assert server.process is not None
    pages = Path(f"/proc/{server.process.pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()


def run_load(
    stack: Product,
    office: Office,
    scenario: Callable[[Rig], Awaitable[None]],
    *,
    name: str,
    url: str = "",
    catch_up_s: float = CATCH_UP_S,
) -> Rig:
    """Run a scenario with clients that write to a log of their own; return the rig to be judged."""

    async def run() -> Rig:
        heads = await read_heads(url or stack.url, office)
        rig = Rig(stack, office, Log(stack.folder / f"{name}.jsonl"), heads, url=url)
        try:
            async with asyncio.timeout(services.stretched(RUN_LIMIT_S)):
                await scenario(rig)
                await rig.finish(catch_up_s=catch_up_s)
        finally:
            rig.log.close()
            if left := rig.unresolved():
                print(f"{name}: unresolved: {left}; the server said: {_tail(stack)}")
        return rig

    return asyncio.run(run())


def _tail(stack: Product) -> str:
    return "\n".join(path.read_text(errors="replace")[-1500:] for path in stack.folder.glob("*.log"))
