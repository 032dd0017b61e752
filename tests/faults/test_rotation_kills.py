"""A rotation of the keys killed at any step: everything opens, and the sweep ends it or undoes it, with its entry.

Controls: kills came before the switch, between the switch and the commit of its entry, and after that commit.
ONRECORD_FAULTS_KILLS sets how many: 25 reach every step.
"""

import json
import os

from tests.faults.steps import run_rig
from tests.stack import migrated_stack

KILLS = 12 * int(os.environ.get("ONRECORD_FAULTS_KILLS", "1"))


def test_a_rotation_killed_at_any_step_opens_everything_and_is_ended_or_undone_by_the_sweep() -> None:
    (outcome,) = run_rig("rotation_rig", KILLS, environment=migrated_stack().environment)
    print(json.dumps(outcome))
    assert outcome["faults"] == []
    assert outcome["kills"] > 0.9 * min(KILLS, outcome["steps"]) > 10
    assert min(outcome["as_before"], outcome["unrecorded"], outcome["recorded"]) > 0
