"""A rotation of the keys killed at any step: everything opens, and the sweep ends it or undoes it, with its entry.

Controls: kills came before the switch, between the switch and the commit of its entry, and after that commit.
ONRECORD_FAULTS_KILLS sets how many: 25 reach every step.
"""

import json
import os
import subprocess
import sys

from tests.stack import ROOT, new_stack

KILLS = 12 * int(os.environ.get("ONRECORD_FAULTS_KILLS", "1"))
PROGRAM = "import django; django.setup(); from tests.faults.rotation_rig import main; main()"


def test_a_rotation_killed_at_any_step_opens_everything_and_is_ended_or_undone_by_the_sweep() -> None:
    environment = os.environ | new_stack().environment | {"DJANGO_SETTINGS_MODULE": "messenger.settings"}
    command = [sys.executable, "-c", PROGRAM, str(KILLS)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    outcome = json.loads(done.stdout)
    print(json.dumps(outcome))
    assert outcome["faults"] == []
    assert outcome["kills"] > 0.9 * min(KILLS, outcome["steps"]) > 10
    assert min(outcome["as_before"], outcome["unrecorded"], outcome["recorded"]) > 0
