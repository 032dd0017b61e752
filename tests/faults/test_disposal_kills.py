"""A disposal killed at any step: what was to go is gone or opens, what was to stay opens, and the sweep ends the work.

Controls: kills came before the first commit, between two commits and before the keys were destroyed.
ONRECORD_FAULTS_KILLS sets how many: 25 reach every step.
"""

import json
import os
import subprocess
import sys

from tests.stack import ROOT, new_stack

KILLS = 12 * int(os.environ.get("ONRECORD_FAULTS_KILLS", "1"))
PROGRAM = "import django; django.setup(); from tests.faults.disposal_rig import main; main()"


def test_a_disposal_killed_at_any_step_loses_nothing_that_stays_and_is_finished_afterwards() -> None:
    environment = os.environ | new_stack().environment | {"DJANGO_SETTINGS_MODULE": "messenger.settings"}
    environment["ONRECORD_ERASURE_FLOOR_YEARS"] = "0"
    command = [sys.executable, "-c", PROGRAM, str(KILLS)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    outcome = json.loads(done.stdout)
    print(json.dumps(outcome))
    assert outcome["faults"] == []
    assert outcome["kills"] > 0.9 * min(KILLS, outcome["steps"]) > 10
    assert min(outcome["untouched"], outcome["halfway"], outcome["unfinished"]) > 0
