"""What the check says of disposals that are none or should not have been, by somebody who goes past the product."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from archive import events, ledger, purging
from archive.ledger import checking
from archive.models import RecordKey
from archive.terms import has_come
from tests.archive.disposals import CARL, CORA, OLD, TERM_OVER, say

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.breaks_the_record]
EVENT = events.Disposal(
    stream=events.DISPOSALS_STREAM,
    actor=CORA,
    at=TERM_OVER,
    cause="expired",
    reason="term over",
    asked_by=CARL,
    approved_by=CORA,
    entries=((0, 1),),
    count=2,
    buckets={"7y/2019-11-14": 2},
    floor_years=7,
    kept_back={},
    keys=(),
)


def dispose(event: events.Disposal, *, of: tuple[int, ...] = (0, 1)) -> ledger.CheckReport:
    """Delete keys and words, record the event, check."""
    with ledger.transaction():
        ledger.record(event)
        purging.delete(of)
    return ledger.check()


def first(report: ledger.CheckReport) -> tuple[int | None, str]:
    return report.problems[0].seq, report.problems[0].what


def test_control_a_disposal_in_order_is_sound() -> None:
    say("a", "b")
    assert dispose(EVENT) == ledger.CheckReport(size=3, is_sound=True, problems=[], disposed=2)


def test_what_was_disposed_of_before_its_time_is_named() -> None:
    say("a", "b")
    seq, what = first(dispose(replace(EVENT, at=TERM_OVER - timedelta(days=1))))
    assert (seq, "before its time, as those up to entry 1" in what) == (0, True), what


def test_an_erasure_below_its_own_floor_is_named() -> None:
    say("a", "b")
    seq, what = first(dispose(replace(EVENT, cause="erasure", floor_years=3, at=OLD.replace(year=2021))))
    assert (seq, "before its time" in what) == (0, True), what


def test_a_disposal_by_one_person_is_named() -> None:
    say("a", "b")
    seq, what = first(dispose(replace(EVENT, approved_by=CARL)))
    assert (seq, "the same person" in what) == (2, True), what


def test_a_disposal_that_took_more_than_it_says_is_named_by_the_first_of_them() -> None:
    say("a", "b", "c")
    seq, what = first(dispose(EVENT, of=(0, 1, 2)))
    assert (seq, "no disposal says so" in what) == (2, True), what


def test_a_disposal_that_names_entries_to_come_is_named() -> None:
    say("a", "b")
    seq, what = first(dispose(replace(EVENT, entries=((0, 1), (2, 5)))))
    assert (seq, "does not come after" in what) == (2, True), what


def test_words_that_stay_behind_a_destroyed_key_are_named() -> None:
    say("a", "b")
    with ledger.transaction():
        ledger.record(EVENT)
        RecordKey.objects.filter(seq__lte=1).delete()
    seq, what = first(ledger.check())
    assert (seq, "words for the search, but the entry's key is gone" in what) == (0, True), what


class BrokenOff(Exception):
    """Somebody stops the check."""


def test_a_check_that_was_broken_off_still_finds_what_was_gone_before_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "BATCH", 2)
    say("a", "b", "c", "d")
    with ledger.transaction():
        purging.delete([1])

    def break_off(done: int, _total: int) -> None:
        if done == 2:
            raise BrokenOff

    with pytest.raises(BrokenOff):
        ledger.check(place=ledger.PlaceFile(tmp_path / "place", every_pages=1), on_progress=break_off)
    assert (tmp_path / "place").exists()
    seq, what = first(ledger.check(place=ledger.PlaceFile(tmp_path / "place", every_pages=1)))
    assert (seq, "no disposal says so" in what) == (1, True), what


@pytest.mark.parametrize(
    ("bucket", "today", "floor", "expected"),
    [
        ("7y/2019-11-14", "2026-11-14", None, False),
        ("7y/2019-11-14", "2026-11-15", None, True),
        ("7y/2020-02-29", "2027-03-01", None, False),
        ("7y/2020-02-29", "2027-03-02", None, True),
        ("7y/2019-11-14", "2019-11-15", 0, False),
        ("7y/2019-11-14", "2019-11-16", 0, True),
        ("7y/2019-11-14", "2026-11-15", 99, True),  # a floor is never later than the term
        ("always/2019-11-14", "2999-01-01", 0, False),
        ("upload/2019-11-14", "2999-01-01", 0, False),
        ("7y/2019-13-14", "2999-01-01", 0, False),
        ("", "2999-01-01", 0, False),
        ("99y/9990-01-01", "9999-12-31", None, False),
        ("7y/9999-12-31", "9999-12-31", 0, False),
    ],
)
def test_the_name_of_a_bucket_says_when_its_time_has_come(
    bucket: str, today: str, floor: int | None, *, expected: bool
) -> None:
    assert has_come(bucket, today=datetime.fromisoformat(today).date(), floor_years=floor) is expected
