"""Segments: what is sealed is complete, the same each time, read back, and accepted by the verifier anybody can run."""

import json
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from archive import evidence, ledger, segments, verify
from archive.ledger.head import keystore
from archive.models import RecordKey, Segment
from archive.publish import publish
from archive.segments import outbox, tail
from archive.segments.bag import Run, write_bag
from archive.segments.names import TAIL, SegmentName
from archive.segments.packing import pack
from archive.segments.standing import stored_names
from archive.worm.file_store import FileStore
from archive.worm.stores import StoreAway
from tests.archive.samples import NOON, record, record_conversations, said
from tests.archive.segments import fetch, now, seal, sealed_names, store

pytestmark = pytest.mark.django_db
SAME_DAY = NOON + timedelta(hours=1)  # as the entries, whenever the tests run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Settings) -> Path:
    """A folder as the store. Without the immutable bit, so that the test can be cleaned up."""
    path = tmp_path / "store"
    path.mkdir()
    settings.ONRECORD_SEGMENT_STORE = f"file://{path}?immutable=no"
    return path


def record_many(count: int) -> None:
    """Record messages with one commit."""
    record(*(said(f"many {i}", stream=f"conversation:{i % 3}") for i in range(count)))


def verified(bag: Path) -> str:
    """Run the verifier on a bag in a bare interpreter, as its receiver does."""
    command = [sys.executable, "-I", "-S", verify.__file__, str(bag), "--key", ledger.verifier_key()]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout


def test_a_segment_is_sealed_recorded_and_verifies(tmp_path: Path, folder: Path) -> None:
    record_conversations(30)
    before = ledger.latest_checkpoint()
    name = seal()
    row, entry = Segment.objects.get(), ledger.open_entry(before.size)
    assert (row.first, row.size, row.sealed_at is not None) == (0, 30, True)
    assert (entry.kind, entry.content["first"], entry.content["size"]) == ("segment.sealed", 0, 30)
    assert entry.content["digest"] == row.digest
    assert entry.content["root"] == before.root.hex()
    assert "enterprise" in str(entry.content["store"])
    assert (folder / str(name)).stat().st_mode & 0o777 == 0o444
    bag = fetch(name, tmp_path / "got")
    assert verified(bag).startswith("verified: entries 0 to 29 of onrecord.example/record, 3 of them opened")


def test_the_second_segment_continues_the_first(tmp_path: Path, settings: Settings) -> None:
    settings.ONRECORD_SEGMENT_S = 0.0
    record_many(300)
    seal()
    record(*(said(f"more {i}") for i in range(40)))
    name = seal()
    assert (name.first, name.size) == (300, 341)
    bag = fetch(name, tmp_path / "got")
    assert "continuing the one of size 300" in verified(bag)
    assert not (bag / "data/tile/0/000").exists(), "the first tile was full already"
    assert ledger.check().is_sound


def test_all_segments_together_are_the_published_record(tmp_path: Path, settings: Settings) -> None:
    settings.ONRECORD_SEGMENT_S = 0.0
    for size in (100, 250, 20, 600):
        record_many(size)
        seal()
    last = sealed_names()[-1]
    for name in sealed_names():
        fetch(name, tmp_path / "got")
    published = tmp_path / "published"
    publish(published, at=now())
    files = {path.relative_to(published) for path in (published / "tile").rglob("*") if path.is_file()}
    full = {path for path in files if ".p" not in str(path)}
    assert len(full) == 6, "control: whole tiles on level 0, and their entries"
    for path in full:
        found = [bag / "data" / path for bag in (tmp_path / "got").iterdir() if (bag / "data" / path).exists()]
        assert len(found) == 1
        assert found[0].read_bytes() == (published / path).read_bytes()
    assert last.size <= ledger.latest_checkpoint().size


def test_the_same_run_gives_the_same_bytes_at_any_time(tmp_path: Path, settings: Settings) -> None:
    settings.ONRECORD_SEGMENT_S = 0.0
    record_conversations(20)
    seal()
    record_many(290)
    name = seal()
    record_many(300)  # tiles that were ragged are full now
    bag = tmp_path / name.folder
    write_bag(bag, run=Run(name.first, name.size))
    assert pack(bag, tmp_path / "again.tar") == Segment.objects.get(first=name.first).digest


def test_there_is_no_key_of_any_content_in_a_segment(folder: Path) -> None:
    record_conversations(20)
    name = seal()
    data = (folder / str(name)).read_bytes()
    assert b"message 3" not in data
    store_keys = keystore()
    keys = [bytes(row.wrapped) for row in RecordKey.objects.all()]
    keys += [store_keys.bucket_key(bucket) for bucket in set(RecordKey.objects.values_list("bucket", flat=True))]
    keys += [store_keys.log_key.private_bytes_raw()]
    assert len(keys) >= 22, "control"
    assert [key for key in keys if key in data or key.hex().encode() in data] == []


def test_evidence_travels_with_the_segment_and_is_bound_to_it(tmp_path: Path, settings: Settings) -> None:
    settings.ONRECORD_SEGMENT_S = 0.0
    record_conversations(9)
    ledger.record_heads(now())
    seal()
    record(said("one"))
    bag = fetch(seal(), tmp_path / "got")
    lines = [json.loads(line) for line in (bag / verify.EVIDENCE).read_bytes().splitlines()]
    assert [line["opened"]["digest"]["value"] for line in lines] == [Segment.objects.get(first=0).digest]


def test_a_segment_is_due_each_day_or_when_it_is_full(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    record_conversations(10)
    assert segments.seal_segments(at=SAME_DAY) == 1
    record(said("new"))
    assert segments.seal_segments(at=SAME_DAY) == 0, "the day is not over"
    assert segments.seal_segments(at=SAME_DAY + timedelta(days=2)) == 1
    assert segments.seal_segments(at=SAME_DAY + timedelta(days=4)) == 0, "only the entry about the segment is new"
    monkeypatch.setattr(outbox, "WIDTH", 8)
    record_conversations(20)
    assert segments.seal_segments(at=SAME_DAY) == 2
    assert [(name.first, name.size) for name in sealed_names()] == [(0, 10), (10, 12), (12, 20), (20, 28)]


def test_the_tail_holds_what_no_sealed_segment_has(tmp_path: Path) -> None:
    record_conversations(10)
    seal()
    (last,) = [name for name in stored_names(store()) if name.kind == TAIL]
    assert (last.first, last.size) == (10, 11), "the entry about the segment itself"
    record(said("minutes ago"))
    assert segments.seal_segments(at=SAME_DAY) == 0
    (last,) = [name for name in stored_names(store()) if name.kind == TAIL]
    assert (last.first, last.size) == (10, 12)
    assert "verified" in verified(fetch(last, tmp_path / "got"))
    there = store().names()
    assert segments.seal_segments(at=SAME_DAY) == 0
    assert store().names() == there


def test_a_tail_is_not_made_of_what_a_broken_store_has_piled_up(monkeypatch: pytest.MonkeyPatch) -> None:
    record_conversations(10)
    monkeypatch.setattr(tail, "LONGEST", 9)
    assert not tail.write_tail(store())
    monkeypatch.setattr(tail, "LONGEST", 10)
    assert tail.write_tail(store())


def test_a_segment_counts_as_evidence_and_only_with_its_entry() -> None:
    record_conversations(5)
    seal()
    (kind,) = [kind for kind in evidence.status(at=now()).kinds if kind.kind == "segment"]
    assert (kind.sources, kind.size, kind.is_fresh) == (1, 5, True)
    Segment.objects.update(digest="0" * 64)
    found = evidence.status(at=now())
    assert "is not what the record's entry says" in found.problems[0]
    assert found.level == "red"


def test_a_store_that_fails_is_tried_again_and_shown(folder: Path, settings: Settings) -> None:
    record_conversations(5)
    settings.ONRECORD_SEGMENT_STORE = f"file://{folder}/gone?immutable=no"
    at = now()
    assert segments.seal_segments(at=at) == 0
    assert "cannot be read" in evidence.status(at=at).problems[0]
    folder.joinpath("gone").mkdir(mode=0o755)
    assert segments.seal_segments(at=at) == 1
    assert evidence.status(at=at).problems == ()


class Forgetful(FileStore):
    """A store that gives back other bytes than it took."""

    def read(self, name: str, *, version: str = "") -> object:  # type: ignore[override]
        return (block[:-1] + b"x" for block in super().read(name, version=version))


class Away(FileStore):
    def put_sealed(self, name: str, path: Path, *, digest: str) -> object:  # type: ignore[override]
        raise StoreAway("It answers 503.")


@pytest.mark.parametrize(("kind", "words"), [(Forgetful, "another file of the name"), (Away, "It answers 503.")])
def test_what_is_not_stored_is_not_recorded(
    folder: Path, monkeypatch: pytest.MonkeyPatch, kind: type[FileStore], words: str
) -> None:
    record_conversations(5)
    at = now()
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "configured_store", lambda: kind(folder, immutable=False))
        assert segments.seal_segments(at=at) == 0
    assert ledger.latest_checkpoint().size == 5
    row = Segment.objects.get()
    assert (row.tries, row.sealed_at) == (1, None)
    assert words in row.failure
    assert any(words in problem for problem in evidence.status(at=at).problems)
    assert segments.seal_segments(at=at + timedelta(seconds=30)) == 0, "not yet: the wait grows with each try"
    assert segments.seal_segments(at=at + timedelta(minutes=5)) == 1


def test_a_row_is_claimed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    record_conversations(5)
    at = now()
    outbox.plan(at=at, every_s=0.0)
    assert outbox.SEGMENTS.claim(at=at) is not None
    assert outbox.SEGMENTS.claim(at=at) is None, "somebody works on it"
    assert outbox.SEGMENTS.claim(at=at + timedelta(hours=1)) is not None, "the lease of one who died ends"


def test_changed_bytes_and_modes_are_found_when_segments_are_read_back(folder: Path) -> None:
    record_conversations(5)
    path = folder / str(seal())
    assert [check.problem for check in segments.check_segments(at=now())] == [""]
    path.chmod(0o644)
    assert "somebody changed it" in segments.check_segments(at=now())[0].problem
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    path.chmod(0o444)
    assert segments.check_segments(at=now(), everything=True)[0].problem == "Its bytes are not those it had."
    assert "not those it had" in evidence.status(at=now()).problems[0]
    path.unlink()
    assert "has no file" in segments.check_segments(at=now())[0].problem


def test_the_nightly_look_goes_round(settings: Settings) -> None:
    settings.ONRECORD_SEGMENT_S = 0.0
    for size in range(6):
        record_conversations(3 + size)
        seal()
    looked_at = [check.first for _ in range(2) for check in segments.check_segments(at=now())]
    assert len(looked_at) == 8
    assert set(looked_at) == {name.first for name in sealed_names()}


def test_a_record_cut_back_or_rewritten_is_found_by_the_names_in_the_store() -> None:
    """Kinds 3, 4 and 5, by who also cleared the guard and the rows of the segments away."""
    record_conversations(10)
    name = seal()
    forged = type(name)(size=name.size, first=name.first, root="0" * 16)
    (store().folder / str(forged)).write_bytes(b"")  # type: ignore[attr-defined]
    assert segments.seal_segments(at=now() + timedelta(days=2)) == 0
    assert "the record was rewritten" in evidence.status(at=now()).problems[0]
    (store().folder / str(forged)).unlink()  # type: ignore[attr-defined]
    longer = type(name)(size=500, first=11, root="0" * 16)
    (store().folder / str(longer)).write_bytes(b"")  # type: ignore[attr-defined]
    segments.seal_segments(at=now())
    assert "holds 500 entries, we have 11: the record was put back" in evidence.status(at=now()).problems[0]


def test_a_store_of_segments_beside_an_empty_record_is_a_problem_in_words() -> None:
    longer = SegmentName(size=500, first=0, root="0" * 16)
    (store().folder / str(longer)).write_bytes(b"")  # type: ignore[attr-defined]
    assert segments.check_segments(at=now()) == []
    assert "holds 500 entries, we have 0: the record was put back" in segments.problem()


def test_nothing_happens_without_a_store_or_entries(settings: Settings) -> None:
    assert segments.seal_segments(at=now()) == 0
    record_conversations(3)
    settings.ONRECORD_SEGMENT_STORE = ""
    assert segments.seal_segments(at=now()) == 0
    assert segments.check_segments(at=now()) == []
    assert not Segment.objects.exists()


def command(act: str) -> tuple[str, bool]:
    out = StringIO()
    try:
        call_command("record", "segments", act, stdout=out)
    except SystemExit:
        return out.getvalue(), False
    return out.getvalue(), True


def test_the_command_seals_lists_and_checks(folder: Path, settings: Settings) -> None:
    record_conversations(3)
    assert command("seal") == ("1 segments were sealed.\n", True)
    record(said("more"))
    assert command("seal") == ("1 segments were sealed.\n", True), "asked for, it is due"
    said_of = command("list")[0]
    assert all(row.digest in said_of for row in Segment.objects.all())
    assert command("check") == ("entries 0 to 2: as it was sealed\nentries 3 to 4: as it was sealed\n", True)
    (folder / str(sealed_names()[0])).unlink()
    said_of, is_well = command("check")
    assert "has no file" in said_of and not is_well
    settings.ONRECORD_SEGMENT_STORE = ""
    assert command("seal") == ("There is no segment store: set ONRECORD_SEGMENT_STORE.\n", False)
