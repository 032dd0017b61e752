"""Attacks that leave a record which agrees with itself: a published checkpoint finds each of them. Kinds 3 to 6.

ONRECORD_FAULTS_MUTATIONS sets how many, as a share of all attacks, ONRECORD_FAULTS_SEED which.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from django.db import transaction

from archive import ledger
from archive.publish import Contradicted, require_contained
from tests.faults.tampering.attack import REWRITES, SEED, Done
from tests.faults.tampering.history import History, build, laid_open
from tests.faults.tampering.rewrites import Rewrites

pytestmark = [pytest.mark.django_db, pytest.mark.breaks_the_record]
SIZE = 16
Attack = Callable[[random.Random, int], Done]


def kinds(rewrites: Rewrites) -> dict[str, Attack]:
    return {
        " 3 cut the tail": rewrites.cut_the_tail,
        " 4 restore an old dump": rewrites.restore_an_old_dump,
        " 5 rewrite and sign again": rewrites.rewrite_and_sign_again,
        " 6 show a fork": rewrites.show_a_fork,
    }


@pytest.fixture
def history() -> Iterator[History]:
    with laid_open():
        yield build(random.Random(SEED), size=SIZE, dumped=frozenset(range(3, SIZE, 4)))


def attacked(attack: Attack, dice: random.Random, *, rewrites: Rewrites) -> str:
    """Make one attack in a savepoint; return what was done if the outsider's note does not contradict it, else ""."""
    savepoint = transaction.savepoint()
    try:
        done = attack(dice, SIZE)
        require_contained(rewrites.brought)
    except Contradicted:
        return ""
    finally:
        transaction.savepoint_rollback(savepoint)
    return f"NOT FOUND: {done.said}"


# rule: us-sec-17a-4-verify
def test_every_rewritten_record_contradicts_a_published_checkpoint(history: History) -> None:
    rewrites, dice, made, wrong = Rewrites(history), random.Random(SEED), Counter[str](), []
    for note in history.notes.values():
        require_contained(note)  # control: before the first attack
    for _ in range(REWRITES):
        title, attack = dice.choice(list(kinds(rewrites).items()))
        made[title] += 1
        if fault := attacked(attack, dice, rewrites=rewrites):
            wrong.append(fault)
    print(f"seed {SEED}: {made.total()} rewritten records, {len(wrong)} not found")
    print("\n".join(f"  {title}: {count}" for title, count in sorted(made.items())))
    assert wrong == []
    require_contained(history.notes[SIZE])  # control: after the last attack was rolled back


def test_a_record_rewritten_with_the_log_key_agrees_with_itself(history: History) -> None:
    """Why outside evidence is needed: no check of the store alone finds these."""
    for title, attack in kinds(Rewrites(history)).items():
        savepoint = transaction.savepoint()
        attack(random.Random(SEED), SIZE)
        assert ledger.check().is_sound, title
        transaction.savepoint_rollback(savepoint)
