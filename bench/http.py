"""Durable acknowledged sends through HTTP, with 1, 16 and 64 senders; through the socket: realtime.py.

The server, its database and Redis share one core, the load has another one. Every sender is somebody else and has a
conversation of their own: nobody hears anything but their own words. Afterwards the record is checked and must hold at
least what was acknowledged, or the command fails.
"""

import argparse
import json
import os
import subprocess
import sys

# isort: split
BACKEND = os.environ.get("ONRECORD_BENCH_BACKEND", "sqlite")
os.environ["ONRECORD_TEST_BACKEND"] = BACKEND  # before what starts the servers is imported
SERVER_CORE, LOAD_CORE = 0, (os.cpu_count() or 1) - 1
os.sched_setaffinity(0, {SERVER_CORE})

from bench.measuring import report  # noqa: E402  (as above)
from bench.usage import computed_s  # noqa: E402  (as above)
from tests.stack import ROOT, Stack, new_stack  # noqa: E402

SENDERS = (1, 16, 64)
ROUNDS = 3


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.http")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--senders", type=int, nargs="*", default=SENDERS)
    options = parser.parse_args()
    stack = new_stack()
    stack.environment |= {"ONRECORD_SWEEP_S": "2.0", "ONRECORD_SOCKET_RATE": "1000000"}  # they post as fast as they can
    stack.manage("migrate")
    seats = _fill(stack, senders=max(options.senders))
    stack.web.start()
    try:
        acknowledged = sum(_round(stack.url, seats[:senders], seconds=options.seconds) for senders in options.senders)
    finally:
        stack.web.stop()
    check = json.loads(stack.manage("record", "check", "--json").stdout)
    report("http", backend=BACKEND, acknowledged=acknowledged, entries=check["size"], is_sound=check["is_sound"])
    return 0 if check["is_sound"] and check["size"] >= acknowledged else 1


def _fill(stack: Stack, *, senders: int) -> list[str]:
    """Make the senders and return their seats, as bench.load takes them."""
    filled = subprocess.run(
        [sys.executable, "-m", "bench.room", "1", "--desks", str(senders)],
        env=os.environ | stack.environment | {"DJANGO_SETTINGS_MODULE": "messenger.settings"},
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    room = json.loads(filled.stdout)
    return [f"{token}@{desk}" for token, desk in zip(room["tokens"], room["desks"], strict=True)]


def _round(url: str, seats: list[str], *, seconds: float) -> int:
    runs = [_load(url, seats, seconds=seconds) for _ in range(ROUNDS)]
    runs.sort(key=lambda run: float(run["per_second"]))
    middle = {name: value for name, value in runs[ROUNDS // 2].items() if name != "acknowledged"}
    spread = round((runs[-1]["per_second"] - runs[0]["per_second"]) / max(1, runs[ROUNDS // 2]["per_second"]), 2)
    report("http", backend=BACKEND, senders=len(seats), **middle, spread=spread)
    return sum(int(run["acknowledged"]) for run in runs)


def _load(url: str, seats: list[str], *, seconds: float) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.load", url, ",".join(seats)]
    before = computed_s()
    done = subprocess.run(
        ["taskset", "-c", str(LOAD_CORE), *command, "--seconds", str(seconds)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the load failed: {done.stderr[-2000:]}")
    figures: dict[str, float] = json.loads(done.stdout)
    figures["cpu_ms_per_send"] = round((computed_s() - before) * 1000 / max(1, figures["acknowledged"]), 2)
    return figures


if __name__ == "__main__":
    sys.exit(main())
