"""Who is measured: OnRecord under each of its servers and the peers, each with its own store and its own crowd.

Servers, databases and Redis share one core, the crowds have the last one. A durable archive is on everywhere.
Imported only by benchmarks: importing it starts a PostgreSQL and a Redis and binds this process to the servers' core.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

# isort: split
os.environ["ONRECORD_TEST_BACKEND"] = "postgres"  # before what starts the servers is imported
SERVER_CORE, LOAD_CORE = 0, (os.cpu_count() or 1) - 1
os.sched_setaffinity(0, {SERVER_CORE})

from bench.asking import Figures, ask, dismiss, start_crowd  # noqa: E402  (as above)
from bench.peers import PEERS  # noqa: E402
from bench.rows import MEMORY, SEND, Row  # noqa: E402
from bench.usage import Usage, memory_kb, usage  # noqa: E402
from tests import services  # noqa: E402
from tests.environment import BACKEND  # noqa: E402
from tests.stack import ROOT, Stack, WebProcess, new_stack  # noqa: E402

assert BACKEND == "postgres"
DAPHNE, UVICORN, SQLITE = "daphne", "uvicorn", "daphne-sqlite"
OURS = (DAPHNE, UVICORN, SQLITE)
UVICORN_ARGUMENTS = ("-m", "uvicorn", "--log-level", "warning", "--ws-per-message-deflate", "false")
WARM = 200  # members whose coming pays for what a server keeps but once
SETTLE_S = 1.0


@dataclass
class Contestant:
    """One server with its crowd. `rooms` are named by their size, `desks` are the rooms of one."""

    name: str
    server: services.Server
    crowd: subprocess.Popen[str]
    rooms: Mapping[int, str]
    desks: Sequence[str]
    stack: Stack | None = None  # of ours
    connected: int = 0
    entered: set[str] = field(default_factory=set)
    spoken: int = 0

    @property
    def pid(self) -> int:
        assert self.server.process is not None
        return self.server.process.pid

    def prepare(self, row: Row) -> None:
        """Have the row's members connected and in the room."""
        if row.members > self.connected:
            self._say(do="connect", upto=row.members)
            self.connected = row.members
        if row.own_rooms:
            self._enter(self.desks[: row.members])
        else:
            self._enter([self.rooms[row.members]], members=row.members)

    def run(self, row: Row, *, seconds: float, others: Sequence["Contestant"]) -> Figures:
        """Run one round of a row."""
        if row.kind == MEMORY:
            return self._weigh(row)
        wish: Figures = {"do": row.kind, "seconds": seconds, **row.wish}
        if row.kind == SEND:
            own = self.desks[: row.members]
            wish["rooms"] = list(own) if row.own_rooms else [self.rooms[row.members]] * row.members
        else:
            wish |= {"room": self.rooms[row.members], "members": row.members}
        before, began = usage(), time.perf_counter()
        figures = self._say(**wish)
        self.spoken += figures["messages"]
        return figures | self._shares(before, usage(), figures, took_s=time.perf_counter() - began, others=others)

    def _weigh(self, row: Row) -> Figures:
        """Let members come who say nothing, and return what each adds to the server's resident memory."""
        if self.connected < WARM < row.members:
            self._say(do="connect", upto=WARM)
            self.connected = WARM
        before_kb, before = self._settled_kb(), self.connected
        self.prepare(row)
        added = self.connected - before
        return {"memory_kb": round((self._settled_kb() - before_kb) / added, 1), "added": added}

    def _settled_kb(self) -> int:
        time.sleep(SETTLE_S)
        return memory_kb(self.pid)

    def _enter(self, rooms: Sequence[str], members: int | None = None) -> None:
        if not self.entered.issuperset(rooms):
            self._say(do="enter", rooms=list(rooms), members=members)
            self.entered.update(rooms)

    def _shares(
        self, before: Usage, after: Usage, figures: Figures, *, took_s: float, others: Sequence["Contestant"]
    ) -> Figures:
        """Say who used the cores: `server_ms` is what server, database and Redis computed for a message."""
        apart = [other.pid for other in others if other is not self]
        crowds = [other.crowd.pid for other in others]
        ours_s, load_s, apart_s = (
            after.below(*roots) - before.below(*roots) for roots in ([os.getpid()], crowds, apart)
        )
        busy = {core: after.busy[core] - before.busy[core] for core in (SERVER_CORE, LOAD_CORE)}
        figures.pop("load_used_s")
        return {
            "server_ms": round((ours_s - load_s - apart_s) * 1000 / max(1, figures["messages"]), 2),
            "strangers_on_server_core": _share(busy[SERVER_CORE] - (ours_s - load_s), took_s),
            "strangers_on_load_core": _share(busy[LOAD_CORE] - load_s, took_s),
        }

    def _say(self, **wish: Any) -> Figures:  # Any: as JSON has it
        return ask(self.crowd, wish)


def _share(used_s: float, took_s: float) -> float:
    return round(max(0.0, min(1.0, used_s / took_s)), 2)


def start(name: str, rows: Sequence[Row], *, standing: ExitStack) -> Contestant:
    """Start a contestant with what the rows need; it stops when `standing` is closed."""
    _allow_many_sockets()
    sizes = sorted({row.members for row in rows if not row.own_rooms})
    desks = max((row.members for row in rows if row.own_rooms), default=0)
    return (_start_ours if name in OURS else _start_peer)(name, sizes, desks, standing)


def _allow_many_sockets() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _start_ours(name: str, sizes: Sequence[int], desks: int, standing: ExitStack) -> Contestant:
    stack = new_stack()
    stack.environment |= {"ONRECORD_SOCKET_RATE": "1000000", "ONRECORD_SWEEP_S": "2.0"}  # as fast as they can
    if name == SQLITE:
        _move_to_sqlite(stack)
    stack.manage("migrate")
    filled = subprocess.run(
        [sys.executable, "-m", "bench.room", *map(str, sizes), "--desks", str(desks)],
        env=os.environ | stack.environment | {"DJANGO_SETTINGS_MODULE": "messenger.settings"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=ROOT,
    )
    found = json.loads(filled.stdout)
    server = _uvicorn(stack) if name == UVICORN else stack.web
    rooms = {int(size): room for size, room in found["rooms"].items()}
    who = {"kind": "onrecord", "url": server.url, "names": found["tokens"]}
    contestant = _begin(f"onrecord {name}", server, who, standing=standing, rooms=rooms, desks=found["desks"])
    contestant.stack = stack
    return contestant


def _move_to_sqlite(stack: Stack) -> None:
    """The embedded way to run: SQLite, the bus in the process, worker and clock as its threads.

    Said outright: this process's own environment names the PostgreSQL and the Redis of the others.
    """
    stack.environment |= {"DATABASE_URL": f"sqlite:///{stack.folder}/var/onrecord.sqlite3", "REDIS_URL": ""}
    stack.web.arguments = tuple(word for word in stack.web.arguments if word != "--no-worker")


def _uvicorn(stack: Stack) -> WebProcess:
    where = ("--app-dir", str(ROOT), "--port", str(stack.web.port), "messenger.asgi:application")
    environment = stack.environment | {"DJANGO_SETTINGS_MODULE": "messenger.settings"}
    arguments = (*UVICORN_ARGUMENTS, *where)
    return WebProcess(folder=stack.folder, port=stack.web.port, arguments=arguments, environment=environment)


def _start_peer(name: str, sizes: Sequence[int], desks: int, standing: ExitStack) -> Contestant:
    peer = PEERS[name](folder=services.new_folder(name), database_url=os.environ["ONRECORD_TEST_POSTGRES_URL"])
    peer.prepare()
    rooms = {size: f"room{size}@conference.localhost" for size in sizes}
    own = [f"desk{number}@conference.localhost" for number in range(desks)]
    who = {"kind": "xmpp", "url": "", "names": [f"m{number}" for number in range(max([*sizes, desks]))]}
    return _begin(name, peer, who, standing=standing, rooms=rooms, desks=own)


def _begin(
    name: str,
    server: services.Server,
    who: Mapping[str, Any],
    *,
    standing: ExitStack,
    rooms: Mapping[int, str],
    desks: Sequence[str],
) -> Contestant:
    server.start()
    standing.callback(server.stop)
    crowd = start_crowd({**who, "port": server.port}, core=LOAD_CORE)
    standing.callback(dismiss, crowd)
    return Contestant(name, server, crowd, rooms=rooms, desks=desks)
