"""Two thousand entries from outside: the shell verifier hashes them in bulk, and its batches let nothing through.

Measured is the processor's time of the verifier and of all programs that it starts: a busy machine changes it little.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from archive import ledger, publish, verify
from archive.export import package as packaging
from archive.export.package import Scope
from archive.segments.bag import Run, write_bag
from tests.archive.exporting import export, unpack
from tests.archive.samples import NOON, record, said
from tests.faults.tampering.test_packages import cover_up

pytestmark = [pytest.mark.django_db, pytest.mark.backend("sqlite")]  # what is verified are files
ENTRIES = 2_100  # more than one batch of leaves, and of opened fields
STREAMS = 3
LIMIT_S = 20  # with programs started for each entry it was more than twice that; in bulk it is about two seconds


@pytest.fixture
def history() -> None:
    record(*(said(f"message {i} ✓", stream=f"conversation:{i % STREAMS}") for i in range(ENTRIES)))


def an_export(folder: Path) -> Path:
    return unpack(export(folder, Scope(streams=tuple(f"conversation:{i}" for i in range(STREAMS)))))


def a_segment(folder: Path) -> Path:
    write_bag(folder / "segment", run=Run(0, ENTRIES))
    return folder / "segment"


def a_published_record(folder: Path) -> Path:
    publish.publish(folder / "published", at=NOON, prove=[0, ENTRIES - 1])
    return folder / "published"


def shell(folder: Path) -> tuple[int, str, float]:
    """Return the exit code, the words and the seconds of the processor."""
    script = Path(packaging.__file__).with_name("verify.sh")
    before = os.times()
    done = subprocess.run(["sh", script, ledger.verifier_key(), folder], capture_output=True, text=True, check=False)
    after = os.times()
    taken = after.children_user + after.children_system - before.children_user - before.children_system
    return done.returncode, done.stdout + done.stderr, taken


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("made", [an_export, a_segment, a_published_record])
def test_thousands_of_entries_take_seconds(tmp_path: Path, made: Callable[[Path], Path]) -> None:
    folder = made(tmp_path)
    code, words, seconds = shell(folder)
    assert (code, "verified" in words) == (0, True), words
    assert seconds < LIMIT_S
    command = [sys.executable, "-I", "-S", verify.__file__, "--key", ledger.verifier_key(), str(folder)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.usefixtures("history")
def test_one_changed_word_among_thousands_is_named(tmp_path: Path) -> None:
    folder, line = an_export(tmp_path), ENTRIES - 1
    lines = (folder / verify.ENTRIES).read_bytes().splitlines(keepends=True)
    lines[line] = lines[line].replace("✓".encode(), "✗".encode())
    (folder / verify.ENTRIES).write_bytes(b"".join(lines))
    cover_up(folder)
    code, words, _ = shell(folder)
    assert (code, f"line {line + 1}: field body was changed" in words) == (1, True), words
    findings = verify.check_package(folder)[1]
    assert (findings.count, f"line {line + 1} " in findings.lines[0]) == (1, True)
    assert json.loads(lines[line])["opened"]["body"]["value"].endswith("✗"), "control: the word was changed"
