"""`make bench`: every benchmark of the record on both backends, or the one that NAME names; one JSON line a figure.

Each runs in a process of its own with a new database. It must not stop at one that fails; the exit code says so.
"""

import argparse
import os
import subprocess
import sys

RECORD = ("append", "check", "export", "proof", "storage")
NAMES = (*RECORD, "growth", "outside", "sends", "fanout")
BACKENDS = ("sqlite", "postgres")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("name", nargs="?", choices=NAMES, help="by default all of the record")
    parser.add_argument("--backend", choices=BACKENDS, help="by default both; fanout: postgres")
    parser.add_argument("--entries", default="20000", help="how many entries the record has")
    parser.add_argument("--members", default="200", help="fanout: how many sit in the room")
    parser.add_argument("--server", default="daphne,uvicorn", help="fanout: under which servers")
    parser.add_argument("--peers", default="", help="fanout: beside which peers (ejabberd,prosody)")
    options = parser.parse_args()
    if options.name == "fanout":
        crowd = ["--members", options.members, "--server", options.server, "--peers", options.peers]
        return _run("bench.fanout", *crowd, backend=options.backend or "postgres")
    backends = [options.backend] if options.backend else BACKENDS
    if options.name == "growth":
        return max(_run("bench.growth", "--entries", options.entries, backend=backend) for backend in backends)
    if options.name == "outside":  # files: which database they came from makes no difference
        return _run("bench.outside", "--entries", options.entries, backend=options.backend or "sqlite")
    if options.name == "sends":
        return max(_run("bench.sends", backend=backend) for backend in backends)
    names = [options.name] if options.name else RECORD
    wanted = [(name, backend) for name in names for backend in backends]
    return max(_run("bench.record", name, "--entries", options.entries, backend=backend) for name, backend in wanted)


def _run(program: str, *arguments: str, backend: str) -> int:
    command = [sys.executable, "-m", program, *arguments]
    done = subprocess.run(command, env=os.environ | {"ONRECORD_BENCH_BACKEND": backend}, check=False)
    return abs(done.returncode)


if __name__ == "__main__":
    sys.exit(main())
