"""Measure and print: medians of three, one JSON line a figure, with the revision and how busy the machine was.

It must not judge: targets stand in the documents, figures here.
"""

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable

RUNS = 3


def seconds(work: Callable[[], object]) -> float:
    """Return how long the work took, on the clock."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def rates(work: Callable[[], object], *, items: int) -> dict[str, float]:
    """Return items a second on the clock and a second of this process's own computing, medians of three runs.

    The second figure hardly depends on what else the machine does. `spread` is how far the first three lie apart.
    """
    clock, own = zip(*(_run(work) for _ in range(RUNS)), strict=True)
    middle = statistics.median(clock)
    spread = (max(clock) - min(clock)) / middle
    return {
        "per_second": round(items / middle),
        "per_cpu_second": round(items / statistics.median(own)),
        "spread": round(spread, 2),
    }


def _run(work: Callable[[], object]) -> tuple[float, float]:
    before = time.process_time()
    clock = seconds(work)
    return clock, time.process_time() - before


def report(name: str, **figures: object) -> None:
    """Print one line. `load` is the machine's load average of the last minute: above its cores, figures are too low."""
    line = {"bench": name, **figures, "revision": _revision(), "load": round(os.getloadavg()[0], 1)}
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    print(json.dumps(line | machine), flush=True)


def _revision() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
