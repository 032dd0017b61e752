"""The bag in an export package: its bytes, its parts, and the commands that its README promises."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

from archive import ledger, verify
from archive.export import package as packaging
from archive.export.package import Scope
from tests.archive.exporting import CARL, CORA, LATER, WHOLE, export, open_office, say, unpack

pytestmark = pytest.mark.django_db


@pytest.fixture
def office() -> None:
    open_office()


# --- the same bytes --------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("office")
def test_the_same_scope_of_the_same_record_gives_the_same_bytes(tmp_path: Path) -> None:
    heads = ledger.record_heads(LATER)
    digests = set()
    for name, streams in (("one", WHOLE.streams), ("two", WHOLE.streams[::-1])):
        (tmp_path / name).mkdir()
        order = packaging.Order(Scope(streams=streams), 12, CARL, (CORA,), "test", LATER)
        digests.add(packaging.build(order, heads_seq=heads.seq, folder=tmp_path / name).digest)
        say(f"between {name}", minutes=200 + len(name + str(digests)))
    assert len(digests) == 1


@pytest.mark.usefixtures("office")
def test_another_scope_gives_other_bytes(tmp_path: Path) -> None:
    heads = ledger.record_heads(LATER)
    orders = [packaging.Order(scope, 12, CARL, (), "test", LATER) for scope in (WHOLE, Scope(streams=("person:1",)))]
    digests = {packaging.build(order, heads_seq=heads.seq, folder=tmp_path).digest for order in orders}
    assert len(digests) == 2


@pytest.mark.usefixtures("office")
def test_a_second_try_replaces_the_first(tmp_path: Path) -> None:
    export(tmp_path)
    second = export(tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["export-12.zip"]
    assert hashlib.sha256(second.path.read_bytes()).hexdigest() == second.digest


# --- the bag and the words in it -------------------------------------------------------------------------------------
@pytest.mark.usefixtures("office")
def test_the_package_is_a_bag(tmp_path: Path) -> None:
    folder = unpack(export(tmp_path))
    names = {item.relative_to(folder).as_posix() for item in folder.rglob("*") if item.is_file()}
    assert names == verify.PAYLOAD | verify.TAGS | {"tagmanifest-sha256.txt", "verify.sh"}
    assert (folder / "bagit.txt").read_text() == "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    payload = [folder / name for name in verify.PAYLOAD]
    octets = sum(item.stat().st_size for item in payload)
    assert f"Payload-Oxum: {octets}.4\n" in (folder / "bag-info.txt").read_text()
    assert "Bagging-Date: 2026-11-22\n" in (folder / "bag-info.txt").read_text()


@pytest.mark.usefixtures("office")
def test_the_package_never_carries_the_key_it_is_to_be_checked_with(tmp_path: Path) -> None:
    folder = unpack(export(tmp_path))
    key = ledger.verifier_key().split("+", 2)[2]  # the key may hold a + itself
    assert ledger.verifier_key().startswith(f"{settings.ONRECORD_ORIGIN}+")
    for item in folder.rglob("*"):
        assert not item.is_file() or key.encode() not in item.read_bytes()


@pytest.mark.usefixtures("office")
def test_the_commands_of_the_readme_work_as_they_stand(tmp_path: Path) -> None:
    folder = unpack(export(tmp_path))
    commands = [line[4:] for line in (folder / "README.txt").read_text().splitlines() if line.startswith("    ")]
    assert len(commands) == 10
    done = run_script(folder, commands, key=ledger.verifier_key())
    assert done.returncode == 0, done.stderr
    assert "verified and complete" in done.stdout
    assert "Signature Verified Successfully" in done.stdout


@pytest.mark.usefixtures("office")
def test_the_commands_of_the_readme_notice_another_checkpoint(tmp_path: Path) -> None:
    folder = unpack(export(tmp_path))
    commands = [line[4:] for line in (folder / "README.txt").read_text().splitlines() if line.startswith("    ")]
    checkpoint = (folder / "data/checkpoint").read_text().replace("\n10\n", "\n11\n")
    (folder / "data/checkpoint").write_text(checkpoint.replace("\n9\n", "\n8\n"))
    done = run_script(folder, commands[4:], key=ledger.verifier_key())
    assert done.returncode != 0
    assert "Signature Verified Successfully" not in done.stdout


def run_script(folder: Path, commands: list[str], *, key: str) -> subprocess.CompletedProcess[str]:
    script = "set -e\n" + "\n".join(commands)
    environment = {**os.environ, "KEY": key}
    return subprocess.run(["sh", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
