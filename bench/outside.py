"""How long somebody outside takes to verify a large record: an export, a segment and a published record of it.

`python -m bench outside --entries 100000` makes the three of one record and has both verifiers check each, as programs
of their own in a folder that they know nothing about. It must not help them with anything that a receiver lacks.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench import record
from bench.environment import BACKEND, FOLDER
from bench.measuring import RUNS, report

# isort: split
from archive import ledger, publish, verify
from archive.events import Actor
from archive.export import package
from archive.export.scope import Scope
from archive.segments.bag import Run, write_bag

PROVED = 20  # entries with a proof file of their own
CARL = Actor(id="person:1000", name="Carl Example", role="compliance officer")
SHELL = Path(package.__file__).with_name("verify.sh")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.outside")
    parser.add_argument("--entries", type=int, default=100_000)
    entries = parser.parse_args().entries
    record.fill(entries)
    for kind, make in KINDS.items():
        folder = make(FOLDER / kind)
        for name, command in verifiers().items():
            measure([*command, str(folder)], kind=kind, verifier=name, entries=entries)


def export(folder: Path) -> Path:
    """Return the unpacked package of all conversations, every entry opened; it records the stream heads first."""
    count = min(record.CONVERSATIONS, ledger.latest_checkpoint().size)
    streams = tuple(f"conversation:{number}" for number in range(count))
    folder.mkdir()
    made = package.make(
        Scope(streams=streams),
        export_id=1,
        requester=CARL,
        approvals=[],
        purpose="benchmark",
        at=record.NOON,
        folder=folder,
    )
    subprocess.run([sys.executable, "-m", "zipfile", "-e", made.path, folder], check=True)
    return folder / "export-1"


def segment(folder: Path) -> Path:
    write_bag(folder, run=Run(0, ledger.latest_checkpoint().size))
    return folder


def published(folder: Path) -> Path:
    size = ledger.latest_checkpoint().size
    publish.publish(folder, at=record.NOON, prove=[size * i // PROVED for i in range(PROVED)])
    return folder


def verifiers() -> dict[str, list[str]]:
    key = ledger.verifier_key()
    python = [sys.executable, "-I", "-S", verify.__file__, "--key", key]
    return {"verify.py": python, "verify.sh": ["sh", str(SHELL), key]}


def measure(command: list[str], *, kind: str, verifier: str, entries: int) -> None:
    """Report a verifier's seconds, on the clock and of the processor with all programs that it starts: medians."""
    clock, own = (statistics.median(taken) for taken in zip(*(run(command) for _ in range(RUNS)), strict=True))
    figures = {"seconds": round(clock, 1), "cpu_seconds": round(own, 1)}
    report("outside", kind=kind, verifier=verifier, entries=entries, backend=BACKEND, **figures)


def run(command: list[str]) -> tuple[float, float]:
    before, started = os.times(), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    clock, after = time.perf_counter() - started, os.times()
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} does not verify: {done.stdout}{done.stderr}")
    return clock, after.children_user + after.children_system - before.children_user - before.children_system


KINDS: dict[str, Callable[[Path], Path]] = {"export": export, "segment": segment, "published": published}

if __name__ == "__main__":
    main()
