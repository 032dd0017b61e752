"""Attacks through SQL on a record, several at once: one check finds each of them, and names its entry.

The record has places whose entries depend on nothing in another place: no stream has entries in two of them, and the
last entry of each is left alone. So what is named in a place was done there; a place left untouched is the control.
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping

import pytest
from django.db import transaction

from archive import ledger
from tests.faults.tampering.attack import SEED, TOGETHER, Done, one
from tests.faults.tampering.history import grow_in_places, laid_open
from tests.faults.tampering.rows import KINDS

pytestmark = [pytest.mark.django_db, pytest.mark.breaks_the_record]
WIDTH = 5
PLACES = [range(first, first + WIDTH) for first in range(0, 10 * WIDTH, WIDTH)]
LOCAL_KINDS = [kind for kind in KINDS if kind.keeps_to_its_place]


@pytest.fixture
def record() -> Iterator[None]:
    with laid_open():
        grow_in_places(random.Random(SEED), places=PLACES)
        yield


def attacked(attacks: Mapping[range, str], dice: random.Random) -> list[str]:
    """Make an attack of the named kind in each place, all in one savepoint; return what was not found or misnamed."""
    kinds = {kind.title: kind for kind in LOCAL_KINDS}
    savepoint = transaction.savepoint()
    try:
        done = {place: kinds[title].make(dice, place[:-1]) for place, title in attacks.items()}
        report = ledger.check()
    finally:
        transaction.savepoint_rollback(savepoint)
    return [fault for place in PLACES if (fault := fault_in(place, report=report, done=done.get(place)))]


def fault_in(place: range, *, report: ledger.CheckReport, done: Done | None) -> str:
    named = next((problem.seq for problem in report.problems if problem.seq in place), None)
    if done is None:
        return "" if named is None else f"entry {named} was named, where nothing was done"
    if named is None:
        return f"NOT FOUND: {done.said}"
    return "" if named in done.entries else f"{done.said}: entry {named} was named"


# rule: us-sec-17a-4-verify
def test_every_one_of_several_attacks_at_once_is_found_and_its_entry_named(record: None) -> None:
    dice, made, wrong = random.Random(SEED), Counter[str](), []
    assert ledger.check().is_sound, "control: before the first attack"
    while made.total() < TOGETHER:
        places = dice.sample(PLACES, min(len(PLACES) - 1, TOGETHER - made.total()))
        attacks = {place: dice.choice(LOCAL_KINDS).title for place in places}
        made.update(attacks.values())
        wrong += attacked(attacks, dice)
    print(f"seed {SEED}: {made.total()} attacks, {len(PLACES) - 1} at once, {len(wrong)} not found or misnamed")
    print("\n".join(f"  {title}: {count}" for title, count in sorted(made.items())))
    assert wrong == []
    assert ledger.check().is_sound, "control: after the last attack was rolled back"


def test_control_what_was_done_elsewhere_is_not_taken_for_an_attack(record: None) -> None:
    LOCAL_KINDS[0].make(random.Random(SEED), PLACES[0][:-1])
    report, claimed = ledger.check(), Done("nothing", one(PLACES[1].start))
    assert fault_in(PLACES[1], report=report, done=claimed) == "NOT FOUND: nothing"
    assert "where nothing was done" in fault_in(PLACES[0], report=report, done=None)
