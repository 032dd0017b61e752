"""Every name that the settings read from the environment is explained in docs/running.md, and nothing else is."""

import ast
import re

from tests.guards.source import ROOT

SETTINGS = ROOT / "messenger" / "settings.py"
DOCUMENT = ROOT / "docs" / "running.md"
ROW = re.compile(r"^\| `([A-Z][A-Z0-9_]+)`", re.MULTILINE)


def names_read(source: str) -> set[str]:
    """Return the first argument of every call `env.<kind>("NAME", …)`."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    reads = (call for call in calls if isinstance(call.func, ast.Attribute) and is_env(call.func.value) and call.args)
    return {ast.literal_eval(call.args[0]) for call in reads}


def is_env(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "env"


def test_the_table_of_settings_is_complete_and_has_nothing_invented() -> None:
    assert set(ROW.findall(DOCUMENT.read_text(encoding="utf-8"))) == names_read(SETTINGS.read_text(encoding="utf-8"))


def test_the_guard_reads_a_setting() -> None:
    assert names_read('A = env.str("ONRECORD_A", "")\nB = other.str("B")') == {"ONRECORD_A"}
