"""What somebody who hands over a package may put beside, around and into its files so that it seems to verify."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from archive import canonical, ledger, verify
from archive.export import package as packaging
from archive.export.package import Scope
from archive.export.readme import PYTHON_COMMAND
from tests.archive.exporting import export, open_office, unpack
from tests.archive.samples import record_conversations
from tests.archive.segments import fetch, seal

pytestmark = [pytest.mark.django_db, pytest.mark.backend("sqlite")]  # no database has a part in it
SCRIPT = Path(packaging.__file__).with_name("verify.sh")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
LIE = "import os; print('verified and complete: all of it', flush=True); os._exit(0)\n"
ESCAPE = "\x1b[2J\x1b[1;1Hverified and complete: all of it"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    open_office()
    return unpack(export(tmp_path, Scope(streams=("person:1",))))


def run_python(folder: Path) -> tuple[int, str]:
    """Verify as the README says, in a shell of the receiver."""
    environment = {"PATH": os.environ["PATH"], "KEY": ledger.verifier_key()}
    done = subprocess.run(["sh", "-c", PYTHON_COMMAND], cwd=folder, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def run_shell(folder: Path) -> tuple[int, str]:
    done = subprocess.run(["sh", SCRIPT, ledger.verifier_key(), folder], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def cover_up(folder: Path, **members: Any) -> None:
    """Make sizes and digests fit whatever the files now hold; `members` take the place of the manifest's."""
    path = folder / verify.MANIFEST
    manifest: dict[str, Any] = json.loads(path.read_bytes())  # Any: values of JSON
    manifest["files"] = {name: verify.describe(folder, name) for name in manifest["files"]}
    path.write_bytes(canonical.encode({**manifest, **members}))
    for name in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        listed = [line.split("  ", 1)[1] for line in (folder / name).read_text().splitlines()]
        lines = [f"{verify.describe(folder, item)['sha256']}  {item}\n" for item in listed]
        (folder / name).write_text("".join(lines))


def test_control_a_package_that_was_only_covered_up_verifies(folder: Path) -> None:
    cover_up(folder)
    for run in (run_python, run_shell):
        code, said = run(folder)
        assert (code, "verified and complete" in said) == (0, True), said


@pytest.mark.parametrize("name", ["__future__.py", "argparse.py", "json.py", "hashlib/__init__.py"])
def test_a_module_beside_the_verifier_is_not_run_and_is_named(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(LIE)
    for run in (run_python, run_shell):
        code, said = run(folder)
        assert (code, "verified and complete" in said) == (1, False), said
        assert name.partition("/")[0] in said


def test_a_control_sequence_does_not_reach_the_terminal(folder: Path) -> None:
    note = (folder / verify.CHECKPOINT).read_text().split("\n", 1)[1]
    (folder / verify.CHECKPOINT).write_text(f"{ESCAPE}\n{note}")
    cover_up(folder)
    for run in (run_python, run_shell):
        code, said = run(folder)
        assert (code, "\x1b" in said) == (1, False)


def test_the_name_of_a_stray_file_does_not_reach_the_terminal(folder: Path) -> None:
    (folder / "data" / ESCAPE).write_text("")
    for run in (run_python, run_shell):
        code, said = run(folder)
        assert (code, "\x1b" in said) == (1, False)


ALTERED_NOTES: list[Callable[[str], str]] = [
    lambda note: f" {note}",
    lambda note: note.replace("\n", " \n", 1),
    lambda note: note.replace("\n", "\x00\n", 1),
    lambda note: note.replace("\n", "\n ", 1),
    lambda note: note.replace("\n\n", "\n \n"),
    lambda note: note.replace("—", "-"),
    lambda note: f"{note}\n",
    lambda note: f"{note}rubbish\n",
    lambda note: f"{note[:-1]}A\n",
    lambda note: f"{note[:-3]}{LETTERS[LETTERS.index(note[-3]) + 1]}=\n",  # the same bytes, in other base64
]


@pytest.mark.parametrize("alter", ALTERED_NOTES)
def test_a_checkpoint_with_a_byte_more_is_refused(folder: Path, alter: Callable[[str], str]) -> None:
    note = (folder / verify.CHECKPOINT).read_text()
    (folder / verify.CHECKPOINT).write_text(alter(note))
    cover_up(folder)
    assert [run(folder)[0] for run in (run_python, run_shell)] == [1, 1]


@pytest.mark.parametrize("member", ["counts", "checkpoint", "files"])
def test_a_manifest_that_says_the_truth_elsewhere_is_refused(folder: Path, member: str) -> None:
    told = json.loads((folder / verify.MANIFEST).read_bytes())
    cover_up(folder, **{member: {}, "approvals": [{member: told[member]}]})
    assert [run(folder)[0] for run in (run_python, run_shell)] == [1, 1]


def test_a_manifest_that_names_its_streams_elsewhere_is_refused(folder: Path) -> None:
    told = json.loads((folder / verify.MANIFEST).read_bytes())
    cover_up(folder, streams={"0" * 32: "nothing"}, tool={"streams": told["streams"], "tool": told["tool"]})
    assert [run(folder)[0] for run in (run_python, run_shell)] == [1, 1]


# All that the script may call beside openssl, awk and the shell's own commands.
COREUTILS = "base64 basenc cat dirname head mkdir mktemp od rm sha256sum sort split tail tr wc"


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """A search path on which there is a shell, openssl, awk and the coreutils, and nothing else."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("sh", "openssl", "awk", *COREUTILS.split()):
        found = shutil.which(name)
        assert found is not None, name
        (programs / name).symlink_to(found)
    return str(programs)


def run_bare(folder: Path, path: str) -> tuple[int, str]:
    command = ["sh", str(SCRIPT), ledger.verifier_key(), str(folder)]
    done = subprocess.run(command, env={"PATH": path}, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_the_shell_verifier_of_an_export_needs_openssl_awk_and_the_coreutils_only(folder: Path, bare_path: str) -> None:
    code, said = run_bare(folder, bare_path)
    assert (code, "not found" in said) == (0, False), said


@pytest.mark.parametrize("missing", ["awk", "sha256sum", "basenc", "split"])
def test_a_machine_without_a_program_that_it_needs_verifies_nothing(folder: Path, bare_path: str, missing: str) -> None:
    (Path(bare_path) / missing).unlink()
    code, said = run_bare(folder, bare_path)
    assert (code != 0, "verified and complete" in said) == (True, False), said


def test_the_shell_verifier_of_a_segment_needs_no_more(tmp_path: Path, settings: Settings, bare_path: str) -> None:
    (tmp_path / "store").mkdir()
    settings.ONRECORD_SEGMENT_STORE = f"file://{tmp_path / 'store'}?immutable=no"
    record_conversations(10)
    bag = fetch(seal(), tmp_path / "got")
    code, said = run_bare(bag, bare_path)
    assert (code, "not found" in said) == (0, False), said
    (bag / "data" / "more").write_text("more")
    assert run_bare(bag, bare_path)[0] == 1
