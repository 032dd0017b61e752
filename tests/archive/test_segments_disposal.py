"""Segments and disposal: what was destroyed stays destroyed, and what stays comes back with a refill."""

import shutil
from pathlib import Path

import pytest
from django.db import connection, transaction
from pytest_django import Settings

from archive import ledger, retention, search, segments
from archive.keys.store import destroyed_names
from archive.ledger.head import keystore
from archive.models import Document, RecordKey
from archive.segments import record_keys
from archive.segments.bag import Run
from tests.archive.disposals import CARL, CORA, TERM_OVER, bodies, erase, say
from tests.archive.record_reset import fences_down
from tests.archive.segments import now, store
from tests.faults.tampering.history import Dump, restore_dump, take_dump

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Settings) -> Path:
    path = tmp_path / "store"
    path.mkdir()
    settings.ONRECORD_SEGMENT_STORE = f"file://{path}?immutable=no"
    settings.ONRECORD_SEGMENT_S = 0.0
    settings.ONRECORD_GUARD, settings.ONRECORD_GUARD_S = tmp_path / "guard" / "checkpoint", 0.0
    settings.ONRECORD_ERASURE_FLOOR_YEARS = 0
    shutil.rmtree(settings.ONRECORD_KEY_DIR / "records", ignore_errors=True)  # of other tests
    return path


def put_back(dump: Dump) -> None:
    with transaction.atomic(), fences_down(connection):
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        restore_dump(dump)
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def found(words: str) -> int:
    return search.find(search.Query(words=words)).total


def test_the_kept_keys_of_what_stays_are_renewed_before_the_old_ones_are_destroyed(settings: Settings) -> None:
    seqs = say("goes", "stays")
    segments.seal_segments(at=now())
    before = record_keys.read(Run(0, 2)).keys
    erase((seqs[0], seqs[0]))
    kept, gone = record_keys.read(Run(0, 2)).keys, destroyed_names(settings.ONRECORD_KEY_DIR)
    row = RecordKey.objects.get(seq=seqs[1])
    assert seqs[0] not in kept
    assert {name for name, _ in before[seqs[1]]} <= gone
    assert kept[seqs[1]] == [(row.bucket, bytes(row.wrapped))]
    assert row.bucket not in gone


def test_what_was_disposed_of_stays_so_after_an_older_dump_and_a_refill() -> None:
    """The dump has the words, the wrapped keys and the search rows of what was erased later; the keys are destroyed."""
    old = say("erased later", "stays, and is wrapped again")
    dump = take_dump()
    new = say("said and erased after the dump", "said after the dump")
    segments.seal_segments(at=now())
    erase((old[0], old[0]), (new[0], new[0]))
    segments.seal_segments(at=now())
    size = ledger.latest_checkpoint().size
    put_back(dump)
    assert found("erased") == 1, "control: the dump has the words again"
    done = segments.refill(store(), at=now())
    assert (done.before, done.size, done.problem) == (2, size, "")
    assert bodies([*old, *new]) == [None, "stays, and is wrapped again", None, "said after the dump"]
    assert found("erased") == 0
    assert not Document.objects.filter(text__contains="erased").exists()
    report = ledger.check()
    assert (report.is_sound, report.disposed) == (True, 2), report.problems


def test_a_database_that_was_put_back_does_not_take_the_kept_keys_with_it() -> None:
    """The dump is from the middle of a disposal, so the sweep has work to do; another one followed it."""
    seqs = say("erased first", "erased second", "stays")
    segments.seal_segments(at=now())
    dumps: list[Dump] = []
    retention.erase(
        [(seqs[0], seqs[0])],
        reason="asked by the person",
        asked_by=CARL,
        approved_by=CORA,
        at=TERM_OVER,
        on_progress=lambda _: dumps.append(take_dump()),
    )
    erase((seqs[1], seqs[1]))
    segments.seal_segments(at=now())
    kept = record_keys.read(Run(0, 3)).keys
    put_back(dumps[0])
    with pytest.raises(ledger.BehindGuard):
        retention.finish_disposals(TERM_OVER)
    assert record_keys.read(Run(0, 3)).keys == kept
    assert segments.refill(store(), at=now()).problem == ""
    assert bodies(seqs) == [None, None, "stays"]
    assert ledger.check().is_sound


def test_no_entry_is_without_kept_keys_while_a_tail_gives_way_to_segments() -> None:
    """A stop can come at each step, and the database can be lost after it."""
    say(*(f"message {i}" for i in range(8)))
    record_keys.keep(Run(0, 8))
    for run in (Run(0, 5), Run(5, 8)):
        record_keys.keep(run)
        assert record_keys.first_gap(Run(0, 8)) is None
        assert sorted(record_keys.read(Run(0, 8)).keys) == list(range(8))
    assert sorted((run.first, run.size) for run in record_keys.runs()) == [(0, 5), (5, 8)]


def test_kept_keys_that_were_read_before_a_disposal_are_not_written_over_those_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seqs = say("goes", "stays")
    record_keys.keep(Run(0, 1))
    waiting, write = ["the sealing of the tail"], record_keys.replace_key_file

    def write_late(path: Path, content: bytes) -> None:
        if waiting.pop() if waiting else "":
            erase((seqs[0], seqs[0]))
        write(path, content)

    monkeypatch.setattr(record_keys, "replace_key_file", write_late)
    record_keys.keep(Run(0, 2))
    row = RecordKey.objects.get(seq=seqs[1])
    assert record_keys.read(Run(0, 2)).keys == {seqs[1]: [(row.bucket, bytes(row.wrapped))]}


def test_a_segment_opens_nothing_that_was_disposed_of(tmp_path: Path) -> None:
    """Segment, kept keys and key folder together: the ciphertext is there, and no key that opens it."""
    seqs = say("erased")
    segments.seal_segments(at=now())
    kept = dict(record_keys.read(Run(0, 1)).keys)
    erase((seqs[0], seqs[0]))
    for name, _ in kept[seqs[0]]:
        with pytest.raises(ledger.KeyMissing):
            keystore().bucket_key(name)
