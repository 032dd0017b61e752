"""Real-time delivery beside ejabberd and prosody in the same run: rounds in turn, medians of three, and one table.

All contestants stand all the time, each with its crowd connected; one at a time is measured. Standard output has one
JSON line a figure; the table goes to standard error. It must not stop at a row that a contestant fails: that is said
in its line, and the exit code tells.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from subprocess import SubprocessError
from typing import Any

from bench.asking import Figures
from bench.contestants import LOAD_CORE, OURS, SERVER_CORE, SQLITE, Contestant, start
from bench.measuring import report
from bench.peers import PEERS
from bench.rows import FLIGHT, MEMORY, PACE, ROWS, SEND, Row, is_whole, medians, ratio, verdict

WHAT = {"realtime": (SEND, FLIGHT, PACE, MEMORY), "sends": (SEND,), "fanout": (FLIGHT, PACE), "idle": (MEMORY,)}
# How large a crowd each of the slow ones is asked to serve: the whole must end.
MOST = {"prosody": 1000, f"onrecord {SQLITE}": 1000}
# A server or a program that does not start, an answer that does not come.
FAILED = (RuntimeError, OSError, SubprocessError)


@dataclass
class Run:
    """The contestants and what was found; a contestant that failed is out from there on."""

    seconds: float
    rounds: int
    contestants: list[Contestant] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    table: list[tuple[Row, str, Figures]] = field(default_factory=list)

    def admit(self, name: str, rows: Sequence[Row], *, standing: ExitStack) -> None:
        """Start a contestant; one that does not start is missing in the table, and the others are measured."""
        try:
            self.contestants.append(start(name, rows, standing=standing))
        except FAILED as error:
            self._fail(name, error)

    def take(self, row: Row) -> None:
        """One contestant after the other, three times: the machine drifts, and so for all alike."""
        wanted = [one for one in self._standing() if row.members <= MOST.get(one.name, row.members)]
        taken: dict[str, list[Figures]] = {one.name: [] for one in wanted}
        for contestant in wanted:
            if row.kind != MEMORY:
                self._try(contestant, lambda one: one.prepare(row))
        for _ in range(1 if row.kind == MEMORY else self.rounds):
            for contestant in wanted:
                figures = self._try(contestant, lambda one: one.run(row, seconds=self.seconds, others=self.contestants))
                taken[contestant.name] += [figures] if figures else []
        self._show(row, {name: medians(runs, row.main) for name, runs in taken.items() if runs})

    def _standing(self) -> list[Contestant]:
        return [one for one in self.contestants if one.name not in self.failures]

    def _try(self, contestant: Contestant, act: Any) -> Figures | None:  # Any: a function of the contestant
        if contestant.name in self.failures:
            return None
        try:
            return act(contestant) or None
        except FAILED as error:
            self._fail(contestant.name, error)
            return None

    def _fail(self, name: str, error: Exception) -> None:
        self.failures[name] = str(error)
        report("realtime", server=name, failed=str(error))

    def _show(self, row: Row, found: dict[str, Figures]) -> None:
        theirs = found.get("ejabberd", {})
        for name, figures in found.items():
            judged = verdict(row, figures, theirs) if name.startswith("onrecord") else {}
            line = {**figures, "server_ms_ratio": ratio(figures, theirs, "server_ms"), **judged}
            report("realtime", row=row.name, server=name, members=row.members, **line)
            self.table.append((row, name, line))

    def check_records(self) -> None:
        """What was said to ours must be in their records, and the records must be sound."""
        for contestant in self._standing():
            if contestant.stack is not None:
                contestant.server.stop()
                done = contestant.stack.manage("record", "check", "--fast", "--json", check=False)
                entries = json.loads(done.stdout)["size"] if not done.returncode else 0
                report("realtime", row="record", server=contestant.name, messages=contestant.spoken,
                       entries=entries, is_sound=not done.returncode)  # fmt: skip
                if entries < contestant.spoken or done.returncode:
                    self.failures[contestant.name] = "its record is not whole"


def main() -> int:
    options = _options()
    began = time.monotonic()
    rows = [row for row in ROWS if row.kind in WHAT[options.what] and _fits(row, options)]
    run = Run(seconds=options.seconds, rounds=1 if options.quick else options.rounds)
    with ExitStack() as standing:
        for name in (*options.server, *options.peers):
            _tell(began, f"starting {name}")
            run.admit(name, rows, standing=standing)
        for row in rows:
            _tell(began, row.name)
            run.take(row)
        run.check_records()
    _print_table(run, took_s=time.monotonic() - began)
    return 1 if run.failures or not all(is_whole(line) for _, _, line in run.table) else 0


def _fits(row: Row, options: argparse.Namespace) -> bool:
    return row.members in options.members if options.members else row.members <= options.upto


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.realtime")
    parser.add_argument("what", choices=WHAT, nargs="?", default="realtime")
    parser.add_argument("--members", type=int, nargs="*", default=(), help="only rows with so many")
    parser.add_argument("--upto", type=int, default=5000, help="only rows with so many at most")
    parser.add_argument("--server", type=_names(OURS), default=OURS, help="by comma: daphne, uvicorn, daphne-sqlite")
    parser.add_argument("--peers", type=_names(tuple(PEERS)), default=tuple(PEERS), help="by comma: ejabberd, prosody")
    parser.add_argument("--seconds", type=float, default=2.5, help="of one round of one row")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round")
    return parser.parse_args()


def _names(known: Sequence[str]) -> Any:  # Any: argparse's own idea of a type
    def parse(text: str) -> tuple[str, ...]:
        names = tuple(filter(None, text.split(",")))
        if not set(names) <= set(known):
            raise argparse.ArgumentTypeError(f"choose from {', '.join(known)}")
        return names

    return parse


def _tell(began: float, what: str) -> None:
    sys.stderr.write(f"{time.monotonic() - began:4.0f} s: {what}\n")
    sys.stderr.flush()


# --- table -----------------------------------------------------------------------------------------------------------
def _print_table(run: Run, *, took_s: float) -> None:
    say = sys.stderr.write
    say(f"\n{'row':34} {'server':22} {'figure':>28} {'p99':>7} {'ratio':>6}  met   wanted\n")
    for row, name, line in run.table:
        p99 = line.get("p99_ms", line.get("last_p99_ms", ""))
        figure = f"{row.main} {line[row.main]:g}"
        met = {True: "yes", False: "NO", None: "-"}[line.get("met")]
        say(f"{row.name:34} {name:22} {figure:>28} {p99!s:>7} {line.get('ratio') or ''!s:>6}  {met:5} "
            f"{line.get('wanted', '')}\n")  # fmt: skip
    for name, reason in run.failures.items():
        say(f"{name} failed: {reason}\n")
    say(f"{took_s / 60:.1f} minutes; servers on core {SERVER_CORE}, load on core {LOAD_CORE}\n")


if __name__ == "__main__":
    sys.exit(main())
