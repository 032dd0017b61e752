"""Checks of the whole record: the nightly one, those that somebody asks for, and the one worker that runs them.

A row is the truth about a check; its lease is renewed while it runs, so that a check of many hours has one worker, and
one whose worker died is taken up. No content here.
"""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from functools import partial
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from admin_portal.access import require
from admin_portal.models import RecordCheck
from archive import events, ledger
from archive.events import SYSTEM, Actor
from archive.outbox import Backoff, Hold, Outbox
from archive.outbox import register as register_outbox
from messenger.people.models import Person

PROBLEMS_SHOWN = 20
RENEW_EVERY_S = 5.0
log = structlog.get_logger(__name__)


def _date_failure(check: RecordCheck, _why: str, at: datetime) -> None:
    RecordCheck.objects.filter(pk=check.pk).update(done_at=at)


# One that is given up is not among the rows: the next one makes up for it, and an alarm of its own tells.
CHECKS = Outbox[RecordCheck](
    name="checks",
    title="Checks of the record",
    task="admin_portal.check_record",
    rows=lambda: RecordCheck.objects.filter(state__in=(RecordCheck.WAITING, RecordCheck.RUNNING)),
    describe=lambda check: f"Check {check.pk}",
    lease=timedelta(minutes=30),
    most_tries=3,
    backoff=Backoff(first=timedelta(seconds=20), longest=timedelta(minutes=10)),
    when_waiting={"state": RecordCheck.WAITING},
    when_leased={"state": RecordCheck.RUNNING},
    when_parked={"state": RecordCheck.FAILED},
    on_parked=_date_failure,
)


def register() -> None:
    register_outbox(CHECKS)


def request_check(by: Person, *, at: datetime | None = None) -> RecordCheck:
    """Ask for a full check; asking again while one's own runs gives that one.

    Also where the record cannot be written to: then a check is needed most, and a demotion is no entry either.
    """
    at = at or timezone.now()
    try:
        with ledger.transaction():
            return _request(by, at=at)
    except (ledger.ForeignRecord, ledger.KeyMissing):
        with transaction.atomic():
            return _request(by, at=at)


def _request(by: Person, *, at: datetime) -> RecordCheck:
    by = require(by, "record.status")
    running = RecordCheck.objects.filter(asked_by=by, state__in=(RecordCheck.WAITING, RecordCheck.RUNNING))
    known = running.first()
    if known is not None:
        return known
    CHECKS.nudge()
    return RecordCheck.objects.create(asked_by=by, asked_at=at, due_at=at)


# rule: us-sec-17a-4-verify
def schedule_nightly(*, at: datetime) -> RecordCheck | None:
    """Put tonight's check in line once its time has come; None where there is nothing to do. Safe to call again.

    A night on which nothing ran is made up for at the next start. The first night is the one after the first entry.
    """
    moment = last_moment(at)
    began = ledger.began_at()
    if moment is None or began is None or began > moment:
        return None
    night = moment.astimezone(zone()).date()
    if RecordCheck.objects.filter(night__gte=night).exists():
        return None
    try:
        with transaction.atomic():
            return RecordCheck.objects.create(night=night, asked_at=at, due_at=at)
    except IntegrityError:  # another process was first
        return None


def last_moment(at: datetime) -> datetime | None:
    """Return when the nightly check was due last, None where it is turned off."""
    hour: time_of_day | None = settings.ONRECORD_CHECK_AT
    if hour is None:
        return None
    today = at.astimezone(zone()).date()
    due = _moment(today, hour)
    return due if due <= at else _moment(today - timedelta(days=1), hour)


def zone() -> ZoneInfo:
    return ZoneInfo(settings.ONRECORD_TIME_ZONE)


def run_due_checks(*, at: datetime | None = None, after_each: Callable[[], object] = lambda: None) -> int:
    """Run every check that is due, one after the other; returns how many. One runs at a time, on whatever machine.

    `after_each` looks at what a check found before the next one can find otherwise.
    """
    done = 0
    while check := claim_check(at or timezone.now()):
        run_check(check)
        after_each()
        done += 1
    return done


def run_check(check: RecordCheck) -> None:
    """Run one claimed check and record what it found. One that fails is tried again, and at last ends visibly."""
    CHECKS.work_on(check, _run, now=timezone.now)


def _run(check: RecordCheck) -> None:
    began = time.monotonic()
    hold = Hold(CHECKS, check, every_s=RENEW_EVERY_S)
    report = ledger.check_all(on_progress=lambda done, total: hold.go_on(progress_done=done, progress_total=total))
    _finish(check, report, duration_ms=round((time.monotonic() - began) * 1000))


def claim_check(at: datetime) -> RecordCheck | None:
    """Lease the check to be run now, None where none is due or another one runs."""
    running = CHECKS.rows().filter(state=RecordCheck.RUNNING)
    try:
        # One runs at a time, so that what its worker left comes before all that waits.
        return CHECKS.claim(at=at, among=running if running.exists() else None)
    except IntegrityError:  # another check runs
        return None


def _finish(check: RecordCheck, report: ledger.CheckReport, *, duration_ms: int) -> None:
    problems = [_sentence(problem) for problem in report.problems[:PROBLEMS_SHOWN]]
    root = ledger.Prover(report.size).root().hex() if report.is_sound else ""
    at = timezone.now()
    event = events.RecordChecked(
        stream="system",
        actor=_actor(check),
        at=at,
        size=report.size,
        is_sound=report.is_sound,
        problems=tuple(problems),
        problem_count=len(report.problems),
        root=root,
        duration_ms=duration_ms,
    )
    settle = partial(
        CHECKS.finish,
        check,
        state=RecordCheck.DONE,
        done_at=at,
        size=report.size,
        root=root,
        is_sound=report.is_sound,
        problems=problems,
        problem_count=len(report.problems),
        duration_ms=duration_ms,
    )
    try:
        with ledger.transaction():
            settle()
            receipt = ledger.record(event)
            RecordCheck.objects.filter(pk=check.pk).update(entry=receipt.seq)
    except (ledger.ForeignRecord, ledger.KeyMissing):
        # Nothing can be written to a record that was put back or cannot be signed; what was found must still be seen.
        log.exception("check_not_recorded", check=check.pk)
        settle()


def _actor(check: RecordCheck) -> Actor:
    return check.asked_by.as_actor() if check.asked_by else SYSTEM


def _moment(day: date, hour: time_of_day) -> datetime:
    # An hour that the clocks skip is the same moment as the one that they jump to.
    return datetime.combine(day, hour, tzinfo=zone()).astimezone(UTC)


def _sentence(problem: ledger.Problem) -> str:
    where = "The record as a whole" if problem.seq is None else f"Entry {problem.seq}"
    return f"{where}: {problem.what}"
