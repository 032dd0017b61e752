"""Attacks through SQL on a record: each is found, and the entry named where one exists; clean records raise no alarm.

The record is built once; each attack runs in a savepoint that is rolled back, with the fences down throughout. The
oracle is the product's own check. ONRECORD_FAULTS_MUTATIONS sets how many, ONRECORD_FAULTS_SEED which.
"""

import os
import random
from collections import Counter
from collections.abc import Iterator

import pytest
from django.db import connection, transaction

from archive import ledger
from archive.publish import Contradicted, require_contained
from tests.archive.record_reset import fences_down
from tests.environment import BACKEND
from tests.faults.tampering import rows
from tests.faults.tampering.attack import SEED, Done, Kind, run
from tests.faults.tampering.history import History, build, grow
from tests.faults.tampering.rewrites import Rewrites

pytestmark = [pytest.mark.django_db, pytest.mark.breaks_the_record]
SIZE = 24
MUTATIONS = int(os.environ.get("ONRECORD_FAULTS_MUTATIONS", "800" if BACKEND == "sqlite" else "300"))
OUTSIDE_SHARE = 12  # one in so many rewrites the whole record, which costs most
# The chat's half of kind 11 is in tests/messenger/conversations/test_comparing.py, kind 17 in test_attachments.py.
# Kinds of the list that need a part that is not built: they are printed with every run, so that nobody overlooks them.
NOT_COVERED = ()
CLEAN = int(os.environ.get("ONRECORD_FAULTS_CLEAN", "40"))

INSIDE = (
    Kind(1, "flip a byte", rows.flip_a_byte),
    Kind(2, "delete the middle", rows.delete_the_middle),
    Kind(2, "delete the middle, renumber", rows.delete_and_renumber),
    Kind(9, "swap ciphertexts", rows.swap_ciphertexts),
    Kind(10, "swap wrapped keys", rows.swap_wrapped_keys),
    Kind(11, "insert an entry by SQL", rows.insert_an_entry),
    Kind(11, "insert words by SQL", rows.insert_search_words),
    Kind(12, "backdate", rows.backdate),
    Kind(13, "destroy a record key", rows.destroy_a_record_key),
    Kind(13, "destroy a bucket key", rows.destroy_a_bucket_key),
    Kind(14, "claim a destruction, keep record keys", rows.claim_and_keep_the_record_keys),
    Kind(14, "claim a destruction, keep the wrapping key", rows.claim_and_keep_the_wrapping_key),
)


def outside(rewrites: Rewrites) -> tuple[Kind, ...]:
    return (
        Kind(3, "cut the tail", rewrites.cut_the_tail, is_found_outside=True),
        Kind(4, "restore an old dump", rewrites.restore_an_old_dump, is_found_outside=True),
        Kind(5, "rewrite and sign again", rewrites.rewrite_and_sign_again, is_found_outside=True),
        Kind(6, "show a fork", rewrites.show_a_fork, is_found_outside=True),
    )


@pytest.fixture
def history() -> Iterator[History]:
    with transaction.atomic():
        with fences_down(connection):
            _set_constraints("DEFERRED")
            yield build(random.Random(SEED), size=SIZE, dumped=frozenset(range(3, SIZE, 4)))
            _set_constraints("IMMEDIATE")
        transaction.set_rollback(True)


def _set_constraints(when: str) -> None:
    # PostgreSQL alters no table while checks of foreign keys wait, and the attacks must not wait for those either.
    if connection.vendor == "postgresql":
        run(f"SET CONSTRAINTS ALL {when}")


def attacked(kind: Kind, dice: random.Random, *, rewrites: Rewrites) -> str:
    """Make one attack in a savepoint; return what went wrong with finding it, "" when it was found as it must be."""
    savepoint = transaction.savepoint()
    done = Done("")
    try:
        done = kind.make(dice, SIZE)
        report = ledger.check()
        if kind.is_found_outside:
            return _outside_fault(done, rewrites=rewrites)
        return _inside_fault(done, report)
    finally:
        transaction.savepoint_rollback(savepoint)
        done.undo()


def _inside_fault(done: Done, report: ledger.CheckReport) -> str:
    if report.is_sound:
        return f"NOT FOUND: {done.said}"
    named = report.problems[0].seq
    return "" if not done.entries or named in done.entries else f"{done.said}: entry {named} was named"


def _outside_fault(done: Done, *, rewrites: Rewrites) -> str:
    try:
        require_contained(rewrites.brought)
    except Contradicted:
        return ""
    return f"NOT FOUND: {done.said}"


# rule: us-sec-17a-4-verify
def test_every_generated_attack_is_found_and_its_entry_named(history: History) -> None:
    rewrites, dice = Rewrites(history), random.Random(SEED)
    assert ledger.check().is_sound, "control: before the first attack"
    require_contained(history.notes[SIZE])
    made: Counter[str] = Counter()
    wrong = []
    for number in range(MUTATIONS):
        kind = dice.choice(outside(rewrites) if number % OUTSIDE_SHARE == 0 else INSIDE)
        made[f"{kind.number:2} {kind.name}"] += 1
        if fault := attacked(kind, dice, rewrites=rewrites):
            wrong.append(fault)
    print(f"seed {SEED}: {made.total()} attacks, {len(wrong)} not found or misnamed")
    print("\n".join(f"  {name}: {count}" for name, count in sorted(made.items())))
    print("NOT COVERED:", *NOT_COVERED, sep="\n  ")
    assert wrong == []
    assert ledger.check().is_sound, "control: after the last attack was rolled back"


def test_a_record_rewritten_with_the_log_key_agrees_with_itself(history: History) -> None:
    """Why outside evidence is needed: no check of the store alone finds these."""
    rewrites = Rewrites(history)
    for kind in outside(rewrites):
        savepoint = transaction.savepoint()
        kind.make(random.Random(SEED), SIZE)
        assert ledger.check().is_sound, kind.name
        transaction.savepoint_rollback(savepoint)


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
