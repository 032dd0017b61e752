"""The test run itself: a skip is loud, and with CI=true it is a failure."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.guards.source import ROOT

SKIPPING = 'import pytest\n\n\ndef test_it():\n    pytest.skip("no browser")\n'
PASSING = "def test_it():\n    pass\n"


def run(folder: Path, *, source: str, ci: str) -> subprocess.CompletedProcess[str]:
    """Run pytest with our selection on one small test file of its own."""
    (folder / "test_one.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-p", "tests.selection", "-q"]
    environment = os.environ | {"CI": ci, "ONRECORD_TEST_BACKEND": "sqlite", "ONRECORD_TEST_NOTES": ""}
    environment.pop("PYTEST_XDIST_WORKER", None)
    return subprocess.run(
        [*command, str(folder)], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("source", "ci", "code"), [(SKIPPING, "true", 1), (SKIPPING, "", 0), (PASSING, "true", 0)])
def test_a_skip_fails_the_run_in_ci_only(tmp_path: Path, source: str, ci: str, code: int) -> None:
    assert run(tmp_path, source=source, ci=ci).returncode == code


def test_a_skip_is_named_loudly(tmp_path: Path) -> None:
    said = run(tmp_path, source=SKIPPING, ci="").stdout
    assert "LEFT OUT on sqlite: 1 tests were skipped" in said
    assert "no browser" in said
