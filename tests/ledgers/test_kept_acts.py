"""What was done with kept ledger 2 stands with today's program: disposal, hold, file, stamp, rotated key and export."""

import hashlib
import shutil
from pathlib import Path

import pytest

from archive import evidence, holds, ledger, uploads
from archive.blobs.trouble import BlobMissing
from archive.events import Attachment, attachments_of
from archive.keys import KeyMissing, existing_keys, open_keystore
from archive.rotation import key_status
from tests.archive.exporting import run
from tests.faults.tampering.test_packages import verifiers_that_accept
from tests.ledgers.make import CARL, ERASED, HELD, NEW_FILE

pytestmark = [pytest.mark.backend("sqlite"), pytest.mark.parametrize("version", ["2"], indirect=True)]
GONE = [0, 2, 3, ERASED]
OF_THE_FILE, OF_THE_EXPORT = 88, 96


def test_what_was_disposed_of_stays_gone_and_its_neighbours_open(version: str, tmp_path: Path) -> None:
    entries = [ledger.open_entry(seq) for seq in range(8)]
    assert [entry.seq for entry in entries if entry.disposed_by is not None] == GONE
    assert all(entry.content == {} for entry in entries if entry.seq in GONE)
    assert [entry.content["body"] for entry in entries if entry.seq not in GONE] == ["old 1", "old 4", "old 6", "old 7"]
    names = (tmp_path / "kept" / "keys" / "destroyed").read_text(encoding="ascii").split()
    assert names == ["7y/2019-11-14", "7y/2019-11-25"]
    assert existing_keys(tmp_path / "kept" / "keys", names) == []


def test_the_hold_is_in_force_and_keeps_its_entry(version: str) -> None:
    [hold] = holds.active_holds()
    assert (hold.matter, hold.scope.entries, hold.placed_by) == ("A v B", ((HELD, HELD),), CARL.id)
    assert holds.held_among(range(8)) == {HELD: [hold.n]}


def test_the_file_opens_and_is_missed_when_it_is_gone(version: str, tmp_path: Path) -> None:
    [file] = attachments_of(ledger.open_entry(OF_THE_FILE).content)
    assert (file.name, b"".join(uploads.read(file))) == ("terms.pdf", NEW_FILE)
    shutil.rmtree(tmp_path / "kept" / "blobs")
    assert [problem.seq for problem in ledger.check_blobs()] == [OF_THE_FILE]
    with pytest.raises(BlobMissing):
        read(file)


def read(file: Attachment) -> bytes:
    return b"".join(uploads.read(file))


def test_the_stamp_verifies_against_the_root_that_was_kept(version: str) -> None:
    [found] = evidence.check_stamps()
    assert (found.size, found.authority, found.problem) == (97, "CN=Stamps of Example", "")


def test_the_rotated_keys_open_with_the_new_kek_only(version: str, tmp_path: Path) -> None:
    status = key_status()
    assert (status.missing, status.unopened, status.to_be_destroyed) == ((), (), ())
    assert status.rotated_at == "2026-11-21T20:00:00.123Z"
    (tmp_path / "kept" / "keys" / status.kek.removeprefix("file:")).unlink()
    open_keystore.cache_clear()
    with pytest.raises(KeyMissing):
        key_status()


def test_the_export_is_the_one_in_the_record_and_both_verifiers_accept_it(version: str, tmp_path: Path) -> None:
    package = tmp_path / "kept" / "export-1.zip"
    made = ledger.open_entry(OF_THE_EXPORT)
    assert (made.kind, made.content["digest"]) == ("export.made", hashlib.sha256(package.read_bytes()).hexdigest())
    shutil.unpack_archive(package, tmp_path / "received")
    received = tmp_path / "received" / "export-1"
    assert verifiers_that_accept(received) == ["verify.py", "verify.sh"]  # today's
    code, said = run(received, "--key", ledger.verifier_key())  # its own
    assert (code, "verified" in said) == (0, True), said
