"""What a benchmark says of processor and memory is what the programs below it have used, and of no others."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.usage import memory_kb, usage

BUSY = "import time\nwhile time.process_time() < 0.4: pass\nprint(flush=True)\ninput()"
LARGE = "kept = bytes([1]) * 60_000_000\nprint(flush=True)\ninput()"
IDLE = "print(flush=True)\ninput()"


@contextmanager
def _running(program: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program up to its first line, below another one."""
    started = subprocess.Popen(
        ["sh", "-c", '"$0" -c "$1"; true', sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert started.stdout is not None
    started.stdout.readline()
    try:
        yield started
    finally:
        started.communicate(b"\n")


def test_the_processor_time_of_children_counts_and_that_of_others_does_not() -> None:
    with _running(IDLE) as idle, _running(BUSY) as busy:
        now = usage()
        assert now.below(busy.pid) >= 0.38
        assert now.below(idle.pid) < now.below(busy.pid)
        assert now.below(os.getpid()) >= now.below(idle.pid, busy.pid) > now.below(busy.pid) - 0.01


def test_the_memory_of_children_counts() -> None:
    with _running(IDLE) as idle, _running(LARGE) as large:
        assert 55_000 < memory_kb(large.pid) - memory_kb(idle.pid) < 65_000
