"""Ask for an export of the record, and decide on another's. Making and handing out are in `making` and `download`.

Two people: whoever asked never decides, whatever roles they hold and however many requests race. The database refuses
it too. Worst case of a mistake here: one person alone carries the firm's words out of the house.
"""

from datetime import datetime
from uuid import UUID

from django.utils import timezone

from admin_portal.access import access_export, require
from admin_portal.making import EXPORTS
from admin_portal.models import ExportRequest
from admin_portal.purposes import clean_purpose
from admin_portal.scopes import ExportScope
from archive import events, ledger
from messenger.people.errors import Conflict, Invalid, NotAllowed
from messenger.people.models import Person

LONGEST_REASON = 300


def request_export(
    by: Person, *, purpose: str, scope: ExportScope, client_key: UUID, at: datetime | None = None
) -> ExportRequest:
    """Ask for a package of the scope; another officer decides. The same client key again gives the same request."""
    with ledger.transaction():
        by = require(by, "exports.request")
        purpose = clean_purpose(purpose)
        known = ExportRequest.objects.filter(client_key=client_key).first()
        if known is not None:
            return _own_request(by, known)
        at = at or timezone.now()
        export = ExportRequest.objects.create(
            client_key=client_key, asked_by=by, asked_at=at, purpose=purpose, scope=scope.as_json()
        )
        ledger.record(
            events.ExportRequested(
                stream=f"person:{by.pk}",
                actor=by.as_actor(),
                at=at,
                export=export.pk,
                purpose=purpose,
                scope=scope.as_json(),
            )
        )
    return export


def approve_export(by: Person, *, export_id: int, at: datetime | None = None) -> ExportRequest:
    """Let the package be made. Raises NotAllowed for one's own request, Conflict when it is decided already."""
    at = at or timezone.now()
    with ledger.transaction():
        by, export = _decidable(by, export_id)
        _settle(export, by=by, state=ExportRequest.APPROVED, at=at, due_at=at)
        ledger.record(events.ExportApproved(stream=f"person:{by.pk}", actor=by.as_actor(), at=at, export=export.pk))
        EXPORTS.nudge()
    return access_export(by, export_id)


def refuse_export(by: Person, *, export_id: int, reason: str, at: datetime | None = None) -> ExportRequest:
    """Refuse the request with a reason that the asker reads. Raises as `approve_export` does."""
    at = at or timezone.now()
    reason = clean_reason(reason)
    with ledger.transaction():
        by, export = _decidable(by, export_id)
        _settle(export, by=by, state=ExportRequest.REFUSED, at=at, refusal_reason=reason)
        ledger.record(
            events.ExportRefused(stream=f"person:{by.pk}", actor=by.as_actor(), at=at, export=export.pk, reason=reason)
        )
    return access_export(by, export_id)


def clean_reason(reason: str) -> str:
    """Return the reason as it is kept; raises Invalid with what is allowed."""
    reason = " ".join(reason.split())
    if not reason or len(reason) > LONGEST_REASON or "\x00" in reason:
        raise Invalid("reason", f"Write a reason of at most {LONGEST_REASON} characters.")
    return reason


def _own_request(by: Person, known: ExportRequest) -> ExportRequest:
    if known.asked_by_id != by.pk:
        raise Conflict("client_key", "This client key belongs to another request.")
    return known


def _decidable(by: Person, export_id: int) -> tuple[Person, ExportRequest]:
    by = require(by, "exports.approve")
    export = access_export(by, export_id)
    if export.asked_by_id == by.pk:
        raise NotAllowed("Somebody else decides on what you asked for.")
    return by, export


def _settle(export: ExportRequest, *, by: Person, state: str, at: datetime, **fields: object) -> None:
    """Move the request out of waiting; of two deciders that race, the second one changes no row."""
    waiting = ExportRequest.objects.filter(pk=export.pk, state=ExportRequest.WAITING).exclude(asked_by=by)
    if not waiting.update(state=state, decided_by=by, decided_at=at, **fields):
        raise Conflict(None, "This request is decided already.")
