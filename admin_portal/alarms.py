"""Alarms about the record: what raises them, what ends them, and the acknowledgement that one of them needs.

An alarm stays on every page of those who may see the record's state until it is over and an officer has said what was
done; what an acknowledged one finds anew is told again and needs an officer again. It must not depend on the record
being writable, and must not be silenced by anything but those two.
"""

import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from admin_portal.access import require
from admin_portal.checks import last_moment
from admin_portal.models import Alarm, RecordCheck
from archive import events, ledger
from archive.catalog import catalog_problem
from archive.evidence import status as evidence_status
from archive.outbox import Outbox, nudge, registered
from archive.retention import unfinished_problem
from messenger.people.errors import Conflict, Invalid, NotFound
from messenger.people.models import Person

log = structlog.get_logger(__name__)
LATE_AFTER = timedelta(hours=36)
# Witnesses and authorities may be away for a while, and a carrier's report resolves most doubts about a text within
# minutes; that is no reason to wake anybody.
PATIENCE = {Alarm.EVIDENCE: timedelta(hours=1), Alarm.PARKED: timedelta(minutes=10)}
MOST_TOLD = 500
MAILS = "alarm_mails"  # the outbox that every alarm is put into
# What differs in two sentences about one trouble with a source: how often it was tried, where a library kept something;
# and how much of one kind is parked.
_PASSING = re.compile(r"0x[0-9a-f]+|\d+")
SHORTEST_REASON, LONGEST_REASON = 10, 300
Problems = tuple[str, ...]
TITLES = {
    Alarm.CHECK: "A check of the record found something wrong",
    Alarm.LATE: "The record has not been checked",
    Alarm.GUARD: "The database of the record was put back",
    Alarm.FENCES: "Fences of the database were moved",
    Alarm.EVIDENCE: "Evidence from outside is missing",
    Alarm.DISPOSAL: "A disposal is not finished",
    Alarm.PARKED: "Work is parked and waits for a person",
}


def watch(*, at: datetime) -> None:
    """Raise what must be raised and note what is over. Safe to call again, and at once by several processes."""
    for kind, look in LOOKS.items():
        _settle(kind, _problems(look, at), at=at)


def _problems(look: Callable[[datetime], Problems], at: datetime) -> Problems:
    try:
        with transaction.atomic():
            return look(at)
    except Exception as error:  # what cannot be looked at is nothing to be silent about, and the other looks go on
        log.exception("look_failed", look=look.__name__)
        return (f"It cannot be seen whether all is well ({type(error).__name__}); the log says more.",)


def open_alarms(by: Person) -> list[Alarm]:
    """Return the alarms that this person must see, oldest first; none for those who may not know the record's state."""
    return list(raised().select_related("acknowledged_by")) if by.can("record.status") else []


def access_alarm(by: Person, alarm_id: int) -> Alarm:
    alarm = raised().filter(pk=alarm_id).first() if by.can("record.status") else None
    if alarm is None:
        raise NotFound
    return alarm


def acknowledge(
    by: Person, *, alarm_id: int, reason: str, seen: int | None = None, at: datetime | None = None
) -> Alarm:
    """Say that an alarm was seen and what is done about it; it goes once it is over as well. An entry of its own.

    `seen` is how many sentences it had told when it was read, where that is known. Raises NotFound, Invalid, Conflict.
    """
    at, reason = at or timezone.now(), reason.strip()
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        raise Invalid("reason", f"Say what was found and done, in {SHORTEST_REASON} to {LONGEST_REASON} characters.")
    try:
        with ledger.transaction():
            by = require(by, "alarms.acknowledge")
            return _acknowledge(by, alarm_id=alarm_id, reason=reason, seen=seen, at=at)
    except (ledger.ForeignRecord, ledger.KeyMissing) as error:
        raise Conflict(None, f"The record cannot be written to, so this cannot be recorded yet. {error}") from error


def _acknowledge(by: Person, *, alarm_id: int, reason: str, seen: int | None, at: datetime) -> Alarm:
    alarm = access_alarm(by, alarm_id)
    if seen is not None and seen != len(alarm.told):
        raise Conflict(None, "This alarm has found something new meanwhile. Read it, then acknowledge it.")
    if alarm.acknowledged_at is not None:
        raise Conflict(None, "Somebody has acknowledged this alarm already.")
    ledger.record(
        events.AlarmAcknowledged(
            stream="system",
            actor=by.as_actor(),
            at=at,
            alarm=alarm.kind,
            raised_at=(alarm.raised_at or alarm.first_seen_at).isoformat(timespec="milliseconds"),
            problems=tuple(alarm.problems),
            reason=reason,
        )
    )
    alarm.acknowledged_by, alarm.acknowledged_at, alarm.reason = by, at, reason
    alarm.save(update_fields=["acknowledged_by", "acknowledged_at", "reason"])
    return alarm


# --- what raises an alarm --------------------------------------------------------------------------------------------
def _of_checks(at: datetime) -> Problems:
    settled = RecordCheck.objects.filter(state__in=(RecordCheck.DONE, RecordCheck.FAILED))
    last = settled.order_by("-done_at", "-pk").first()
    if last is None or last.is_sound:
        return ()
    if last.state == RecordCheck.FAILED:
        return (f"A check of the record did not come to its end ({last.failure or 'nothing was noted'}).",)
    # The number too, so that what is found beyond the first ones is something new.
    more = (f"{last.problem_count} problems in all.",) if last.problem_count > len(last.problems) else ()
    return (*last.problems, *more)


def _of_lateness(at: datetime) -> Problems:
    began = ledger.began_at()
    if last_moment(at) is None or began is None:
        return ()
    done = RecordCheck.objects.filter(state=RecordCheck.DONE).order_by("-done_at").values_list("done_at", flat=True)
    last = done.first() or began
    if at - last <= LATE_AFTER:
        return ()
    return (f"No full check of the record has come to its end since {last:%Y-%m-%d %H:%M} UTC.",)


def _of_guard(_at: datetime) -> Problems:
    problem = ledger.guard_problem()
    return (problem,) if problem else ()


def _of_fences(_at: datetime) -> Problems:
    problem = catalog_problem()
    return (problem,) if problem else ()


def _of_evidence(at: datetime) -> Problems:
    """Where sources are set up: what is wrong with them, and that none of them holds the record any more.

    A firm that has set up none is told so on the page Record; an alarm that can only be ended by buying something
    would be one that people learn to overlook.
    """
    found = evidence_status(at=at)
    if not any(kind.sources for kind in found.kinds):
        return ()
    others = {ledger.guard_problem(), catalog_problem()}  # alarms of their own
    problems = tuple(problem for problem in found.problems if problem not in others)
    nobody = ("Nobody outside holds a checkpoint of this record that is less than a day old.",)
    return (*nobody, *problems) if found.level == "red" else problems


def _of_disposals(at: datetime) -> Problems:
    problem = unfinished_problem(at)
    return (problem,) if problem else ()


def _of_parked(_at: datetime) -> Problems:
    counted = [(box.title, _parked_in(box).count()) for box in registered()]
    return tuple(f"{title}: {count} on the page Parked, after the last try." for title, count in counted if count)


def _parked_in(box: Outbox[Any]) -> QuerySet[Any]:  # Any: of whichever rows
    """Return what is parked there, but for the mail about what is parked: else each end of it would be its next cause,
    for as long as the mail server is away. Its end is on the page Parked and beside the alarm.
    """
    rows = box.parked_rows()
    return rows.exclude(kind=Alarm.PARKED) if box.name == MAILS else rows


LOOKS: dict[str, Callable[[datetime], Problems]] = {
    Alarm.CHECK: _of_checks,
    Alarm.LATE: _of_lateness,
    Alarm.GUARD: _of_guard,
    Alarm.FENCES: _of_fences,
    Alarm.EVIDENCE: _of_evidence,
    Alarm.DISPOSAL: _of_disposals,
    Alarm.PARKED: _of_parked,
}


# --- how it goes on --------------------------------------------------------------------------------------------------
def _settle(kind: str, problems: Problems, *, at: datetime) -> None:
    try:
        with transaction.atomic():
            alarm = _open().select_for_update().filter(kind=kind).first()
            if alarm is None:
                _begin(kind, problems, at=at)
            elif problems:
                _go_on(alarm, problems, at=at)
            else:
                _end(alarm, at=at)
    except IntegrityError:  # another process was first
        return


def _begin(kind: str, problems: Problems, *, at: datetime) -> None:
    if problems:
        raised_at = None if kind in PATIENCE else at
        Alarm.objects.create(
            kind=kind,
            first_seen_at=at,
            raised_at=raised_at,
            problems=list(problems),
            told=_gists(kind, problems),
            due_at=at,
        )
        if raised_at is not None:
            nudge(MAILS)


def _go_on(alarm: Alarm, problems: Problems, *, at: datetime) -> None:
    told = alarm.told or _gists(alarm.kind, alarm.problems)
    news = [gist for gist in _gists(alarm.kind, problems) if gist not in told]
    alarm.problems, alarm.told = list(problems), [*told, *news][-MOST_TOLD:]
    if news:  # whoever has acknowledged it did not know of these
        alarm.acknowledged_by, alarm.acknowledged_at, alarm.reason = None, None, ""
    if news or alarm.cleared_at is not None:  # or it was over, not acknowledged, and is here again: it is told again
        alarm.cleared_at, alarm.mailed_at, alarm.parked_at = None, None, None
        alarm.due_at, alarm.lease_token, alarm.tries = at, None, 0
    if alarm.raised_at is None and at - alarm.first_seen_at >= PATIENCE[alarm.kind]:
        alarm.raised_at = alarm.due_at = at
    if alarm.raised_at is not None and alarm.due_at == at:
        nudge(MAILS)
    alarm.save()


def _end(alarm: Alarm, *, at: datetime) -> None:
    if alarm.raised_at is None:
        alarm.delete()
    elif alarm.cleared_at is None:
        alarm.cleared_at = at
        alarm.save(update_fields=["cleared_at"])


def _gists(kind: str, problems: Iterable[str]) -> list[str]:
    """Return what each problem says. Sources fail in the same way with other numbers; an entry's number is the news."""
    gists = [_PASSING.sub("#", problem) if kind in PATIENCE else problem for problem in problems]
    return list(dict.fromkeys(gists))


def _open() -> QuerySet[Alarm]:
    return Alarm.objects.filter(Q(cleared_at=None) | Q(acknowledged_at=None))


def raised() -> QuerySet[Alarm]:
    """Return the alarms that are on, or over and not acknowledged yet."""
    return _open().exclude(raised_at=None)
