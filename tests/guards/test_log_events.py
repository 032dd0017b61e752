"""What docs/running.md says of the log: events are ones that the code writes, and its commands keep no addresses."""

import re

from tests.guards.source import ROOT

WRITTEN = re.compile(r"""log\.(?:warning|error|exception)\(\s*"([\w.]+)"|event: str = "(\w+)"|event="(\w+)\"""")


def _text() -> str:
    return (ROOT / "docs" / "running.md").read_text(encoding="utf-8")


def _events_of_the_table() -> set[str]:
    section = _text().partition("## The log\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([\w.]+)`", cell)}


def _written_events() -> set[str]:
    files = [path for app in ("archive", "messenger", "admin_portal") for path in (ROOT / app).rglob("*.py")]
    found = [groups for path in files for groups in WRITTEN.findall(path.read_text(encoding="utf-8"))]
    return {name for groups in found for name in groups if name}


def test_an_operator_looks_for_no_event_that_does_not_exist() -> None:
    named = _events_of_the_table()
    assert len(named) > 10, "the table was not found"
    assert named - _written_events() == set()


def test_no_command_writes_addresses_and_searches_to_the_log() -> None:
    commands = _text().replace("\\\n", " ").split("uvicorn messenger.asgi:application")[1:]
    assert len(commands) == 2
    assert all("--no-access-log" in shown.partition("`")[0] for shown in commands)
