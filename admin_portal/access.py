"""Who may do what at the desk, and the only way to its things for a person.

What is absent and what is not for this person raise the same NotFound. Must not change anything.
"""

from django.db.models import QuerySet

from admin_portal.models import ExportRequest, RecordCheck
from messenger.conversations.models import MessageReport
from messenger.people.errors import NotFound
from messenger.people.models import Person
from messenger.spaces.models import Membership

EXPORT_CAPABILITIES = frozenset({"exports.request", "exports.approve"})


def require(by: Person, capability: str) -> Person:
    """Return the person as the database has them now; raises NotFound when they may not.

    Read again on purpose: inside `ledger.transaction()` nobody's roles can change any more, because each change of a
    role is an entry and waits for the same lock. So an approval and a demotion that race have one answer.
    """
    person = Person.objects.filter(pk=by.pk).first()
    if person is None or not person.can(capability):
        raise NotFound
    return person


def visible_exports(by: Person) -> QuerySet[ExportRequest]:
    """Return all exports for those who ask for them or approve them, none for anybody else."""
    rows = ExportRequest.objects.select_related("asked_by", "decided_by")
    return rows if by.capabilities & EXPORT_CAPABILITIES else rows.none()


def access_export(by: Person, export_id: int) -> ExportRequest:
    export = visible_exports(by).filter(pk=export_id).first()
    if export is None:
        raise NotFound
    return export


def visible_reports(by: Person) -> QuerySet[MessageReport]:
    """Return the reports that this person may judge: never on their own words, nor where they are or were a member."""
    rows = MessageReport.objects.select_related("message", "reporter", "conversation", "decided_by")
    if not by.can("reports.view"):
        return rows.none()
    own = Membership.objects.filter(person=by).values("roster")
    return rows.exclude(message__author=by).exclude(conversation__roster__in=own)


def access_report(by: Person, report_id: int) -> MessageReport:
    report = visible_reports(by).filter(pk=report_id).first()
    if report is None:
        raise NotFound
    return report


def access_check(by: Person, check_id: int) -> RecordCheck:
    check = RecordCheck.objects.filter(pk=check_id).first() if by.can("record.status") else None
    if check is None:
        raise NotFound
    return check
