"""`make bench`: every benchmark of the record on both backends, or the one that NAME names; one JSON line a figure.

Each runs in a process of its own with a new database. It must not stop at one that fails; the exit code says so.
"""

import argparse
import os
import subprocess
import sys

RECORD = ("append", "check", "export", "proof", "storage")
REALTIME = ("realtime", "sends", "fanout", "idle")
GROWING = ("growth", "pages")
NAMES = (*RECORD, *GROWING, "outside", "http", *REALTIME)
BACKENDS = ("sqlite", "postgres")


def main() -> int:
    options = _options()
    if options.name in REALTIME:
        return _run("bench.realtime", options.name, *_realtime(options))
    backends = [options.backend] if options.backend else BACKENDS
    if options.name in GROWING:
        return max(_run(f"bench.{options.name}", *_growing(options), backend=backend) for backend in backends)
    if options.name == "outside":  # files: which database they came from makes no difference
        return _run("bench.outside", "--entries", options.entries, backend=options.backend or "sqlite")
    if options.name == "http":
        return max(_run("bench.http", backend=backend) for backend in backends)
    names = [options.name] if options.name else RECORD
    wanted = [(name, backend) for name in names for backend in backends]
    return max(_run("bench.record", name, "--entries", options.entries, backend=backend) for name, backend in wanted)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("name", nargs="?", choices=NAMES, help="by default all of the record")
    parser.add_argument("--backend", choices=BACKENDS, help="by default both; of real time: always PostgreSQL")
    parser.add_argument("--entries", default="20000", help="how many entries the record has")
    parser.add_argument("--copies", default="", help="pages: go on reading up to so many copies, on PostgreSQL")
    parser.add_argument("--members", default="", help="real time: only rows with so many members, by comma")
    parser.add_argument("--server", default="", help="real time: daphne, uvicorn, daphne-sqlite, by comma")
    parser.add_argument("--peers", default=None, help="real time: ejabberd, prosody, by comma; empty for none")
    parser.add_argument("--quick", action="store_true", help="real time: one round")
    return parser.parse_args()


def _growing(options: argparse.Namespace) -> list[str]:
    copies = ["--copies", options.copies] if options.copies and options.name == "pages" else []
    return ["--entries", options.entries, *copies]


def _realtime(options: argparse.Namespace) -> list[str]:
    given = ["--members", *options.members.split(",")] if options.members else []
    given += ["--server", options.server] if options.server else []
    given += [] if options.peers is None else ["--peers", options.peers]
    return [*given, *(["--quick"] if options.quick else [])]


def _run(program: str, *arguments: str, backend: str = "postgres") -> int:
    command = [sys.executable, "-m", program, *arguments]
    done = subprocess.run(command, env=os.environ | {"ONRECORD_BENCH_BACKEND": backend}, check=False)
    return abs(done.returncode)


if __name__ == "__main__":
    sys.exit(main())
