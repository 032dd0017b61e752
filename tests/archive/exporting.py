"""What the tests of export packages share: a small office on the record, an order, and what the receiver does."""

import json
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from archive import events, ledger
from archive.events import Actor, Json
from archive.export.package import Package, Scope, make

ALICE = Actor(id="person:1", name="Alice Ädams", role="employee")
CARL = Actor(id="person:9", name="Carl", role="compliance officer")
CORA: dict[str, Json] = {"at": "2026-11-22T10:00:00.000Z", "by": {"id": "person:10", "name": "Cora", "role": "officer"}}
NINE = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
LATER = NINE + timedelta(days=1)
WHOLE = Scope(streams=("conversation:7", "person:1"))


def say(body: str, *, stream: str = "conversation:7", minutes: int = 0) -> ledger.Receipt:
    at = NINE + timedelta(minutes=minutes)
    with ledger.transaction():
        return ledger.record(
            events.MessageCreated(stream=stream, actor=ALICE, at=at, body=body, client_key=f"{stream}{minutes}")
        )


def open_office() -> None:
    """Six messages in one conversation, one in another, and a sign-in."""
    for number, body in enumerate(["Good morning", "Sell at 40?", "no ✓ done", "", "Ende\u2028gut", "\0 and \ud7ff"]):
        say(body, minutes=number)
    say("elsewhere", stream="conversation:8")
    with ledger.transaction():
        ledger.record(events.SignedIn(stream="person:1", actor=ALICE, at=NINE, address="192.0.2.7", agent="test"))


def export(folder: Path, scope: Scope = WHOLE) -> Package:
    return make(
        scope,
        export_id=12,
        requester=CARL,
        approvals=[CORA],
        purpose="FINRA 8210 request 77",
        at=LATER,
        folder=folder,
    )


def unpack(package: Package) -> Path:
    with zipfile.ZipFile(package.path) as archive:
        archive.extractall(package.path.parent / "received")
    return package.path.parent / "received" / "export-12"


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the verifier of the package in a bare interpreter, as its receiver does."""
    command = [sys.executable, "-I", "-S", "verify.py", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def read_entries(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "data/entries.jsonl").read_bytes().splitlines()]


def read_manifest(folder: Path) -> dict[str, object]:
    manifest: dict[str, object] = json.loads((folder / "data/manifest.json").read_bytes())
    return manifest


def read_exceptions(folder: Path) -> list[dict[str, object]]:
    exceptions = read_manifest(folder)["exceptions"]
    assert isinstance(exceptions, list)
    return exceptions
