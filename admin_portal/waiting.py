"""What waits for one person at the desk: reports to judge, exports to decide on or to fetch, roles to decide on."""

from dataclasses import dataclass

from django.db.models import QuerySet

from admin_portal.access import visible_exports, visible_reports
from admin_portal.models import ExportRequest
from messenger.conversations.models import MessageReport
from messenger.people.models import Person, RoleRequest

MOST_SHOWN = 20


@dataclass(frozen=True)
class Waiting:
    """Rows for the dashboard, at most `MOST_SHOWN` of each, and the true numbers."""

    reports: list[MessageReport]
    report_count: int
    exports: list[ExportRequest]
    export_count: int
    packages: list[ExportRequest]
    roles: list[RoleRequest]

    @property
    def total(self) -> int:
        return self.report_count + self.export_count + len(self.packages) + len(self.roles)


def waiting_for(by: Person) -> Waiting:
    """Return what this person can do something about now, oldest first. No content."""
    reports = visible_reports(by).filter(state=MessageReport.OPEN).order_by("pk")
    exports = exports_to_decide(by)
    packages = visible_exports(by).filter(state=ExportRequest.READY, asked_by=by).order_by("pk")
    return Waiting(
        reports=list(reports[:MOST_SHOWN]),
        report_count=reports.count(),
        exports=list(exports[:MOST_SHOWN]),
        export_count=exports.count(),
        packages=list(packages[:MOST_SHOWN]),
        roles=_roles_to_decide(by),
    )


def exports_to_decide(by: Person) -> QuerySet[ExportRequest]:
    """Return the requests of others that wait for somebody like this person."""
    rows = visible_exports(by).filter(state=ExportRequest.WAITING).exclude(asked_by=by).order_by("pk")
    return rows if by.can("exports.approve") else rows.none()


def _roles_to_decide(by: Person) -> list[RoleRequest]:
    if not by.can("roles.approve"):
        return []
    rows = RoleRequest.objects.filter(state=RoleRequest.WAITING).select_related("person", "asked_by")
    return list(rows.exclude(asked_by=by).exclude(person=by).order_by("pk")[:MOST_SHOWN])
