"""What the documents point at exists: files behind relative links, targets behind `make` commands."""

import re
from pathlib import Path

from tests.guards.source import ROOT, short

LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#]+)")
TARGET = re.compile(r"^([a-z]+):", re.MULTILINE)
COMMAND = re.compile(r"(?:`|^)make ([a-z]+)", re.MULTILINE)


def documents() -> list[Path]:
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def dead_links(text: str, *, folder: Path) -> list[str]:
    return [link for link in LINK.findall(text) if not (folder / link).exists()]


def test_every_relative_link_leads_somewhere() -> None:
    found = {short(path): dead_links(path.read_text(encoding="utf-8"), folder=path.parent) for path in documents()}
    assert {path: links for path, links in found.items() if links} == {}


def test_every_make_command_in_the_documents_exists() -> None:
    targets = set(TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    commands = {name for path in documents() for name in COMMAND.findall(path.read_text(encoding="utf-8"))}
    assert {"demo", "test"} <= commands <= targets


def test_the_guard_sees_a_dead_link() -> None:
    assert dead_links("[a](b.md#c) [d](https://e.example/)", folder=ROOT) == ["b.md"]
