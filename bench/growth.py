"""Whether the record stays as fast as it grows: append and proof at 10,000 entries and at ten times more each time.

`python -m bench growth --entries 1000000` runs it. Figures of one run belong together: one database grows throughout.
"""

import argparse
import os
import time
from functools import partial

from bench import record
from bench.environment import BACKEND
from bench.measuring import rates, report, seconds

# isort: split
from archive import ledger

FIRST = 10_000
SAMPLE = 3_000  # entries of one measurement of append
PROOFS = 300


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.growth")
    parser.add_argument("--entries", type=int, default=100_000)
    largest = parser.parse_args().entries
    size, filled = FIRST, 0
    while size <= largest:
        record.fill(size - filled)
        measure(size)
        # What was appended to measure it counts as well.
        filled = ledger.latest_checkpoint().size
        size *= 10
    check(filled)


def measure(size: int) -> None:
    """Append in batches of 100 and of 1,000, and prove single entries, at this size."""
    for batch in (100, 1000):
        figures = rates(partial(record.append_in_batches, SAMPLE, batch=batch), items=SAMPLE)
        report("growth", what="append", backend=BACKEND, size=size, batch=batch, **figures)
    wanted = [size * i // PROOFS for i in range(PROOFS)]
    before = time.process_time()
    taken = sorted(seconds(partial(ledger.prove, seq)) * 1000 for seq in wanted)
    own = (time.process_time() - before) * 1000 / PROOFS
    figures = {"median_ms": taken[len(taken) // 2], "worst_ms": taken[-1], "cpu_ms": own}
    report("growth", what="proof", backend=BACKEND, size=size, **{name: round(ms, 2) for name, ms in figures.items()})


def check(size: int) -> None:
    """Check the leaves alone, then everything, by one process and by one for each core."""
    show = partial(report, "growth", what="check", backend=BACKEND, size=size)
    show(opened=False, **rates(record.check_leaves, items=size))
    for workers in sorted({1, os.cpu_count() or 1}):
        before = time.process_time()
        taken = seconds(partial(check_opened, workers=workers))
        own = time.process_time() - before  # of the process that walks; its helpers' is not in it
        show(opened=True, workers=workers, per_second=round(size / taken), own_cpu_us=round(own / size * 1e6, 1))


def check_opened(*, workers: int) -> None:
    found = ledger.check(workers=workers)
    assert found.is_sound, found.problems[:3]


if __name__ == "__main__":
    main()
