"""The nightly check: when it is due, that one worker runs it however long it takes, and what it leaves behind."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from pytest_django import Settings

from admin_portal import checks
from admin_portal.models import RecordCheck
from archive import guard, ledger
from archive.models import RecordKey
from tests.admin_portal.conftest import Office, say
from tests.invariants import all_entries

TOMORROW = timedelta(days=1)


def nightly() -> list[date | None]:
    return list(RecordCheck.objects.order_by("night").values_list("night", flat=True))


def at_three(settings: Settings, *, zone: str = "UTC", hour: time | None = time(3)) -> None:
    settings.ONRECORD_CHECK_AT, settings.ONRECORD_TIME_ZONE = hour, zone


MOMENTS = [
    ("UTC", "2026-11-21T03:00:00", "2026-11-21T03:00:00"),
    ("UTC", "2026-11-21T02:59:59", "2026-11-20T03:00:00"),
    ("Europe/Berlin", "2026-11-21T02:00:00", "2026-11-21T02:00:00"),
    ("America/New_York", "2026-11-21T07:59:00", "2026-11-20T08:00:00"),
    ("Pacific/Kiritimati", "2026-11-21T23:00:00", "2026-11-21T13:00:00"),
    # The clocks of Europe jump from 02:00 to 03:00, and seven months later from 03:00 back to 02:00.
    ("Europe/Berlin", "2026-03-29T00:59:00", "2026-03-28T02:00:00"),
    ("Europe/Berlin", "2026-03-29T01:00:00", "2026-03-29T01:00:00"),
    ("Europe/Berlin", "2026-10-25T02:00:00", "2026-10-25T02:00:00"),
]


@pytest.mark.parametrize(("zone", "now", "due"), MOMENTS)
def test_the_last_moment_that_was_due(settings: Settings, zone: str, now: str, due: str) -> None:
    at_three(settings, zone=zone)
    assert checks.last_moment(moment(now)) == moment(due)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_skipped_hour_is_the_one_that_the_clocks_jump_to(settings: Settings) -> None:
    at_three(settings, zone="Europe/Berlin", hour=time(2, 30))
    assert checks.last_moment(moment("2026-03-29T12:00:00")) == moment("2026-03-29T01:30:00")


def test_a_new_record_waits_for_its_first_night_and_each_night_has_one_check(
    office: Office, settings: Settings
) -> None:
    at_three(settings)
    began = ledger.began_at()
    assert began is not None
    assert checks.schedule_nightly(at=began) is None, "the record began after the last moment"
    later = began + TOMORROW
    assert checks.schedule_nightly(at=later) is not None
    assert [checks.schedule_nightly(at=later) for _ in range(2)] == [None, None]
    assert checks.schedule_nightly(at=later + TOMORROW) is not None
    assert len(nightly()) == 2


def test_nights_on_which_nothing_ran_are_made_up_for_by_one_check(office: Office, settings: Settings) -> None:
    at_three(settings)
    assert checks.schedule_nightly(at=timezone.now() + timedelta(days=40)) is not None
    assert checks.schedule_nightly(at=timezone.now() + timedelta(days=40)) is None
    assert checks.schedule_nightly(at=timezone.now() + timedelta(days=3)) is None, "a clock that was set back"


def test_turned_off_there_is_no_nightly_check(office: Office, settings: Settings) -> None:
    at_three(settings, hour=None)
    assert checks.schedule_nightly(at=timezone.now() + TOMORROW) is None
    assert checks.last_moment(timezone.now()) is None


# rule: us-sec-17a-4-verify
def test_the_nightly_check_is_an_entry_with_root_size_and_duration(office: Office, settings: Settings) -> None:
    at_three(settings)
    root, size = ledger.latest_checkpoint().root, ledger.latest_checkpoint().size
    checks.schedule_nightly(at=timezone.now() + TOMORROW)
    assert checks.run_due_checks(at=timezone.now() + TOMORROW) == 1
    check = RecordCheck.objects.get()
    assert (check.state, check.is_sound, check.asked_by, check.root) == ("done", True, None, root.hex())
    (entry,) = [entry for entry in all_entries("system") if entry.kind == "record.checked"]
    assert (check.entry, check.size) == (entry.seq, size)
    said = {name: entry.content[name] for name in ("size", "root", "is_sound", "problem_count", "checked")}
    assert said == {"size": size, "root": root.hex(), "is_sound": True, "problem_count": 0, "checked": "full"}
    assert entry.content["actor"] == {"id": "system", "name": "OnRecord", "role": "system"}
    assert entry.content["duration_ms"] == check.duration_ms


def test_one_check_runs_at_a_time_and_one_that_was_left_comes_first(office: Office) -> None:
    first, second = checks.request_check(office.cast.carl), checks.request_check(office.cast.erin)
    now = timezone.now()
    running = checks.claim_check(now)
    assert running == first
    assert checks.run_due_checks(at=now) == 0, "another one runs"
    with pytest.raises(IntegrityError), transaction.atomic():
        RecordCheck.objects.filter(pk=second.pk).update(state="running")


def test_the_one_that_was_left_is_taken_up_first(office: Office) -> None:
    first = checks.request_check(office.cast.carl, at=timezone.now() + TOMORROW)
    second = checks.request_check(office.cast.erin)
    now = timezone.now()
    assert checks.claim_check(now) == second
    assert checks.claim_check(now + TOMORROW * 2) == second
    assert first.pk < second.pk


def test_a_lease_is_renewed_and_tells_how_far_the_check_is(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "RENEW_EVERY_S", 0.0)
    check = checks.request_check(office.cast.carl, at=timezone.now() - TOMORROW)
    seen: list[tuple[int, datetime | None, int]] = []

    def long_check(*, on_progress: Callable[[int, int], None]) -> ledger.CheckReport:
        for done in (1, 2, 3):
            on_progress(done, 4)
            row = RecordCheck.objects.get(pk=check.pk)
            seen.append((row.percent, row.due_at, row.progress_total))
        return ledger.check()

    monkeypatch.setattr(ledger, "check_all", long_check)
    checks.run_due_checks(at=timezone.now() - checks.CHECKS.lease)  # as if it had been taken half an hour ago
    assert [percent for percent, _, _ in seen] == [25, 50, 75]
    assert all(until is not None and until > timezone.now() + checks.CHECKS.lease / 2 for _, until, _ in seen)
    assert RecordCheck.objects.get().state == RecordCheck.DONE


def test_a_worker_that_lost_its_lease_stops_at_the_next_renewal(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "RENEW_EVERY_S", 0.0)
    checks.request_check(office.cast.carl)
    slow = checks.claim_check(timezone.now())
    assert slow is not None
    other = checks.claim_check(timezone.now() + checks.CHECKS.lease * 2)
    assert other is not None
    checks.run_check(slow)
    row = RecordCheck.objects.get()
    assert (row.state, row.lease_token) == (RecordCheck.RUNNING, other.lease_token)


def test_a_check_that_fails_is_tried_again_and_ends_visibly(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    check = checks.request_check(office.cast.carl)
    monkeypatch.setattr(ledger, "check_all", _broken)
    for tries in range(1, checks.CHECKS.most_tries + 1):
        assert [checks.run_due_checks() for _ in range(2)] == [1, 0], "not again before a pause"
        check.refresh_from_db()
        assert (check.state, check.failure) == ("waiting" if tries < checks.CHECKS.most_tries else "failed", "OSError")
        RecordCheck.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
    assert (check.is_settled, check.is_sound) == (True, None)


def _broken(**_: object) -> ledger.CheckReport:
    raise OSError("the disk is gone")


@pytest.mark.breaks_the_record
def test_what_is_found_in_a_database_that_was_put_back_is_shown_though_nothing_can_be_written(
    office: Office, settings: Settings, tmp_path: Path
) -> None:
    settings.ONRECORD_GUARD = tmp_path / "guard" / "checkpoint"
    guard.advance(settings.ONRECORD_GUARD, note=note_of_more(office))
    check = checks_asked_before(office)
    checks.run_due_checks()
    check.refresh_from_db()
    assert (check.state, check.is_sound, check.entry) == ("done", False, None)
    assert "it was put back" in check.problems[0]


def note_of_more(office: Office) -> str:
    """Return a checkpoint of a record that has grown, after taking the growth away again."""
    with transaction.atomic():
        say(office.cast.alice, office.talk, "and one more")
        note = ledger.latest_checkpoint().note
        transaction.set_rollback(True)
    return note


def checks_asked_before(office: Office) -> RecordCheck:
    now = timezone.now()
    return RecordCheck.objects.create(asked_by=office.cast.carl, asked_at=now, due_at=now)


@pytest.mark.breaks_the_record
def test_only_the_first_problems_are_kept_and_all_are_counted(office: Office) -> None:
    say_much = [say(office.cast.alice, office.talk, f"line {i}") for i in range(25)]
    RecordKey.objects.filter(seq__in=[message.seq for message in say_much]).delete()
    check = checks.request_check(office.cast.carl)
    checks.run_due_checks()
    check.refresh_from_db()
    assert len(check.problems) == checks.PROBLEMS_SHOWN < check.problem_count
    (entry,) = [entry for entry in all_entries("system") if entry.kind == "record.checked"]
    assert (entry.content["problem_count"], entry.content["root"]) == (check.problem_count, "")
