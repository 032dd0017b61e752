"""Disposal: what is over cannot be opened again, everything else stays, and the record says so and verifies."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from pytest_django import Settings

from archive import holds, ledger, retention, rotation, search
from archive.keys import KeyDestroyed, KeyStore, existing_keys, open_keystore
from archive.keys.custody import custody_of_settings
from archive.keys.store import ring_of
from archive.ledger.disposals import read_disposals
from archive.models import Document, Entry, RecordKey
from archive.retention import derived, disposing
from tests.archive.disposals import CARL, CORA, NEXT_DAY, OLD, TERM_OVER, bodies, dispose, erase, say
from tests.archive.samples import record, signed_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def no_floor(settings: Settings) -> None:
    settings.ONRECORD_ERASURE_FLOOR_YEARS = 0


def found(words: str) -> int:
    return search.find(search.Query(words=words)).total


def size() -> int:
    return Entry.objects.count()


def wrapping_keys() -> set[str]:
    return set(RecordKey.objects.values_list("bucket", flat=True))


def another_process() -> KeyStore:
    """Return the keys as a process has them that opened them a while ago."""
    folder = django_settings.ONRECORD_KEY_DIR
    return KeyStore(folder, ring=ring_of(folder, custody=custody_of_settings()))


# --- the end of a term -----------------------------------------------------------------------------------------------
# rule: us-finra-4511-retention
def test_what_is_over_goes_and_the_record_says_so_and_verifies() -> None:
    old, young = say("first", "second"), say("later", at=NEXT_DAY)
    running, doomed = another_process(), min(wrapping_keys())
    assert running.bucket_key(doomed)
    done = dispose()
    assert (done.count, bodies([*old, *young])) == (2, [None, None, "later"])
    assert {ledger.open_entry(seq).disposed_by for seq in old} == set(done.recorded_in)
    [said_so] = [ledger.open_entry(seq).content for seq in done.recorded_in]
    assert (said_so["entries"], said_so["count"], said_so["cause"]) == ([[old[0], old[-1]]], 2, "expired")
    assert (said_so["asked_by"], said_so["approved_by"]) == (CARL.as_json(), CORA.as_json())
    assert said_so["buckets"] == {"7y/2019-11-14": 2}
    assert (said_so["keys"], done.keys) == ([doomed], (doomed,))
    assert ledger.open_entry(size() - 1).content["keys"] == [doomed]
    report = ledger.check()
    assert (report.is_sound, report.disposed) == (True, 2)
    assert (found("first"), found("later"), Document.objects.count()) == (0, 1, 1)
    with pytest.raises(KeyDestroyed):
        running.bucket_key(doomed)
    assert existing_keys(django_settings.ONRECORD_KEY_DIR, [doomed]) == []


@pytest.mark.parametrize(
    ("at", "gone"),
    [(TERM_OVER - timedelta(microseconds=1), 0), (TERM_OVER, 1), (TERM_OVER + timedelta(days=1), 2)],
)
def test_nothing_goes_before_its_last_day_is_over(at: datetime, gone: int) -> None:
    seqs = [*say("a"), *say("b", at=NEXT_DAY)]
    assert dispose(at).count == gone
    assert bodies(seqs) == [None] * gone + ["a", "b"][gone:]
    assert ledger.check().is_sound


def test_what_is_kept_for_ever_never_goes() -> None:
    say("old")
    dispose()
    before = size()
    assert dispose(datetime(2099, 1, 1, tzinfo=OLD.tzinfo)).count == 0
    assert size() == before
    assert ledger.check().is_sound


def test_a_disposal_without_anything_to_dispose_of_writes_nothing() -> None:
    say("young", at=NEXT_DAY)
    before = size()
    done = dispose()
    assert (done.count, done.recorded_in, size()) == (0, (), before)


def test_large_disposals_go_in_portions_and_the_key_with_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disposing, "BATCH", 3)
    seqs = say(*(f"message {i}" for i in range(8)))
    progress: list[int] = []
    done = retention.dispose_expired(
        reason="term over", asked_by=CARL, approved_by=CORA, at=TERM_OVER, on_progress=progress.append
    )
    assert (progress, len(done.recorded_in)) == ([3, 6, 8], 3)
    keys = [read_disposals().claims[place].keys for place in range(-3, 0)]
    assert [len(names) for names in keys] == [0, 0, 1]
    assert bodies(seqs) == [None] * 8
    assert ledger.check().disposed == 8


# --- erasure ---------------------------------------------------------------------------------------------------------
# rule: eu-gdpr-erasure
@pytest.mark.usefixtures("no_floor")
def test_one_message_is_erased_and_its_neighbours_get_another_key() -> None:
    seqs = say("before", "please forget", "after")
    old_names = wrapping_keys()
    done = erase((seqs[1], seqs[1]))
    assert bodies(seqs) == ["before", None, "after"]
    assert set(done.keys) == old_names
    assert not old_names & wrapping_keys()
    open_keystore.cache_clear()
    assert bodies(seqs) == ["before", None, "after"]
    assert (found("forget"), found("before")) == (0, 1)
    assert (ledger.check().is_sound, ledger.check().disposed) == (True, 1)


@pytest.mark.usefixtures("no_floor")
def test_survivors_of_a_large_bucket_move_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disposing, "BATCH", 4)
    seqs = say(*(f"message {i}" for i in range(11)))
    done = erase((seqs[5], seqs[6]))
    assert (done.count, len(done.recorded_in), len(wrapping_keys() - {"always/2026-11-15"})) == (2, 1, 1)
    assert bodies(seqs) == [None if i in (5, 6) else f"message {i}" for i in range(11)]
    assert ledger.check().is_sound


def test_nothing_is_erased_below_the_floor(settings: Settings) -> None:
    settings.ONRECORD_ERASURE_FLOOR_YEARS = 3
    seqs = say("kept for three years")
    three_years_on = OLD.replace(year=2022, hour=0, minute=0)
    before = size(), wrapping_keys()
    with pytest.raises(retention.DisposalRefused, match="younger than 3 years"):
        erase((seqs[0], seqs[0]), at=three_years_on)
    assert (size(), wrapping_keys(), bodies(seqs)) == (*before, ["kept for three years"])
    assert erase((seqs[0], seqs[0]), at=three_years_on + timedelta(days=1)).count == 1


@pytest.mark.usefixtures("no_floor")
@pytest.mark.parametrize("days", [0, 1])
def test_todays_and_yesterdays_entries_are_not_touched(days: int) -> None:
    seqs = say("just now")
    with pytest.raises(retention.DisposalRefused, match="from yesterday or today"):
        erase((seqs[0], seqs[0]), at=OLD + timedelta(days=days))
    assert erase((seqs[0], seqs[0]), at=OLD + timedelta(days=2)).count == 1


@pytest.mark.usefixtures("no_floor")
@pytest.mark.parametrize("entries", [[], [(3, 2)], [(0, 4), (3, 2)], [(-1, 0)], [(7000, 8000)]])
def test_an_erasure_of_nothing_is_refused(entries: list[tuple[int, int]]) -> None:
    say("here")
    with pytest.raises(retention.DisposalRefused):
        erase(*entries)
    assert size() == 1


@pytest.mark.usefixtures("no_floor")
def test_the_entries_about_disposals_cannot_be_erased() -> None:
    say("old")
    done = dispose()
    with pytest.raises(retention.DisposalRefused, match="kept for ever"):
        erase((done.recorded_in[0], done.recorded_in[0]), at=TERM_OVER.replace(year=2090))


def test_it_takes_two_people_and_a_reason() -> None:
    seqs = say("old")
    for asked_by, approved_by, reason in ((CARL, CARL, "alone"), (CARL, CORA, " ")):
        with pytest.raises(retention.DisposalRefused):
            retention.dispose_expired(reason=reason, asked_by=asked_by, approved_by=approved_by, at=TERM_OVER)
    assert (size(), bodies(seqs)) == (1, ["old"])


# --- what stays beside -----------------------------------------------------------------------------------------------
def test_a_preview_says_what_would_go_and_changes_nothing() -> None:
    seqs = [*say("goes", "is held", "goes too"), *say("young", at=NEXT_DAY)]
    hold = holds.place(
        holds.Scope(entries=((seqs[1], seqs[1]),)), matter="A v B", reason="letter", by=CARL, at=NEXT_DAY
    )
    before = size(), wrapping_keys()
    preview = retention.preview_expired(TERM_OVER)
    assert (preview.entries, preview.count) == ([(seqs[0], seqs[0]), (seqs[2], seqs[2])], 2)
    assert (preview.buckets, preview.held) == ({"7y/2019-11-14": 2}, {hold.n: 1})
    assert (size(), wrapping_keys(), ledger.check().disposed) == (*before, 0)
    assert dispose().count == preview.count


def test_what_comes_late_for_a_destroyed_bucket_opens_after_a_restart() -> None:
    say("in time")
    dispose()
    late = say("late")
    open_keystore.cache_clear()
    assert bodies(late) == ["late"]
    assert (ledger.check().is_sound, ledger.check().disposed) == (True, 1)
    assert dispose().count == 1
    assert ledger.check().disposed == 2


@pytest.mark.usefixtures("no_floor")
def test_a_rotation_takes_the_new_keys_along() -> None:
    seqs = say("before", "erased", "after")
    erase((seqs[1], seqs[1]))
    rotation.rotate_keys(TERM_OVER)
    assert bodies(seqs) == ["before", None, "after"]
    assert rotation.key_status().missing == ()
    assert ledger.check().is_sound


def test_the_streams_and_their_heads_still_verify() -> None:
    say("old")
    record(signed_in(at=OLD))
    ledger.record_heads(OLD)
    seqs = say("newer", at=NEXT_DAY)
    assert dispose().count == 3
    opened = ledger.read_stream("conversation:7")
    assert [(entry.n, entry.disposed_by is None) for entry in opened] == [(1, False), (2, True)]
    assert bodies(seqs) == ["newer"]
    report = ledger.check()
    assert (report.is_sound, report.disposed) == (True, 3)


# --- stops in between ------------------------------------------------------------------------------------------------
class Stop(Exception):
    """The process ends here."""


@pytest.fixture
def stopping() -> Iterator[list[bool]]:
    """Stop after keys are destroyed and before that is recorded, as long as the list says so."""
    switch = [True]

    def erase_files(_entries: object) -> None:
        if switch[0]:
            raise Stop

    retention.register_files("stopping", erase=erase_files)
    yield switch
    del derived._files["stopping"]


def test_a_disposal_that_was_stopped_is_finished_by_the_sweep(stopping: list[bool]) -> None:
    seqs = say("old")
    with pytest.raises(Stop):
        dispose()
    assert (bodies(seqs), ledger.check().is_sound) == ([None], True)
    before = size()
    stopping[0] = False
    assert len(retention.finish_disposals(TERM_OVER)) == 1
    assert retention.finish_disposals(TERM_OVER) == ()
    assert size() == before + 1
    assert ledger.check().is_sound


def test_a_disposal_that_ended_between_two_portions_is_finished_by_the_sweep(
    stopping: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disposing, "BATCH", 2)
    seqs = say("a", "b", "c")

    def stop(_done: int) -> None:
        raise Stop

    with pytest.raises(Stop):
        retention.dispose_expired(reason="term over", asked_by=CARL, approved_by=CORA, at=TERM_OVER, on_progress=stop)
    assert (bodies(seqs), ledger.check().disposed) == ([None, None, "c"], 2)
    with pytest.raises(Stop):  # files of what went are asked for, though no key is destroyed yet
        retention.finish_disposals(TERM_OVER)
    stopping[0] = False
    assert retention.finish_disposals(TERM_OVER) == ()
    assert read_disposals().unfinished() == []
    assert (dispose().count, ledger.check().disposed) == (1, 3)


def test_keys_that_a_backup_brings_back_are_destroyed_again() -> None:
    say("old")
    [path] = [django_settings.ONRECORD_KEY_DIR / "buckets" / name.replace("/", "_") for name in wrapping_keys()]
    kept = path.read_bytes()
    done = dispose()
    path.write_bytes(kept)
    assert not ledger.check().is_sound
    assert retention.finish_disposals(TERM_OVER) == done.keys
    assert not path.exists()
    assert ledger.check().is_sound


def test_inside_a_transaction_no_disposal_begins() -> None:
    say("old")
    with ledger.transaction(), pytest.raises(RuntimeError, match="commits by itself"):
        dispose()
    assert size() == 1


def test_the_command_shows_what_may_go_and_what_holds_keep(capsys: pytest.CaptureFixture[str]) -> None:
    seqs = say("goes", "held")
    holds.place(holds.Scope(entries=((seqs[1], seqs[1]),)), matter="A v B", reason="letter", by=CARL, at=NEXT_DAY)
    call_command("disposal", "preview")
    shown = capsys.readouterr().out
    assert "1 entries have come to the end" in shown
    assert "kept by hold 1 (A v B): 1" in shown
    dispose()
    call_command("disposal", "finish")
    call_command("disposal", "scrub")
    assert capsys.readouterr().out.splitlines() == ["Keys destroyed: none were left.", "The tables are written anew."]
    call_command("record", "check")
    assert ", 1 of them disposed of." in capsys.readouterr().out
    assert bodies(seqs) == [None, "held"]
