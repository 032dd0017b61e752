"""A writer killed at twelve named points: the record verifies, has no gap, and holds every acknowledged entry.

Control: each kill really happened at its point, and a writer killed between commit and acknowledgement leaves entries
that nobody was told of, while at every other point it leaves none. ONRECORD_FAULTS_KILLS sets how many kills a point.
"""

import json
import os
import subprocess
import sys

from tests.faults.tampering.attack import SEED
from tests.stack import ROOT, new_stack

KILLS = int(os.environ.get("ONRECORD_FAULTS_KILLS", "2"))
POINTS = 12
AFTER_COMMIT = "committed, not acknowledged"
PROGRAM = "import django; django.setup(); from tests.faults.failpoint_rig import main; main()"


def test_a_writer_killed_at_any_point_loses_nothing_acknowledged() -> None:
    outcomes = run_rig()
    print(f"seed {SEED}:", *(json.dumps(outcome) for outcome in outcomes), sep="\n  ")
    assert [outcome["faults"] for outcome in outcomes] == [[]] * POINTS
    assert {outcome["kills"] for outcome in outcomes} == {KILLS}
    assert any(outcome["acknowledged"] for outcome in outcomes)
    left_over = [outcome["point"] for outcome in outcomes if outcome["unacknowledged"]]
    assert left_over == [AFTER_COMMIT]


def run_rig() -> list[dict[str, object]]:
    environment = os.environ | new_stack().environment | {"DJANGO_SETTINGS_MODULE": "messenger.settings"}
    command = [sys.executable, "-c", PROGRAM, str(KILLS), str(SEED)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]
