"""Runs the unit tests of our JavaScript (tests/js) in Node."""

import subprocess

import pytest

from tests import services
from tests.guards.source import ROOT


def test_the_javascript_tests_pass_in_node() -> None:
    node = services.find_node()
    if node is None:
        pytest.skip("Node is missing: apt-get install nodejs")
    files = sorted(str(path) for path in (ROOT / "tests" / "js").glob("*.test.*js"))
    assert files, "tests/js holds no tests"
    done = subprocess.run([node, "--test", *files], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
