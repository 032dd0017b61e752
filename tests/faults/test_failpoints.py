"""A writer killed at twelve named points: the record verifies, has no gap, and holds every acknowledged entry.

Control: each kill really happened at its point, and a writer killed between commit and acknowledgement leaves entries
that nobody was told of, while at every other point it leaves none. ONRECORD_FAULTS_KILLS sets how many kills a point.
"""

import json
import os

from tests.faults.steps import run_rig
from tests.faults.tampering.attack import SEED
from tests.stack import migrated_stack

KILLS = int(os.environ.get("ONRECORD_FAULTS_KILLS", "2"))
POINTS = 12
AFTER_COMMIT = "committed, not acknowledged"


def test_a_writer_killed_at_any_point_loses_nothing_acknowledged() -> None:
    outcomes = run_rig("failpoint_rig", KILLS, SEED, environment=migrated_stack().environment)
    print(f"seed {SEED}:", *(json.dumps(outcome) for outcome in outcomes), sep="\n  ")
    assert [outcome["faults"] for outcome in outcomes] == [[]] * POINTS
    assert {outcome["kills"] for outcome in outcomes} == {KILLS}
    assert any(outcome["acknowledged"] for outcome in outcomes)
    left_over = [outcome["point"] for outcome in outcomes if outcome["unacknowledged"]]
    assert left_over == [AFTER_COMMIT]
