"""Exports of what was disposed of in part: leaves stay, and the package proves that the record says what is gone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from archive import ledger, verify
from archive.export.package import Scope
from tests.archive.disposals import NEXT_DAY, erase, say
from tests.archive.exporting import export, read_entries, read_exceptions, read_manifest, run, unpack
from tests.faults.tampering.test_packages import verifiers_that_accept

pytestmark = pytest.mark.django_db(transaction=True)
SCOPE = Scope(streams=("conversation:7",))


@pytest.fixture
def package(tmp_path: Path, settings: Settings) -> tuple[Path, list[int]]:
    """A package of six entries of which the third, fourth and sixth were erased, in two disposals."""
    settings.ONRECORD_ERASURE_FLOOR_YEARS = 0
    seqs = [*say("a", "b", "c", "d"), *say("e", "f", at=NEXT_DAY)]
    erase((seqs[2], seqs[3]))
    erase((seqs[5], seqs[5]))
    return unpack(export(tmp_path, SCOPE)), seqs


def counts_of(folder: Path) -> dict[str, object]:
    counts = read_manifest(folder)["counts"]
    assert isinstance(counts, dict)
    return counts


def test_a_package_with_disposed_entries_verifies_and_says_how_many(package: tuple[Path, list[int]]) -> None:
    folder, seqs = package
    status, output = run(folder, "--key", ledger.verifier_key())
    assert (status, "6 entries, 3 of them opened, 3 disposed of, all that" in output) == (0, True), output
    assert verifiers_that_accept(folder) == ["verify.py", "verify.sh"]
    lines = {line["index"]: line for line in read_entries(folder)}
    assert [bool(lines[seq]["opened"]) for seq in seqs] == [True, True, False, False, True, False]
    assert all(json.loads(str(lines[seq]["leaf"]))["c"] for seq in seqs)
    assert counts_of(folder)["disposed"] == 3
    assert {item["entry"] for item in read_exceptions(folder)} == {seqs[2], seqs[3], seqs[5]}
    assert "was disposed of, as entry" in str(read_exceptions(folder))


def test_a_package_tells_of_disposals_what_they_took_and_not_who_asked(package: tuple[Path, list[int]]) -> None:
    told = [json.loads(line) for line in (package[0] / verify.DISPOSALS).read_bytes().splitlines()]
    assert [set(line["opened"]) for line in told] == [{"cause", "entries"}] * 2
    assert "Carl" not in (package[0] / verify.DISPOSALS).read_text()


def test_without_disposals_nothing_is_said_of_them(tmp_path: Path) -> None:
    say("a", "b")
    folder = unpack(export(tmp_path, SCOPE))
    assert not (folder / verify.DISPOSALS).exists()
    assert "disposed" not in counts_of(folder)


def claim_more(folder: Path) -> None:
    """Say that the disposal took an entry that is readable."""
    change(folder, lambda line: line["opened"]["entries"]["value"][0].__setitem__(0, 0))


def claim_without_proof(folder: Path) -> None:
    """Put another entry of the record in the place of a disposal."""
    other = json.loads((folder / verify.ENTRIES).read_bytes().splitlines()[0])
    change(folder, lambda line: line.update(other))


def claim_without_saying_what(folder: Path) -> None:
    change(folder, lambda line: line["opened"].pop("entries"))


def leave_the_disposals_out(folder: Path) -> None:
    """Then the entries look like some that the sender keeps back; without covering up, the counts tell."""
    (folder / verify.DISPOSALS).unlink()


def cut_the_last_line(folder: Path) -> None:
    path = folder / verify.DISPOSALS
    path.write_bytes(path.read_bytes()[:-1])


def cover_up(folder: Path) -> None:
    """Make the digests and sizes fit whatever the files now hold; the counts stay as they were told."""
    manifest = json.loads((folder / verify.MANIFEST).read_bytes())
    manifest["files"] = {name: verify.describe(folder, name) for name in verify.payload_of(folder) - {verify.MANIFEST}}
    (folder / verify.MANIFEST).write_bytes(verify.canonical(manifest))
    tags = sorted(path.name for path in folder.glob("*") if path.is_file() and "tagm" not in path.name)
    for name, listed in (("manifest-sha256.txt", sorted(verify.payload_of(folder))), ("tagmanifest-sha256.txt", tags)):
        lines = [f"{verify.describe(folder, item)['sha256']}  {item}\n" for item in listed]
        (folder / name).write_text("".join(lines))


def change(folder: Path, alter: Callable[[dict[str, Any]], object]) -> None:  # Any: values of JSON
    path = folder / verify.DISPOSALS
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    alter(lines[0])
    path.write_bytes(b"".join(verify.canonical(line) + b"\n" for line in lines))


@pytest.mark.parametrize(
    "attack",
    [claim_more, claim_without_proof, claim_without_saying_what, leave_the_disposals_out, cut_the_last_line],
)
def test_a_changed_claim_is_refused_by_both(package: tuple[Path, list[int]], attack: Callable[[Path], None]) -> None:
    folder, _ = package
    attack(folder)
    cover_up(folder)
    assert verifiers_that_accept(folder) == []


def test_control_covering_up_alters_nothing_true(package: tuple[Path, list[int]]) -> None:
    folder, _ = package
    cover_up(folder)
    assert verifiers_that_accept(folder) == ["verify.py", "verify.sh"]


def test_a_disposed_entry_that_is_opened_all_the_same_is_refused(package: tuple[Path, list[int]]) -> None:
    folder, seqs = package
    path = folder / verify.ENTRIES
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    shown = next(line["opened"] for line in lines if line["opened"])
    next(line for line in lines if line["index"] == seqs[2])["opened"] = shown
    path.write_bytes(b"".join(verify.canonical(line) + b"\n" for line in lines))
    cover_up(folder)
    status, output = run(folder, "--key", ledger.verifier_key())
    assert (status, "entry 2" in output) == (1, True), output
    assert verifiers_that_accept(folder) == []
