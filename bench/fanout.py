"""Fan-out into one room, beside ejabberd and prosody in the same run: rounds in turn, medians of three.

Servers, database and Redis share one core, the crowd has another one. All contestants stand all the time, each with its
crowd connected; one at a time is measured. A durable archive in the same PostgreSQL is on everywhere; OnRecord also
signs. It must not judge: the figures are printed, `…_ratio` says how many times ejabberd's.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

# isort: split
BACKEND = os.environ["ONRECORD_TEST_BACKEND"] = os.environ.get("ONRECORD_BENCH_BACKEND", "postgres")
SERVER_CORE, LOAD_CORE = 0, (os.cpu_count() or 1) - 1
os.sched_setaffinity(0, {SERVER_CORE})

from bench.measuring import report  # noqa: E402  (what it imports starts the servers)
from bench.peers import PEERS  # noqa: E402
from bench.usage import computed_s  # noqa: E402
from bench.wires import ROOM  # noqa: E402
from tests import services  # noqa: E402
from tests.environment import BACKEND as STARTED_BACKEND  # noqa: E402
from tests.stack import ROOT, Stack, WebProcess, new_stack  # noqa: E402

ROUNDS = 3
PACED_MEMBERS = 200  # the paced row is for rooms up to this size
UVICORN = ("-m", "uvicorn", "--log-level", "warning", "--ws-per-message-deflate", "false", "--app-dir", str(ROOT))
SERVERS = ("daphne", "uvicorn")
COMPARED = ("deliveries_per_s", "server_ms")


@dataclass
class Contestant:
    """One server with its crowd."""

    name: str
    server: services.Server
    crowd: subprocess.Popen[str]
    memory_kb: float  # that one idle member costs

    def ask(self, row: dict[str, Any]) -> dict[str, Any]:  # Any: figures as they come
        """Run one row; `server_ms` is what server, database and Redis computed for a message, whoever else was busy."""
        before = computed_s()
        figures = _say(self.crowd, row)
        used_s = computed_s() - before - figures.pop("load_used_s")
        return figures | {"server_ms": round(used_s * 1000 / max(1, figures["messages"]), 2)}


def main() -> None:
    options = _options()
    _allow_many_sockets()
    with ExitStack() as standing:
        contestants = [_ours(name, options.members, standing=standing) for name in options.server]
        contestants += [_peer(name, options.members, standing=standing) for name in options.peers]
        for row, wish in _rows(options).items():
            _show(row, contestants, _rounds(contestants, wish), members=options.members)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.fanout")
    parser.add_argument("--members", type=int, default=200)
    parser.add_argument("--server", type=_names(SERVERS), default=SERVERS, help="daphne, uvicorn or both, by comma")
    parser.add_argument("--peers", type=_names(PEERS), default=(), help="ejabberd, prosody or both, by comma")
    parser.add_argument("--seconds", type=float, default=5.0)
    return parser.parse_args()


def _names(known: Any) -> Any:
    def parse(text: str) -> tuple[str, ...]:
        names = tuple(filter(None, text.split(",")))
        if not set(names) <= set(known):
            raise argparse.ArgumentTypeError(f"choose from {', '.join(known)}")
        return names

    return parse


def _allow_many_sockets() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _rows(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {
        "one at a time": {"in_flight": 1, "seconds": options.seconds},
        "8 in flight": {"in_flight": 8, "seconds": options.seconds},
    }
    if options.members <= PACED_MEMBERS:
        rows["50 a second"] = {"per_second": 50.0, "seconds": options.seconds}
    return rows


# --- contestants -----------------------------------------------------------------------------------------------------
def _ours(name: str, members: int, *, standing: ExitStack) -> Contestant:
    stack = new_stack()
    stack.environment |= {"ONRECORD_SOCKET_RATE": "1000000", "DJANGO_SETTINGS_MODULE": "messenger.settings"}
    stack.manage("migrate")
    filled = subprocess.run(
        [sys.executable, "-m", "bench.room", str(members)],
        env=os.environ | stack.environment,
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    room = json.loads(filled.stdout)
    server = stack.web if name == "daphne" else _uvicorn(stack)
    who = {"kind": "onrecord", "port": server.port, "url": server.url, "room": room["room"], "names": room["tokens"]}
    return _begin(f"onrecord {name}", server, who, standing=standing)


def _uvicorn(stack: Stack) -> WebProcess:
    arguments = (*UVICORN, "--port", str(stack.web.port), "messenger.asgi:application")
    return WebProcess(folder=stack.folder, port=stack.web.port, arguments=arguments, environment=stack.environment)


def _peer(name: str, members: int, *, standing: ExitStack) -> Contestant:
    database = os.environ["ONRECORD_TEST_POSTGRES_URL"]
    peer = PEERS[name](folder=services.new_folder(name), database_url=database)
    peer.prepare()
    who = {"kind": "xmpp", "port": peer.port, "room": ROOM, "names": [f"m{number}" for number in range(members)]}
    return _begin(name, peer, who, standing=standing)


def _begin(name: str, server: services.Server, who: dict[str, Any], *, standing: ExitStack) -> Contestant:
    server.start()
    standing.callback(server.stop)
    crowd = subprocess.Popen(
        ["taskset", "-c", str(LOAD_CORE), sys.executable, "-m", "bench.crowd"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    standing.callback(_dismiss, crowd)
    before = _memory_kb(server)
    _say(crowd, who)
    return Contestant(name, server, crowd, memory_kb=round((_memory_kb(server) - before) / len(who["names"]), 1))


def _say(crowd: subprocess.Popen[str], wish: dict[str, Any]) -> dict[str, Any]:
    stdin, stdout = _pipes(crowd)
    stdin.write(json.dumps(wish) + "\n")
    stdin.flush()
    answer = stdout.readline()
    if not answer:
        raise RuntimeError("the crowd has left; what it said last is above")
    return dict(json.loads(answer))


def _pipes(crowd: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert crowd.stdin is not None
    assert crowd.stdout is not None
    return crowd.stdin, crowd.stdout


def _dismiss(crowd: subprocess.Popen[str]) -> None:
    crowd.terminate()
    crowd.wait()


def _memory_kb(server: services.Server) -> int:
    """Return the resident memory of the server's processes."""
    assert server.process is not None
    family, total = [server.process.pid], 0
    while family:
        pid = family.pop()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        family += [int(child) for child in children]
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        total += next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")), 0)
    return total


# --- rounds ----------------------------------------------------------------------------------------------------------
def _rounds(contestants: list[Contestant], wish: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """One contestant after the other, three times: the machine drifts, and so for all alike."""
    taken: dict[str, list[dict[str, Any]]] = {contestant.name: [] for contestant in contestants}
    for _ in range(ROUNDS):
        for contestant in contestants:
            taken[contestant.name].append(contestant.ask(wish))
    return taken


def _show(row: str, contestants: list[Contestant], taken: dict[str, list[dict[str, Any]]], *, members: int) -> None:
    for contestant in contestants:
        figures = _medians(taken[contestant.name])
        theirs = _medians(taken["ejabberd"]) if "ejabberd" in taken else {}
        ratio = {f"{name}_ratio": round(figures[name] / theirs[name], 2) for name in COMPARED if theirs.get(name)}
        report("fanout", row=row, server=contestant.name, members=members, **figures, **ratio,
               memory_kb=contestant.memory_kb, database=STARTED_BACKEND)  # fmt: skip


def _medians(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians of every figure; what is lost or doubled is added up."""
    sums = ("lost", "doubled", "hung_up", "messages")
    medians = {name: statistics.median(run[name] for run in runs) for name in runs[0] if name not in sums}
    rates = [run.get("deliveries_per_s", 0) for run in runs]
    spread = round((max(rates) - min(rates)) / max(1, statistics.median(rates)), 2)
    return medians | {name: sum(run[name] for run in runs) for name in sums} | {"spread": spread}


if __name__ == "__main__":
    main()
