"""What carriers say of a text after they took it: every report is kept, the state only climbs. Must not call a carrier
inside a transaction, nor trust the order in which reports come.
"""

from datetime import datetime
from uuid import UUID

import structlog
from django.db.models import Q

from archive import ledger
from messenger.sms.models import Attempt, StatusReport
from messenger.sms.states import join
from messenger.sms.transports.contract import Report
from messenger.sms.transports.registry import CARRIERS, configured_name

log = structlog.get_logger()


@ledger.transaction()
def receive_report(report: Report, *, carrier: str, at: datetime) -> Attempt | None:
    """Keep one report and return the attempt if its state changed. The same report twice changes nothing."""
    attempt = _find(report, carrier=carrier)
    kept, is_new = StatusReport.objects.get_or_create(
        carrier=carrier,
        carrier_id=report.carrier_id,
        status=report.status,
        code=report.code,
        defaults={"raw": "" if attempt and attempt.is_disposed else report.raw, "received_at": at, "attempt": attempt},
    )
    if not is_new:
        return None
    if attempt is None:
        log.warning("sms.report_parked", carrier=carrier, carrier_id=report.carrier_id, status=report.status)
        return None
    attempt.carrier_id = attempt.carrier_id or report.carrier_id
    before = attempt.state
    _apply(kept, attempt=attempt)
    if attempt.state != before:  # the carrier has it: nothing is left to try, nor to look at
        attempt.due_at, attempt.parked_at = None, None
    attempt.updated_at = at
    attempt.save()
    return attempt if attempt.state != before else None


def fetch_reports(*, limit: int = 100) -> list[Report]:
    """Ask the configured carrier for reports that wait there. Outside of any transaction."""
    carrier = CARRIERS.get(configured_name())
    return carrier.fetch_reports(limit=limit) if carrier else []


def acknowledge_reports(reports: list[Report]) -> None:
    """Tell the carrier that these reports are kept. Call it after their transactions have committed."""
    carrier = CARRIERS.get(configured_name())
    if carrier and reports:
        carrier.acknowledge(reports)


def apply_parked(attempt: Attempt) -> None:
    """Give an attempt the reports that came before we knew its carrier id. The caller holds and saves the row."""
    parked = StatusReport.objects.select_for_update().filter(
        carrier=attempt.carrier, carrier_id=attempt.carrier_id, attempt=None
    )
    for report in parked.order_by("received_at", "pk"):
        report.attempt = attempt
        _apply(report, attempt=attempt)


def _apply(report: StatusReport, *, attempt: Attempt) -> None:
    joined = join(attempt.state, report.status)
    report.was_applied = joined != attempt.state
    if attempt.is_disposed:  # it came before we knew whose it was, and may quote what is no longer kept
        report.raw = ""
    if report.was_applied:
        attempt.state, attempt.detail = joined, report.code and f"The carrier's code is {report.code}."
    report.save()


def _find(report: Report, *, carrier: str) -> Attempt | None:
    """Find the attempt by the carrier's id, or by our own reference when the carrier answered before our call ended."""
    mine = Q(carrier_id=report.carrier_id)
    if _is_uuid(report.reference):
        mine |= Q(pk=report.reference, carrier_id="")
    attempts = Attempt.objects.select_for_update(of=("self",)).select_related("contact")
    return attempts.filter(mine, carrier=carrier).first()


def _is_uuid(reference: str) -> bool:
    try:
        UUID(reference)
    except ValueError:
        return False
    return True
