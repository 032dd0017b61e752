"""The shell verifier of an export: it reads whatever people may have written, and says no as clearly as verify.py."""

import subprocess
from pathlib import Path

import pytest

from archive import ledger
from archive.export import package
from archive.export.package import Scope
from tests.archive.exporting import export, open_office, unpack
from tests.archive.samples import record, record_conversations, said

pytestmark = pytest.mark.django_db(transaction=True)
SCRIPT = Path(package.__file__).with_name("verify.sh")
# Words that look like the syntax which the script splits its lines at, or like the shell's own.
TRICKY = (
    '"},"client_key":{"key":"',
    '"}},"body":{"key":"00","value":"',
    '","opened":{',
    ',"proof":["',
    "\\",
    '\\"',
    "\n\t\x00",
    "}}",
    "$(exit 3) `exit 3` %s %d",
    "* ? [a-z] ~",
    " before and after ",
    "'",
    "✓\u2028Straße",
)


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        ["sh", SCRIPT, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_whatever_people_write_verifies(tmp_path: Path) -> None:
    record_conversations(10)
    record(*(said(words) for words in TRICKY))
    folder = unpack(export(tmp_path, Scope(streams=("conversation:1", "conversation:7", "system"))))
    code, said_by_it = run(folder, ledger.verifier_key(), str(folder))
    assert (code, "verified and complete: 16 entries, 16 of them opened" in said_by_it) == (0, True), said_by_it


def test_entries_that_are_not_opened_verify_too(tmp_path: Path) -> None:
    open_office()
    folder = unpack(export(tmp_path, Scope(streams=("conversation:7", "person:1"), kinds=("message.edited",))))
    code, said_by_it = run(folder, ledger.verifier_key(), str(folder))
    assert (code, "7 entries, 0 of them opened" in said_by_it) == (0, True), said_by_it


def test_another_key_is_refused_and_no_key_is_bad_usage(tmp_path: Path) -> None:
    open_office()
    folder = unpack(export(tmp_path))
    foreign = "other.example/record+6a8ab44c+AW0UQhdOjYNWXzDpGhIsFeE4ZvMUOQmHQ5ZLuE9dL4Rk"
    assert run(folder, foreign, str(folder))[0] == 2, "a key whose id does not fit is no key"
    own = ledger.verifier_key()
    for arguments in ((), ("x",), (own, str(folder), "more"), (own, str(folder / "missing"))):
        assert run(folder, *arguments)[0] == 2
