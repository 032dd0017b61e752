"""Kills a disposal at one step after another, and says what the record holds afterwards. A program of its own.

Prints one JSON line. Run by test_disposal_kills.py.
"""

import json
import sys
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from archive import events, holds, ledger, retention
from archive.keys import existing_keys, open_keystore
from archive.ledger.disposals import read_disposals
from archive.models import RecordKey
from tests.archive.record_reset import reset_record
from tests.faults.steps import act_in_child

ALICE, CARL, CORA = (events.Actor(id=f"person:{i}", name=name) for i, name in enumerate(("Alice", "Carl", "Cora"), 1))
OLD = datetime(2019, 11, 14, 9, 30, tzinfo=UTC)
NEXT_DAY = OLD.replace(day=15)
TERM_OVER = datetime(2026, 11, 15, tzinfo=UTC)  # of OLD's day only
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
    outcome = Outcome(steps=act_in_child(dispose, die_at=0))
    finish(outcome, place="control")
    rounds = min(most, outcome.steps)
    for number in range(rounds):
        die_at = 1 + number * outcome.steps // rounds
        build()
        # The last steps are not always there: the first time makes keys that later ones find.
        outcome.kills += act_in_child(dispose, die_at=die_at) == 0
        examine(outcome, place=f"step {die_at}")
        finish(outcome, place=f"step {die_at}")
    print(json.dumps(asdict(outcome)), flush=True)
