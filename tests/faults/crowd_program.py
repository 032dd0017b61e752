"""A process of the crowd test: many threads act at once through the writer. Prints one JSON line: what they were told.

Run by test_crowd.py as `python -m tests.faults.crowd_program <name> <threads> <each> <locked|careless>`; it begins when
a line comes in. The careless kind is the control: it does not lock the head, as a program without decision 0001 would.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messenger.settings")
django.setup()

from django.db import connections  # noqa: E402  (models load after the set-up above)

from archive import events, ledger  # noqa: E402  (the same)
from archive.ledger import page  # noqa: E402
from archive.models import Head  # noqa: E402

EVERY = 5  # one action in so many fails, after it has recorded something
Told = list[tuple[str, int, int, str]]  # name, seq, n, leaf hash


class Unwell(Exception):
    """An action that fails."""


@ledger.action(lane="stream")
def sign_in(name: str, *, stream: str, is_failing: bool) -> ledger.Receipt:
    actor = events.Actor(id=stream, name=name, role="employee")
    receipt = ledger.record(events.SignedIn(stream=stream, actor=actor, at=datetime.now(UTC), address="", agent=name))
    if is_failing:
        raise Unwell
    return receipt


def crowd(name: str, *, thread: int, each: int) -> tuple[Told, int]:
    """Return what this thread was told of its actions, and how many it was told that they failed otherwise."""
    told, broken = Told(), 0
    for number in range(each):
        who, is_failing = f"{name}/{thread}/{number}", number % EVERY == EVERY - 1
        stream = f"person:{number % 3}" if number % 2 else f"person:{name}{thread}"
        try:
            receipt = sign_in(who, stream=stream, is_failing=is_failing)
            told.append((who, receipt.seq, receipt.n, receipt.leaf_hash.hex()))
        except Unwell:
            assert is_failing
        except Exception:  # noqa: BLE001  # the control: whatever comes of having no lock
            broken += 1
    connections.close_all()
    return told, broken


def head_without_lock(**_: object) -> Head:
    return Head.objects.get(id=Head.ONLY)


def main(name: str, *, threads: int, each: int, kind: str) -> None:
    if kind == "careless":
        page.lock_head = head_without_lock
    print("ready", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(lambda thread: crowd(name, thread=thread, each=each), range(threads)))
    ledger.stop_writer()
    told = [one for part, _ in parts for one in part]
    print(json.dumps({"told": told, "broken": sum(broken for _, broken in parts)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], threads=int(sys.argv[2]), each=int(sys.argv[3]), kind=sys.argv[4])
