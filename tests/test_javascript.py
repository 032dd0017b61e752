"""Runs the unit tests of our JavaScript (tests/js) in Node."""

import subprocess

import pytest

from tests import services
from tests.guards.source import ROOT


def options_of(node: str) -> list[str]:
    """Return what Debian 12's Node 18 needs to have CustomEvent, as browsers do."""
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    return ["--experimental-global-customevent"] if version.startswith("v18.") else []


def test_the_javascript_tests_pass_in_node() -> None:
    node = services.find_node()
    if node is None:
        pytest.skip("Node is missing: apt-get install nodejs")
    files = sorted(str(path) for path in (ROOT / "tests" / "js").glob("*.test.*js"))
    assert files, "tests/js holds no tests"
    done = subprocess.run(
        [node, *options_of(node), "--test", *files], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
