"""Kills a rotation of the keys at one step after another, and says what it left. A program of its own.

Prints one JSON line. Run by test_rotation_kills.py.
"""

import json
import sys
from dataclasses import asdict, dataclass, field
from datetime import timedelta

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from archive import ledger, rotation, tasks
from archive.keys import open_keystore, rewrapping
from archive.keys.store import current_kek
from tests.archive.record_reset import reset_record
from tests.archive.samples import NOON, record, said
from tests.faults.steps import act_in_child

MESSAGES = 3


@dataclass
class Outcome:
    """What all kills showed: how often the rotation had not switched, had switched without its entry, or had both."""

    steps: int = 0
    kills: int = 0
    as_before: int = 0
    unrecorded: int = 0
    recorded: int = 0
    faults: list[str] = field(default_factory=list)


def build() -> None:
    reset_record(connection)
    for number in range(MESSAGES):
        record(said(f"message {number}", at=NOON + timedelta(days=number)))


def rotate() -> None:
    rotation.rotate_keys(NOON + timedelta(days=MESSAGES))


def rotations() -> list[str]:
    """Return the key-encryption keys that the record says were switched to."""
    return [str(entry.content["after"]) for entry in ledger.read_stream("system") if entry.kind == "key.rotated"]


def examine(outcome: Outcome, *, before: str, place: str) -> None:
    """Look at what the kill left: everything opens and verifies, and no entry claims what has not happened."""
    open_keystore.cache_clear()
    fault_if(outcome, not is_whole(), f"{place}: the record or a key of it is damaged")
    has_switched = current_kek(settings.ONRECORD_KEY_DIR) != before
    fault_if(outcome, bool(rotations()) and not has_switched, f"{place}: an entry claims a switch that is not made")
    outcome.as_before += not has_switched
    outcome.unrecorded += has_switched and not rotations()
    outcome.recorded += has_switched and bool(rotations())


def start_again(outcome: Outcome, *, before: str, place: str) -> None:
    """Do what the sweep does, twice: the rotation is then at its end or undone, and the record says which."""
    kek = current_kek(settings.ONRECORD_KEY_DIR)
    for _ in range(2):
        tasks.finish_disposals()
    open_keystore.cache_clear()
    fault_if(outcome, current_kek(settings.ONRECORD_KEY_DIR) != kek, f"{place}, again: it is under another key now")
    fault_if(outcome, rotations() != ([kek] if kek != before else []), f"{place}, again: recorded {rotations()}")
    fault_if(outcome, not is_whole(), f"{place}, again: the record or a key of it is damaged")
    # A stop while a key-encryption key is made leaves one that nothing ever was under: it may stay.
    is_there = (settings.ONRECORD_KEY_DIR / before.removeprefix("file:")).exists()
    fault_if(outcome, is_there != (kek == before), f"{place}, again: {before} is there: {is_there}")
    is_over = not rewrapping.is_unfinished(settings.ONRECORD_KEY_DIR) and not rotation.key_status().to_be_destroyed
    fault_if(outcome, not is_over, f"{place}, again: the rotation is not over")


def is_whole() -> bool:
    bodies = [entry.content["body"] for entry in ledger.read_stream("conversation:7")]
    opens = bodies == [f"message {number}" for number in range(MESSAGES)]
    return opens and not rotation.key_status().unopened and ledger.check().is_sound


def fault_if(outcome: Outcome, is_wrong: bool, sentence: str) -> None:
    if is_wrong:
        outcome.faults.append(sentence)


def main() -> None:
    connection.settings_dict["OPTIONS"].pop("pool", None)  # connections of a pool would be shared with the children
    call_command("migrate", verbosity=0)
    most = int(sys.argv[1])
    build()
    outcome = Outcome(steps=act_in_child(rotate, die_at=0))
    rounds = min(most, outcome.steps)
    for number in range(rounds):
        build()
        before, die_at = current_kek(settings.ONRECORD_KEY_DIR), 1 + number * outcome.steps // rounds
        outcome.kills += act_in_child(rotate, die_at=die_at) == 0
        examine(outcome, before=before, place=f"step {die_at}")
        start_again(outcome, before=before, place=f"step {die_at}")
    print(json.dumps(asdict(outcome)), flush=True)
