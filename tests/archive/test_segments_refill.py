"""Refill: a database that was put back gets its entries again from the segment store, and the ledger writes on.

The dump that is restored is a real one of all tables of the record, with the fences down, as its owner would do it.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from pytest_django import Settings

from archive import evidence, guard, ledger, segments
from archive.ledger.head import keystore
from archive.models import Document, RecordKey, Segment, Witnessed
from archive.segments import record_keys
from archive.segments.bag import Run
from archive.segments.names import SegmentName
from archive.segments.standing import stored_names
from archive.witness.keeper import Witness
from tests.archive.record_reset import fences_down
from tests.archive.samples import record, record_conversations, said
from tests.archive.segments import now, store, tar_of
from tests.archive.test_evidence import serving
from tests.faults.tampering.history import Dump, empty_record, restore_dump, take_dump

pytestmark = pytest.mark.django_db
OTHER = b"a good segment under another name"


NESTED = tar_of(("bag/a", b"x"), ("bag/a/b", b"x"))  # a file where another one needs a folder


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Settings) -> Path:
    """A store, and a guard of this test's own; no record keys that another test left in the shared key folder."""
    shutil.rmtree(settings.ONRECORD_KEY_DIR / record_keys.FOLDER, ignore_errors=True)
    path = tmp_path / "store"
    path.mkdir()
    settings.ONRECORD_SEGMENT_STORE = f"file://{path}?immutable=no"
    settings.ONRECORD_SEGMENT_S = 0.0
    settings.ONRECORD_GUARD, settings.ONRECORD_GUARD_S = tmp_path / "guard" / "checkpoint", 0.0
    return path


def keep_guard(settings: Settings) -> None:
    """What each commit does; the test itself never commits."""
    guard.advance(settings.ONRECORD_GUARD, note=ledger.latest_checkpoint().note)


def put_back(dump: Dump) -> None:
    with fences_down(connection):
        _defer()
        restore_dump(dump)
        _settle()


def _defer() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def _settle() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def leaves(size: int) -> list[str]:
    return [ledger.leaf_text(seq) for seq in range(size)]


def refill() -> tuple[str, bool]:
    out = StringIO()
    try:
        call_command("record", "refill", stdout=out)
    except SystemExit:
        return out.getvalue(), False
    return out.getvalue(), True


@contextmanager
def lost(settings: Settings, *, before: int, after: int) -> Iterator[list[str]]:
    """Record, dump, record more, seal, and put the dump back. Gives the leaves that there were."""
    record_conversations(before)
    dump = take_dump()
    record(*(said(f"after the dump {i}") for i in range(after)))
    segments.seal_segments(at=now())
    keep_guard(settings)
    were = leaves(ledger.latest_checkpoint().size)
    put_back(dump)
    yield were


# rule: us-sec-17a-4-redundancy
def test_an_old_dump_is_refused_refilled_and_written_to_again(settings: Settings) -> None:
    with lost(settings, before=20, after=300) as were:
        with pytest.raises(ledger.BehindGuard):
            ledger.confirm_identity()
        with pytest.raises(ledger.BehindGuard):
            record(said("not yet"))
        said_of, is_well = refill()
    assert is_well, said_of
    assert "The record had 20 entries and has 321; 2 segments were taken." in said_of, "one sealed, and the tail"
    assert leaves(321) == were
    ledger.confirm_identity()
    record(said("it goes on"))
    report = ledger.check_all()
    assert report.is_sound, report.problems
    entry = ledger.open_entry(321)
    assert (entry.kind, entry.content["before"], entry.content["size"]) == ("record.refilled", 20, 321)
    assert ledger.open_entry(100).content["body"].startswith("after the dump")  # type: ignore[union-attr]
    assert Document.objects.filter(text="after the dump 7").count() == 1, "searches find it again"


def test_what_was_sealed_before_the_dump_is_not_needed_and_may_be_gone(settings: Settings, folder: Path) -> None:
    record(*(said(f"before {i}") for i in range(300)))
    segments.seal_segments(at=now())
    (first,) = [name for name in stored_names(store()) if name.first == 0]
    with lost(settings, before=30, after=10) as were:
        (folder / str(first)).unlink()
        assert refill()[1]
    assert leaves(len(were)) == were
    assert ledger.check().is_sound


def test_an_emptied_database_is_refilled_from_the_first_entry_on(settings: Settings) -> None:
    record_conversations(40)
    segments.seal_segments(at=now())
    keep_guard(settings)
    were = leaves(41)
    with fences_down(connection):
        _defer()
        empty_record()
        _settle()
    assert refill()[1]
    assert leaves(41) == were
    assert ledger.check().is_sound
    row = Segment.objects.get()
    assert (row.first, row.size, row.sealed_at is not None) == (0, 40, True), "the work goes on where it was"


def test_kept_keys_of_another_past_do_not_stand_in_the_way(settings: Settings) -> None:
    """After a loss was accepted, the files of what was lost are still there, for the same numbers."""
    record_conversations(5)
    dump = take_dump()
    record(*(said(f"the lost past {i}") for i in range(20)))
    segments.seal_segments(at=now())
    keep_guard(settings)
    put_back(dump)
    call_command("record", "break", "--reason", "The disk and the store burned.", stdout=StringIO())
    for name in stored_names(store()):
        store().remove_tail(str(name))
    dump = take_dump()
    record(*(said(f"what came instead {i}") for i in range(9)))
    segments.seal_segments(at=now())
    keep_guard(settings)
    put_back(dump)
    said_of, is_well = refill()
    assert is_well and "cannot be opened" not in said_of
    assert ledger.check().is_sound


def test_what_no_segment_holds_is_still_missing_and_can_be_accepted_as_lost(settings: Settings) -> None:
    record_conversations(10)
    dump = take_dump()
    record(said("sealed"))
    segments.seal_segments(at=now())
    record(said("too late for the tail"))
    keep_guard(settings)
    put_back(dump)
    said_of, is_well = refill()
    assert not is_well
    assert "has 12; " in said_of
    assert "ends at entry 12, but 13 entries were committed" in said_of
    call_command("record", "break", "--reason", "The last minute is lost.", stdout=StringIO())
    record(said("it goes on"))
    assert ledger.check().is_sound


def test_nothing_is_written_where_nothing_can_be_taken(settings: Settings) -> None:
    record_conversations(10)
    segments.seal_segments(at=now())
    with pytest.raises(CommandError, match="nothing after the 11 entries"):
        refill()
    settings.ONRECORD_SEGMENT_STORE = ""
    with pytest.raises(CommandError, match="There is no segment store"):
        refill()


@pytest.mark.parametrize("place", [0.2, 0.5, 0.8])
def test_a_changed_segment_is_not_taken(settings: Settings, folder: Path, place: float) -> None:
    with lost(settings, before=20, after=30):
        for path in folder.iterdir():
            data = bytearray(path.read_bytes())
            data[int(len(data) * place)] ^= 1
            path.chmod(0o644)
            path.write_bytes(bytes(data))
        with pytest.raises(CommandError, match=r"verify|unpacked"):
            refill()
    assert ledger.latest_checkpoint().size == 20


def test_a_segment_under_another_name_is_not_taken(settings: Settings, folder: Path) -> None:
    with lost(settings, before=20, after=30):
        for name in stored_names(store()):
            forged = SegmentName(size=name.size + 5, first=name.first, root=name.root, kind=name.kind)
            (folder / str(name)).rename(folder / str(forged))
        with pytest.raises(CommandError, match=r"another name|not unpacked|does not hold|does not verify"):
            refill()


@pytest.mark.parametrize(("kind", "content"), [("segment", b""), ("tail", NESTED), ("segment", OTHER)])
def test_a_bad_file_in_the_store_does_not_keep_the_good_ones_away(
    settings: Settings, folder: Path, kind: str, content: bytes
) -> None:
    with lost(settings, before=20, after=30) as were:
        (good,) = [name for name in stored_names(store()) if name.kind == "segment"]
        bad = SegmentName(size=900, first=good.first, root="0" * 16, kind=kind)
        (folder / str(bad)).write_bytes(content if content is not OTHER else (folder / str(good)).read_bytes())
        said_of, is_well = refill()
    assert is_well, said_of
    assert said_of.count("Not taken: ") == said_of.count(f"Not taken: {bad}: It ") == 1
    assert leaves(len(were)) == were


def seal_a_fork(settings: Settings) -> Dump:
    """Seal twenty entries, then go on from the tenth with five others, which the guard learns; return the tenth's."""
    record_conversations(10)
    fork = take_dump()
    record(*(said(f"the fork {i}") for i in range(10)))
    segments.seal_segments(at=now())
    put_back(fork)
    record(*(said(f"the truth {i}") for i in range(5)))
    keep_guard(settings)
    return fork


def test_a_record_that_the_database_contradicts_is_not_taken(settings: Settings) -> None:
    """A fork signed with the stolen log key: its segments verify, but they do not continue what is here."""
    seal_a_fork(settings)
    with pytest.raises(CommandError, match="first 15 entries are not those of the database"):
        refill()
    assert ledger.latest_checkpoint().size == 15


def test_a_record_that_the_guard_contradicts_is_not_taken(settings: Settings) -> None:
    fork = seal_a_fork(settings)
    put_back(fork)
    with pytest.raises(CommandError, match="the guard knows another record of 15 entries"):
        refill()


def test_a_record_that_a_witness_contradicts_is_not_taken(settings: Settings, tmp_path: Path) -> None:
    """The thief of the log key cannot make the witness's signature fit the forged record."""
    record_conversations(10)
    ours = Witness(tmp_path / "witness", name="auditor.example/witness", logs=[ledger.verifier_key()])
    with serving(ours) as url:
        settings.ONRECORD_WITNESSES = [f"{ours.verifier_key()} {url}"]
        dump = take_dump()
        record(said("one"))
        evidence.collect_cosignatures(at=now())
        segments.seal_segments(at=now())
        keep_guard(settings)
        put_back(dump)
        said_of, is_well = refill()
        assert is_well and "Witnesses signed the first 11" in said_of
        assert Witnessed.objects.get().size == 11
        assert evidence.status(at=now()).problems == ()
    other = Witness(tmp_path / "other", name="auditor.example/witness")
    settings.ONRECORD_WITNESSES = [f"{other.verifier_key()} {url}"]
    put_back(dump)
    with pytest.raises(CommandError, match="has a cosignature that is none"):
        refill()


def test_a_tail_that_was_left_behind_does_not_stand_in_for_a_sealed_segment(settings: Settings, folder: Path) -> None:
    """A stop between sealing and clearing up: old tail and new segment hold the same entries."""
    record_conversations(5)
    segments.seal_segments(at=now())
    dump = take_dump()
    settings.ONRECORD_SEGMENT_S = 1e6
    record(said("one"))
    segments.seal_segments(at=now())
    (tail,) = [path for path in folder.iterdir() if path.name.startswith("tail-")]
    left_behind = tail.read_bytes()
    settings.ONRECORD_SEGMENT_S = 0.0
    record(said("two"))
    segments.seal_segments(at=now())
    tail.write_bytes(left_behind)
    keep_guard(settings)
    put_back(dump)
    assert refill()[1]
    taken = ledger.open_entry(ledger.latest_checkpoint().size - 1).content["segments"]
    assert isinstance(taken, list) and [str(name)[:8] for name in taken] == ["segment-", "tail-000"]
    record(said("it goes on"))
    assert segments.seal_segments(at=now()) == 1


def test_without_the_kept_names_and_keys_nothing_is_taken(settings: Settings) -> None:
    """The key folder was put back with the database: what came back could not be opened by anybody."""
    with lost(settings, before=5, after=5):
        for path in (settings.ONRECORD_KEY_DIR / "records").iterdir():
            path.unlink()
        with pytest.raises(CommandError, match="no record keys from entry 5 on"):
            refill()
    assert ledger.latest_checkpoint().size == 5


@pytest.mark.breaks_the_record
def test_an_entry_whose_key_alone_is_gone_comes_back_and_is_named_by_the_check(settings: Settings) -> None:
    with lost(settings, before=5, after=5):
        for path in (settings.ONRECORD_KEY_DIR / "records").iterdir():
            lines = path.read_text().splitlines(keepends=True)
            path.write_text("".join(line for line in lines if not line.startswith("key 7 ")))
        said_of, is_well = refill()
    assert is_well and "1 of them, from entry 7 on, cannot be opened" in said_of
    assert ledger.check().problems[0].seq == 7


def test_the_kept_keys_are_wrapped_and_go_with_what_wraps_them(settings: Settings) -> None:
    """What lies in the key folder opens nothing by itself."""
    record_conversations(10)
    segments.seal_segments(at=now())
    kept = record_keys.read(Run(0, 10))
    assert sorted(kept.keys) == list(range(10))
    rows = {row.seq: bytes(row.wrapped) for row in RecordKey.objects.filter(seq__lt=10)}
    assert all((wrapped in [key for _, key in kept.keys[seq]]) for seq, wrapped in rows.items())
    files = [path.read_bytes() for path in (settings.ONRECORD_KEY_DIR / "records").iterdir()]
    buckets = {name for keys in kept.keys.values() for name, _ in keys}
    assert not [name for name in buckets for data in files if keystore().bucket_key(name) in data]


def test_a_refill_can_be_asked_of_another_store(settings: Settings, folder: Path, tmp_path: Path) -> None:
    with lost(settings, before=5, after=5) as were:
        moved = tmp_path / "moved"
        folder.rename(moved)
        settings.ONRECORD_SEGMENT_STORE = ""
        call_command("record", "refill", f"file://{moved}", stdout=StringIO())
    assert leaves(len(were)) == were


def test_a_guard_that_lags_behind_the_tail_is_found_in_the_record_again(settings: Settings) -> None:
    record_conversations(5)
    dump = take_dump()
    record(said("one"))
    keep_guard(settings)
    record(said("two"), said("three"))
    segments.seal_segments(at=now())
    put_back(dump)
    assert refill()[1]
    record(said("it goes on"))
    assert ledger.check().is_sound
