"""The review queue: messages that members reported. A decision is about the message: it settles all its open reports.

Nobody decides on their own words, nor in a conversation they are or were a member of. Opening is not reviewing: the
look is one entry, the decision another one, with its reason.
"""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from admin_portal.access import access_report, require, visible_reports
from admin_portal.exports import clean_reason
from admin_portal.looks import Look, look_at
from archive import events, ledger
from messenger.conversations.models import Message, MessageReport
from messenger.conversations.moderation import REASONS, remove_message
from messenger.people.errors import Conflict, NotFound
from messenger.people.models import Person

PAGE_SIZE = 25


@dataclass(frozen=True)
class QueuePage:
    """Reports oldest first; `next_after` continues the list. `hidden`: how many wait for somebody else."""

    reports: list[MessageReport]
    next_after: int | None
    hidden: int


def open_reports(by: Person, *, after: int | None = None) -> QueuePage:
    """Return one page of what waits for this reviewer, without any content."""
    if not by.can("reports.view"):
        raise NotFound
    waiting = visible_reports(by).filter(state=MessageReport.OPEN).order_by("pk")
    rows = list(waiting.filter(pk__gt=after or 0)[: PAGE_SIZE + 1])
    return QueuePage(
        reports=rows[:PAGE_SIZE],
        next_after=rows[PAGE_SIZE - 1].pk if len(rows) > PAGE_SIZE else None,
        hidden=MessageReport.objects.filter(state=MessageReport.OPEN).count() - waiting.count(),
    )


def decided_reports(by: Person, *, limit: int = PAGE_SIZE) -> list[MessageReport]:
    """Return the last decisions that this person may see, newest first."""
    rows = visible_reports(by).exclude(state=MessageReport.OPEN).order_by("-decided_at", "-pk")
    return list(rows[:limit])


def open_report(by: Person, *, report_id: int, at: datetime | None = None) -> tuple[MessageReport, Look]:
    """Show a reported message with two before and after; the report is the purpose. The look is an entry."""
    with ledger.transaction():
        by = require(by, "reports.view")
        report = access_report(by, report_id)
        purpose = purpose_of_report(report)
        return report, look_at(by, purpose=purpose, seq=report.message.seq, at=at or timezone.now())


def purpose_of_report(report: MessageReport) -> str:
    """Return why a reviewer looks at what was reported, as the entry keeps it."""
    return f"Report {report.pk}: {REASONS.get(report.reason, report.reason)}"


def remove_reported(by: Person, *, report_id: int, reason: str, at: datetime | None = None) -> MessageReport:
    """Take the message from the members' sight. Raises NotFound, Invalid (`reason`), Conflict when it is decided."""
    at = at or timezone.now()
    reason = clean_reason(reason)
    with ledger.transaction():
        by = require(by, "reports.decide")
        report = access_report(by, report_id)
        _settle(by, report, decision=MessageReport.REMOVED, reason=reason, at=at)
        if not Message.objects.filter(pk=report.message_id, state=Message.REMOVED).exists():
            remove_message(by, message=report.message, reason=reason, at=at)
    return access_report(by, report_id)


def keep_reported(by: Person, *, report_id: int, reason: str, at: datetime | None = None) -> MessageReport:
    """Leave the message where it is, with a reason. Raises as `remove_reported` does."""
    at = at or timezone.now()
    reason = clean_reason(reason)
    with ledger.transaction():
        by = require(by, "reports.decide")
        report = access_report(by, report_id)
        _settle(by, report, decision=MessageReport.KEPT, reason=reason, at=at)
    return access_report(by, report_id)


# rule: us-finra-3110-review
def _settle(by: Person, report: MessageReport, *, decision: str, reason: str, at: datetime) -> None:
    """Record the decision and close the message's open reports; of two reviewers that race, the second finds none."""
    still_open = MessageReport.objects.filter(message=report.message_id, state=MessageReport.OPEN)
    settled = list(still_open.values_list("pk", flat=True).order_by("pk"))
    if report.pk not in settled:
        raise Conflict(None, "This report is decided already.")
    ledger.record_all(
        [
            events.ReportDecided(
                stream=f"person:{by.pk}",
                actor=by.as_actor(),
                at=at,
                report=pk,
                conversation=report.conversation.stream,
                n=report.message.n,
                decision=decision,
                reason=reason,
            )
            for pk in settled
        ]
    )
    still_open.filter(pk__in=settled).update(state=decision, decided_by=by, decided_at=at, decision_reason=reason)
