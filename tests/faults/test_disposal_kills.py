"""A disposal killed at any step: what was to go is gone or opens, what was to stay opens, and the sweep ends the work.

Controls: kills came before the first commit, between two commits and before the keys were destroyed.
ONRECORD_FAULTS_KILLS sets how many: 25 reach every step.
"""

import json
import os

from tests.faults.steps import run_rig
from tests.stack import migrated_stack

KILLS = 12 * int(os.environ.get("ONRECORD_FAULTS_KILLS", "1"))


def test_a_disposal_killed_at_any_step_loses_nothing_that_stays_and_is_finished_afterwards() -> None:
    environment = migrated_stack().environment | {"ONRECORD_ERASURE_FLOOR_YEARS": "0"}
    (outcome,) = run_rig("disposal_rig", KILLS, environment=environment)
    print(json.dumps(outcome))
    assert outcome["faults"] == []
    assert outcome["kills"] > 0.9 * min(KILLS, outcome["steps"]) > 10
    assert min(outcome["untouched"], outcome["halfway"], outcome["unfinished"]) > 0
