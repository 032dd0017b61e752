"""A text's way out: queue, lease and release, hand over, note what came of it. Must not write to conversations.

Principle: no text leaves without a committed row that says so, none leaves twice, and a STOP that is committed wins.
Worst case is a double send, so whatever may have reached the carrier is `in_doubt` and never sent again by itself.
Callers record the `sms.status` entries of what these functions return, inside one `ledger.transaction()`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import structlog
from django.conf import settings

from archive import ledger
from messenger.people.models import Contact
from messenger.sms.decisions import evaluate, evaluate_again
from messenger.sms.models import Attempt, ConsentHead
from messenger.sms.reports import apply_parked
from messenger.sms.rules.decide import Decision
from messenger.sms.segments import split
from messenger.sms.states import join
from messenger.sms.transports.contract import Ambiguous, NotCreated, Outgoing, Result, Submitted, Withdrawn
from messenger.sms.transports.registry import carrier_named, configured_name

__all__ = ["Claimed", "claim_due", "evaluate", "expire_leases", "mark", "queue", "submit"]

log = structlog.get_logger()

LEASE = timedelta(seconds=60)
RETRY_AFTER_S = (5, 30, 120, 600, 1800)  # after the last one a person sees "failed"


@dataclass(frozen=True)
class Claimed:
    """What one sweep found due: leased for us, refused now, or moved to a later hour."""

    leased: tuple[Attempt, ...]
    refused: tuple[Attempt, ...]
    postponed: tuple[Attempt, ...]


def queue(contact: Contact, *, conversation_id: int, n: int, decision: Decision, at: datetime) -> Attempt:
    """Add the text to the queue, in the transaction that writes message `n`; what may not be sent is refused.

    A refused text is a row as well: it is shown in the thread with its reasons, and is never due.
    """
    segments = split(decision.text)
    return Attempt.objects.create(
        conversation_id=conversation_id,
        n=n,
        contact=contact,
        sender=settings.ONRECORD_SMS_SENDER,
        text=decision.text,
        message_class=decision.inputs.message_class,
        encoding=segments.encoding,
        segment_count=segments.count,
        state="queued" if decision.is_sendable else "refused",
        detail="" if decision.is_sendable else decision.objections[0].message[:200],
        reasons=[reason.as_json() for reason in decision.reasons],
        decision=decision.as_json(),
        due_at=datetime.fromisoformat(decision.hold_until) if decision.hold_until else at,
        created_at=at,
        updated_at=at,
    )


@ledger.transaction()
def claim_due(*, limit: int, at: datetime) -> Claimed:
    """Decide again about due texts and lease those that may go. Hand them over only after this has committed.

    The contact's head row is locked while deciding: a STOP is either seen here, or finds the text leased.
    Contacts that somebody else holds are left for the next sweep.
    """
    due = Attempt.objects.filter(state="queued", due_at__lte=at).order_by("due_at", "conversation_id", "n")
    found = dict(due.values_list("pk", "contact_id")[:limit])
    heads = _lock_free_heads(set(found.values()))
    attempts = (
        Attempt.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("contact")
        .filter(pk__in=found, contact__in=heads, state="queued")
        .order_by("due_at", "conversation_id", "n")
    )
    for attempt in (released := list(attempts)):
        _release(attempt, head=heads[attempt.contact_id], at=at)
    return Claimed(
        leased=tuple(attempt for attempt in released if attempt.state == "submitting"),
        refused=tuple(attempt for attempt in released if attempt.state == "refused"),
        postponed=tuple(attempt for attempt in released if attempt.state == "queued"),
    )


def submit(attempt: Attempt) -> Result:
    """Hand a leased text to its carrier. Outside of any transaction; never raises for what the outside does."""
    if not _is_still_leased(attempt):
        return Withdrawn("They asked not to be texted, or the lease had ended.")
    segments = split(attempt.text)
    outgoing = Outgoing(
        reference=str(attempt.pk),
        to=attempt.contact.number,
        sender=attempt.sender,
        parts=segments.parts,
        encoding=segments.encoding,
    )
    try:
        return carrier_named(attempt.carrier).submit(outgoing)
    except Exception as error:  # whatever broke, nobody knows how far it came: doubt, never a second send
        log.exception("sms.submit_broke", attempt=str(attempt.pk), carrier=attempt.carrier)
        return Ambiguous(type(error).__name__)


@ledger.transaction()
def mark(attempt: Attempt, *, result: Result, at: datetime) -> Attempt:
    """Write down what came of `submit`, and return the row as it is now. Harmless when it is called again."""
    row = Attempt.objects.select_for_update(of=("self",)).select_related("contact").get(pk=attempt.pk)
    if row.lease_token != attempt.lease_token:
        return row
    if isinstance(result, Submitted):
        row.carrier_id, row.state, row.detail = result.carrier_id, join(row.state, "submitted"), ""
        apply_parked(row)
    elif row.state == "submitting" or (row.state == "in_doubt" and isinstance(result, NotCreated)):
        # What ended in doubt stays there unless the carrier itself says that it has nothing.
        _mark_not_submitted(row, result=result, at=at)
    row.leased_until, row.updated_at = None, at
    row.save()
    return row


@ledger.transaction()
def expire_leases(*, at: datetime) -> tuple[Attempt, ...]:
    """Put what was leased by a worker that died in doubt: nobody knows whether the carrier was called."""
    expired = Attempt.objects.select_for_update(skip_locked=True, of=("self",)).select_related("contact")
    stranded = tuple(expired.filter(state="submitting", leased_until__lt=at).order_by("pk"))
    for attempt in stranded:
        attempt.state, attempt.detail, attempt.leased_until = "in_doubt", "The server stopped while sending.", None
        attempt.updated_at = at
    Attempt.objects.bulk_update(stranded, ["state", "detail", "leased_until", "updated_at"])
    return stranded


def _lock_free_heads(contact_ids: set[int]) -> dict[int, ConsentHead]:
    """Lock the heads that nobody holds. A contact without a head gets one: it says that nothing was consented to."""
    missing = contact_ids - set(ConsentHead.objects.filter(pk__in=contact_ids).values_list("pk", flat=True))
    ConsentHead.objects.bulk_create([ConsentHead(contact_id=pk) for pk in sorted(missing)], ignore_conflicts=True)
    free = ConsentHead.objects.select_for_update(skip_locked=True).filter(pk__in=contact_ids)
    return {head.pk: head for head in free.order_by("pk")}


def _release(attempt: Attempt, *, head: ConsentHead, at: datetime) -> None:
    decision = evaluate_again(attempt, head=head, at=at)
    attempt.release, attempt.updated_at = decision.as_json(), at
    if decision.outcome == "ALLOW":
        attempt.state, attempt.carrier, attempt.tries = "submitting", configured_name(), attempt.tries + 1
        attempt.lease_token, attempt.leased_until = uuid4(), at + LEASE
    elif decision.outcome == "HOLD_UNTIL":
        attempt.due_at = datetime.fromisoformat(decision.hold_until)
    else:
        attempt.state, attempt.reasons = "refused", [reason.as_json() for reason in decision.reasons]
        attempt.detail = decision.objections[0].message[:200]
    attempt.save()


def _is_still_leased(attempt: Attempt) -> bool:
    """Look once more, without a lock, right before the call: little time is left between look and call."""
    mine = Attempt.objects.filter(pk=attempt.pk, state="submitting", lease_token=attempt.lease_token)
    if attempt.message_class != "confirmation":
        mine = mine.exclude(contact__consent_head__state="suppressed")
    return mine.exists()


def _mark_not_submitted(row: Attempt, *, result: NotCreated | Ambiguous | Withdrawn, at: datetime) -> None:
    row.detail = result.detail[:200]
    if isinstance(result, Ambiguous):
        row.state = "in_doubt"
    elif isinstance(result, Withdrawn):
        row.state = "cancelled"
    elif not result.is_final and row.tries <= len(RETRY_AFTER_S):
        row.state, row.due_at = "queued", at + timedelta(seconds=RETRY_AFTER_S[row.tries - 1])
        row.lease_token = None
    else:
        row.state = "failed"
