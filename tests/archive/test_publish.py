"""The published record: read back with none of the product's code, by the rules of C2SP tlog-tiles and tlog-proof."""

import base64
import hashlib
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction

from archive import checkpoint, cosignature_mldsa, ledger
from archive.keys.files import sync_folder
from archive.publish import PublishFailed, layout, publish, writing
from tests.archive.handmade import audit_path, leaf_hash, tree_hash
from tests.archive.record_reset import fences_down
from tests.archive.samples import NOON, record, record_conversations, said
from tests.archive.tampering import delete_everywhere, put

pytestmark = pytest.mark.django_db
SIZE = 300  # one full tile, one partial


@pytest.fixture
def history() -> None:
    record(*(said(f"message {i}") for i in range(SIZE - 12)))
    record_conversations(12)


def entries_of(data: bytes) -> list[bytes]:
    found = []
    while data:
        length = int.from_bytes(data[:2], "big")
        found.append(data[2 : 2 + length])
        data = data[2 + length :]
    return found


def hashes_of(data: bytes) -> list[bytes]:
    return [data[i : i + 32] for i in range(0, len(data), 32)]


def test_numbers_of_tiles_are_written_in_groups_of_three_digits() -> None:
    numbers = {0: "000", 5: "005", 999: "999", 1000: "x001/000", 1234067: "x001/x234/067"}
    assert {number: layout.index_path(number) for number in numbers} == numbers


def test_a_tree_has_full_tiles_and_one_partial_tile_a_level() -> None:
    tiles = [(part.level, part.index, part.width) for part in layout.parts(70_000)]
    assert [tile for tile in tiles if tile[2] < 256] == [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    assert len(tiles) == 273 + 1 + 1 + 1 + 1
    assert list(layout.parts(0)) == []
    assert [part.tile_path() for part in layout.parts(256)] == ["tile/0/000", "tile/1/000.p/1"]


@pytest.mark.usefixtures("history")
def test_the_folder_holds_the_tree_that_the_checkpoint_signs(tmp_path: Path) -> None:
    assert publish(tmp_path, at=NOON).size == SIZE
    names = sorted(item.relative_to(tmp_path).as_posix() for item in tmp_path.rglob("*") if item.is_file())
    assert names == [
        "checkpoint",
        "tile/0/000",
        "tile/0/001.p/44",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/44",
    ]
    bundles = [(tmp_path / f"tile/entries/{name}").read_bytes() for name in ("000", "001.p/44")]
    leaves = [leaf_hash(entry) for data in bundles for entry in entries_of(data)]
    assert leaves == hashes_of((tmp_path / "tile/0/000").read_bytes() + (tmp_path / "tile/0/001.p/44").read_bytes())
    assert (tmp_path / "tile/1/000.p/1").read_bytes() == tree_hash(leaves[:256])
    statement = checkpoint.verify((tmp_path / "checkpoint").read_text(), verifier_key=ledger.verifier_key())
    assert (statement.size, statement.root) == (SIZE, tree_hash(leaves))


@pytest.mark.usefixtures("history")
def test_a_proof_file_leads_from_the_leaf_to_the_checkpoint(tmp_path: Path) -> None:
    publish(tmp_path, at=NOON, prove=[0, 255, 256, SIZE - 1])
    leaves = [leaf_hash(ledger.leaf_text(seq).encode()) for seq in range(SIZE)]
    for seq in (0, 255, 256, SIZE - 1):
        text = (tmp_path / f"proof/{seq}.tlog-proof").read_text()
        proof, _, note = text.partition("\n\n")
        header, index, *hashes = proof.split("\n")
        assert (header, index) == ("c2sp.org/tlog-proof@v1", f"index {seq}")
        assert [base64.b64decode(line) for line in hashes] == audit_path(seq, leaves)
        assert note == (tmp_path / "checkpoint").read_text()


@pytest.mark.usefixtures("history")
def test_a_second_call_adds_what_is_new_and_changes_nothing_that_is_full(tmp_path: Path) -> None:
    publish(tmp_path, at=NOON)
    before = {item: item.stat().st_mtime_ns for item in tmp_path.rglob("000") if item.is_file()}
    record(said("one more"))
    assert publish(tmp_path, at=NOON).written == 3  # a wider partial tile, its entries, the checkpoint
    assert {item: item.stat().st_mtime_ns for item in before} == before
    assert publish(tmp_path, at=NOON).written == 1  # the checkpoint again


@pytest.mark.usefixtures("history")
@pytest.mark.breaks_the_record
def test_a_damaged_record_is_not_published(tmp_path: Path) -> None:
    publish(tmp_path, at=NOON)
    old = (tmp_path / "checkpoint").read_text()
    record(said("one more"))
    with transaction.atomic(), fences_down(connection):
        put("archive_leaf", "hash", hashlib.sha256(b"other").digest(), seq=SIZE)
    with pytest.raises(PublishFailed, match="check the record"):
        publish(tmp_path, at=NOON)
    assert (tmp_path / "checkpoint").read_text() == old


def run(*words: str) -> str:
    out = StringIO()
    call_command("record", *words, stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.mark.usefixtures("history")
def test_the_command_publishes_and_prints_the_key(tmp_path: Path) -> None:
    ed25519, mldsa = run("publish", str(tmp_path), "--prove", "7", "9").splitlines()
    assert ed25519 == ledger.verifier_key()
    note = (tmp_path / "checkpoint").read_text()
    assert cosignature_mldsa.verify(note, verifier_key=mldsa).statement == checkpoint.parse(note)
    assert sorted(item.name for item in (tmp_path / "proof").iterdir()) == ["7.tlog-proof", "9.tlog-proof"]
    with pytest.raises(CommandError, match="Entry 300 is not under a checkpoint"):
        run("publish", str(tmp_path), "--prove", str(SIZE))


def test_an_empty_record_is_not_published(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="empty"):
        run("publish", str(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.breaks_the_record
def test_a_record_that_was_cut_back_is_not_the_one_that_was_published(tmp_path: Path) -> None:
    record_conversations(12)
    note = tmp_path / "note"
    note.write_text(run("checkpoint"))
    assert "begins with the 12 entries" in run("compare", str(note))
    with transaction.atomic(), fences_down(connection):
        delete_everywhere("seq >= 11")
        with connection.cursor() as cursor:
            cursor.execute("UPDATE archive_head SET size = 11")
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("record", "compare", str(note), stdout=out)
    assert "it was cut back" in out.getvalue()
    note.write_text("nonsense")
    with pytest.raises(SystemExit):
        call_command("record", "compare", str(note), stdout=out)


def test_a_folder_of_another_branch_of_the_record_is_not_gone_on_with(tmp_path: Path) -> None:
    with transaction.atomic():
        record(*(said(f"lost {i}") for i in range(SIZE)))
        publish(tmp_path, at=NOON)
        transaction.set_rollback(True)
    record(*(said(f"kept {i}") for i in range(SIZE + 1)))
    before = (tmp_path / "checkpoint").read_bytes()
    with pytest.raises(PublishFailed, match=r"holds another record \(The first 300 entries are not those that were"):
        publish(tmp_path, at=NOON)
    assert (tmp_path / "checkpoint").read_bytes() == before


@pytest.mark.parametrize("note", ["", "rubbish", "other.example/record\n1\n"])
def test_a_folder_with_a_foreign_checkpoint_is_refused(tmp_path: Path, note: str) -> None:
    record(said("one"))
    (tmp_path / "checkpoint").write_text(note)
    with pytest.raises(PublishFailed, match="publish into a new folder"):
        publish(tmp_path, at=NOON)


@pytest.mark.usefixtures("history")
def test_tiles_that_stand_there_without_a_checkpoint_are_not_taken_for_ours(tmp_path: Path) -> None:
    publish(tmp_path / "sound", at=NOON)
    (tmp_path / "half" / "tile" / "0").mkdir(parents=True)
    (tmp_path / "half" / "tile" / "0" / "000").write_bytes(bytes(256 * 32))
    publish(tmp_path / "half", at=NOON)
    sound, half = ((tmp_path / name / "tile" / "0" / "000").read_bytes() for name in ("sound", "half"))
    assert half == sound


@pytest.mark.usefixtures("history")
def test_the_names_of_all_files_are_on_the_disk_before_the_checkpoint_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bool]] = []

    def noted(folder: Path) -> None:
        synced.append((folder.relative_to(tmp_path).as_posix(), (tmp_path / "checkpoint").exists()))
        sync_folder(folder)

    monkeypatch.setattr(writing, "sync_folder", noted)
    publish(tmp_path, at=NOON)
    folders = {item.relative_to(tmp_path).as_posix() for item in tmp_path.rglob("*") if item.is_dir()} | {"."}
    assert {name for name, is_signed in synced if not is_signed} == folders
    assert synced[-1] == (".", True)
