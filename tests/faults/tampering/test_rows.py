"""Attacks through SQL on a record, one at a time: each is found, and the entry named; clean records raise no alarm.

The record is built once; each attack runs in a savepoint that is rolled back, with the fences down throughout. The
oracle is the product's own check. ONRECORD_FAULTS_ALONE sets how many, ONRECORD_FAULTS_SEED which.
The chat's half of kind 11 is in tests/messenger/conversations/test_comparing.py, kind 17 in test_attachments.py.
"""

import os
import random
from collections import Counter
from collections.abc import Iterator

import pytest
from django.db import transaction

from archive import ledger
from archive.publish import require_contained
from tests.faults.tampering.attack import ALONE, SEED, Done, Kind
from tests.faults.tampering.history import grow, laid_open
from tests.faults.tampering.rows import KINDS

pytestmark = [pytest.mark.django_db, pytest.mark.breaks_the_record]
SIZE = 24
CLEAN = int(os.environ.get("ONRECORD_FAULTS_CLEAN", "40"))


@pytest.fixture
def record() -> Iterator[range]:
    with laid_open():
        grow(random.Random(SEED), size=SIZE)
        yield range(SIZE)


def attacked(kind: Kind, dice: random.Random, *, place: range) -> str:
    """Make one attack in a savepoint; return what went wrong with finding it, "" when it was found as it must be."""
    savepoint = transaction.savepoint()
    done = Done("")
    try:
        done = kind.make(dice, place)
        report = ledger.check()
    finally:
        transaction.savepoint_rollback(savepoint)
        done.undo()
    if report.is_sound:
        return f"NOT FOUND: {done.said}"
    named = report.problems[0].seq
    return "" if named in done.entries else f"{done.said}: entry {named} was named"


# rule: us-sec-17a-4-verify
def test_every_generated_attack_is_found_and_its_entry_named(record: range) -> None:
    dice, made, wrong = random.Random(SEED), Counter[str](), []
    assert ledger.check().is_sound, "control: before the first attack"
    for _ in range(ALONE):
        kind = dice.choice(KINDS)
        made[kind.title] += 1
        if fault := attacked(kind, dice, place=record):
            wrong.append(fault)
    print(f"seed {SEED}: {made.total()} attacks, {len(wrong)} not found or misnamed")
    print("\n".join(f"  {title}: {count}" for title, count in sorted(made.items())))
    assert wrong == []
    assert ledger.check().is_sound, "control: after the last attack was rolled back"


def test_clean_records_raise_no_alarm() -> None:
    dice, alarms = random.Random(SEED), []
    for number in range(CLEAN):
        with transaction.atomic():
            size = dice.randrange(1, 16)
            grow(dice, size=size)
            report = ledger.check()
            note = ledger.latest_checkpoint().note
            if not report.is_sound or require_contained(note).size != size:
                alarms.append((number, report.problems[:1]))
            transaction.set_rollback(True)
    print(f"seed {SEED}: {CLEAN} clean records, {len(alarms)} alarms")
    assert alarms == []
