"""`make bench`: every benchmark on both backends, or the one that NAME names; one JSON line a figure.

Each runs in a process of its own with a new database. It must not stop at one that fails; the exit code says so.
"""

import argparse
import os
import subprocess
import sys

NAMES = ("append", "check", "export", "proof", "storage")
BACKENDS = ("sqlite", "postgres")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("name", nargs="?", choices=NAMES, help="by default all")
    parser.add_argument("--backend", choices=BACKENDS, help="by default both")
    parser.add_argument("--entries", default="20000", help="how many entries the record has")
    options = parser.parse_args()
    names = [options.name] if options.name else NAMES
    backends = [options.backend] if options.backend else BACKENDS
    codes = [_run(name, backend, entries=options.entries) for name in names for backend in backends]
    return max(codes)


def _run(name: str, backend: str, *, entries: str) -> int:
    command = [sys.executable, "-m", "bench.record", name, "--entries", entries]
    done = subprocess.run(command, env=os.environ | {"ONRECORD_BENCH_BACKEND": backend}, check=False)
    return abs(done.returncode)


if __name__ == "__main__":
    sys.exit(main())
