"""Kills a disposal at one step after another, and says what the record holds afterwards. A program of its own.

A step is a statement, a commit or a call that changes the disk; a child that is forked for each kill counts them and
sends itself SIGKILL. Prints one JSON line. Run by test_disposal_kills.py.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from archive import events, holds, ledger, retention
from archive.keys import existing_keys, open_keystore
from archive.ledger.disposals import read_disposals
from archive.models import RecordKey
from tests.archive.record_reset import reset_record

ALICE, CARL, CORA = (events.Actor(id=f"person:{i}", name=name) for i, name in enumerate(("Alice", "Carl", "Cora"), 1))
OLD = datetime(2019, 11, 14, 9, 30, tzinfo=UTC)
NEXT_DAY = OLD.replace(day=15)
TERM_OVER = datetime(2026, 11, 15, tzinfo=UTC)  # of OLD's day only
CALLS = ("fsync", "replace", "link", "unlink")
EXPIRED, HELD, ERASED, BESIDE = (0, 2, 3), (1,), (5,), (4, 6)


@dataclass
class Outcome:
    """What all kills showed. `halfway` counts those after which something was disposed of and something was not yet."""

    steps: int = 0
    kills: int = 0
    untouched: int = 0
    halfway: int = 0
    unfinished: int = 0
    faults: list[str] = field(default_factory=list)


class Counter:
    """Counts steps; ends the process at the one where it is to die, as `kill -9` from outside would."""

    def __init__(self, *, die_at: int) -> None:
        self.steps = 0
        self._die_at = die_at

    def step(self) -> None:
        self.steps += 1
        if self.steps == self._die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def execute(self, run: Callable[..., Any], *args: Any) -> Any:  # Any: as Django's wrappers are called
        self.step()
        return run(*args)

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:  # Any: whatever is called
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self.step()
            result = call(*args, **kwargs)
            self.step()
            return result

        return wrapped


def build() -> None:
    """Seven messages of two days, one of them held: 0, 2 and 3 are over, 1 is held, 5 is to be erased."""
    reset_record(connection)
    for i in range(7):
        at = OLD if i < 4 else NEXT_DAY
        body = f"message {i}"
        with ledger.transaction():
            ledger.record(
                events.MessageCreated(stream="conversation:7", actor=ALICE, at=at, body=body, client_key=body)
            )
    holds.place(holds.Scope(entries=((1, 1),)), matter="A v B", reason="letter", by=CARL, at=NEXT_DAY)


def dispose() -> None:
    people = {"asked_by": CARL, "approved_by": CORA, "at": TERM_OVER}
    retention.dispose_expired(reason="term over", **people)  # type: ignore[arg-type]  # the three fit
    if ledger.open_entry(ERASED[0]).disposed_by is None:
        retention.erase([(ERASED[0], ERASED[0])], reason="asked", **people)  # type: ignore[arg-type]  # as above


def dispose_in_child(*, die_at: int) -> int:
    """Dispose in a forked child that dies at a step; return the steps it made, 0 where it died."""
    connection.close()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        counter = Counter(die_at=die_at)
        try:
            for owner, name in (*((os, name) for name in CALLS), (connection, "_commit")):  # all commits pass there
                setattr(owner, name, counter.around(getattr(owner, name)))
            with connection.execute_wrapper(counter.execute):
                dispose()
            os.write(write, str(counter.steps).encode())
        finally:
            os._exit(1)
    os.close(write)
    with os.fdopen(read) as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return int(told or 0)


def examine(outcome: Outcome, *, place: str) -> None:
    """Look at the record as the kill left it: each entry opens or is disposed of, and nothing else is wrong."""
    open_keystore.cache_clear()
    report = ledger.check()
    if not report.is_sound:
        outcome.faults.append(f"{place}: {report.problems[0]}")
    gone = {seq for seq in (*EXPIRED, *ERASED) if ledger.open_entry(seq).disposed_by is not None}
    outcome.untouched += not gone
    outcome.halfway += 0 < len(gone) < len(EXPIRED) + len(ERASED)
    outcome.unfinished += bool(read_disposals().unfinished())
    outcome.faults += [f"{place}: {seq} is gone" for seq in (*HELD, *BESIDE) if not _opens(seq)]


def finish(outcome: Outcome, *, place: str) -> None:
    """Do what the sweep does and ask for the same again; everything must then be as if nothing had happened."""
    retention.finish_disposals(TERM_OVER)
    dispose()
    open_keystore.cache_clear()
    report, disposals = ledger.check(), read_disposals()
    doomed = {name for claim in disposals.claims for name in claim.keys}
    if not report.is_sound or report.disposed != len(EXPIRED) + len(ERASED):
        outcome.faults.append(f"{place}, finished: {report}")
    if disposals.unfinished() or existing_keys(settings.ONRECORD_KEY_DIR, doomed):
        outcome.faults.append(f"{place}, finished: keys of disposals are left")
    if RecordKey.objects.filter(bucket__in=doomed).exists():
        outcome.faults.append(f"{place}, finished: something is under a destroyed key")
    outcome.faults += [f"{place}, finished: {seq} is gone" for seq in (*HELD, *BESIDE) if not _opens(seq)]


def _opens(seq: int) -> bool:
    return ledger.open_entry(seq).content.get("body") == f"message {seq}"


def main() -> None:
    connection.settings_dict["OPTIONS"].pop("pool", None)  # connections of a pool would be shared with the children
    call_command("migrate", verbosity=0)
    most = int(sys.argv[1])
    build()
    outcome = Outcome(steps=dispose_in_child(die_at=0))
    finish(outcome, place="control")
    rounds = min(most, outcome.steps)
    for number in range(rounds):
        die_at = 1 + number * outcome.steps // rounds
        build()
        # The last steps are not always there: the first time makes keys that later ones find.
        outcome.kills += dispose_in_child(die_at=die_at) == 0
        examine(outcome, place=f"step {die_at}")
        finish(outcome, place=f"step {die_at}")
    print(json.dumps(asdict(outcome)), flush=True)
