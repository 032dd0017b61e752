"""A text's way out: queue, lease and release, hand over, note what came of it. Must not write to conversations.

Principle: no text leaves without a committed row that says so, none leaves twice, and a STOP that is committed wins.
Worst case is a double send, so whatever may have reached the carrier is `in_doubt` and never sent again by itself.
Callers record the `sms.status` entries of what these functions return, inside one `ledger.transaction()`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import Error
from django.db.models import Exists, OuterRef, Q

from archive import ledger
from archive.outbox import Backoff, Outbox
from messenger.people.models import Contact
from messenger.sms.decisions import evaluate, evaluate_again
from messenger.sms.erasing import NOT_QUOTED
from messenger.sms.models import Attempt, ConsentHead, InboundText
from messenger.sms.reports import apply_parked
from messenger.sms.rules.decide import Decision
from messenger.sms.segments import split
from messenger.sms.states import join
from messenger.sms.transports.contract import Ambiguous, NotCreated, Outgoing, Result, Submitted, Withdrawn
from messenger.sms.transports.registry import carrier_named, configured_name

__all__ = ["TEXTS", "WORDS_GONE", "Claimed", "claim_due", "evaluate", "expire_leases", "mark", "queue", "submit"]

log = structlog.get_logger()
UNDECIDED = "Whether it may be sent could not be decided."
WORDS_GONE = "Its words are no longer kept, so it was not sent."
NOT_IN_TIME = "It was not handed over before its time was up."

# Only what the carrier surely does not have is tried again. A lease that ends leaves doubt: `expire_leases`.
TEXTS = Outbox[Attempt](
    name="texts",
    title="Texts to phones",
    task="messenger.release_texts",
    rows=lambda: Attempt.objects.filter(Q(state__in=("queued", "submitting")) | Q(parked_at__isnull=False)),
    describe=lambda attempt: f"Message {attempt.n} of conversation {attempt.conversation_id}",
    lease=timedelta(seconds=60),
    most_tries=6,
    backoff=Backoff(first=timedelta(seconds=10), longest=timedelta(minutes=30), factor=4),
    order=("conversation_id", "n"),
    when_waiting={"state": "queued", "detail": ""},
    when_leased={"state": "submitting"},
    when_parked={"state": "failed"},
    may_retry=lambda attempt: attempt.state == "failed" and not attempt.is_disposed,
)


@dataclass(frozen=True)
class Claimed:
    """What one sweep found due: leased for us, refused or without words now, moved to a later hour, or undecided for
    the last time.
    """

    leased: tuple[Attempt, ...]
    refused: tuple[Attempt, ...]
    postponed: tuple[Attempt, ...]
    parked: tuple[Attempt, ...] = ()


def queue(contact: Contact, *, conversation_id: int, n: int, decision: Decision, at: datetime) -> Attempt:
    """Add the text to the queue, in the transaction that writes message `n`; what may not be sent is refused.

    A refused text is a row as well: it is shown in the thread with its reasons, and is never due.
    """
    segments = split(decision.text)
    attempt = Attempt.objects.create(
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
        due_at=_due_at(decision, at=at),
        created_at=at,
        updated_at=at,
    )
    if attempt.due_at == at:
        TEXTS.nudge()
    return attempt


@ledger.transaction()
def claim_due(*, limit: int, at: datetime) -> Claimed:
    """Decide again about due texts and lease those that may go. Hand them over only after this has committed.

    The contact's head row is locked while deciding: a STOP is either seen here, or finds the text leased.
    Contacts that somebody else holds are left for the next sweep, and so is whoever sent us what nobody has read yet:
    it may be a STOP.
    """
    unread = InboundText.objects.filter(number=OuterRef("contact__number"), processed_at=None)
    waiting = Attempt.objects.filter(~Exists(unread), state="queued", due_at__lte=at)
    due = waiting.order_by("due_at", *TEXTS.order)
    found = dict(due.values_list("pk", "contact_id")[:limit])
    heads = _lock_free_heads(set(found.values()))
    free = due.select_related("contact").filter(pk__in=found, contact__in=heads)
    released = list[Attempt]()
    for _ in found:  # one at a time; what is held until later could otherwise come round again
        if (attempt := TEXTS.claim(at=at, among=free)) is not None:
            released.append(_release(attempt, head=heads[attempt.contact_id], at=at))
    return Claimed(
        leased=tuple(attempt for attempt in released if attempt.state == "submitting"),
        refused=tuple(attempt for attempt in released if attempt.state in ("refused", "cancelled")),
        postponed=tuple(attempt for attempt in released if attempt.state == "queued"),
        parked=tuple(attempt for attempt in released if attempt.state == "failed"),
    )


def submit(attempt: Attempt) -> Result:
    """Hand a leased text to its carrier. Outside of any transaction; never raises for what the outside does."""
    if not _is_still_leased(attempt):
        return Withdrawn("They asked not to be texted.")
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
    if row.lease_token is None or row.lease_token != attempt.lease_token:
        return row
    if isinstance(result, Submitted):
        row.carrier_id, row.state, row.detail = result.carrier_id, join(row.state, "submitted"), ""
        apply_parked(row)
        TEXTS.finish(row, carrier_id=row.carrier_id, state=row.state, detail=row.detail, updated_at=at)
    elif row.state == "submitting":
        _mark_not_submitted(row, result=result, at=at)
    elif row.parked_at is not None and isinstance(result, NotCreated | Withdrawn):
        # What ended in doubt stays there, unless the carrier itself says that it has nothing, or the one worker that
        # could have called it did not. Where a person has set it aside, that is the end.
        _mark_not_submitted(row, result=result, at=at)
    return _as_it_is(row)


@ledger.transaction()
def expire_leases(*, at: datetime) -> tuple[Attempt, ...]:
    """Put what was leased by a worker that died in doubt: nobody knows whether the carrier was called."""
    leased = Attempt.objects.select_for_update(skip_locked=True, of=("self",)).filter(state="submitting")
    stranded = list(leased.filter(due_at__lt=at).order_by("pk"))
    for attempt in stranded:
        _leave_in_doubt(attempt, why="The server stopped while sending.", at=at)
    return tuple(_as_it_is(attempt) for attempt in stranded)


def _due_at(decision: Decision, *, at: datetime) -> datetime | None:
    if not decision.is_sendable:
        return None
    return datetime.fromisoformat(decision.hold_until) if decision.hold_until else at


def _as_it_is(attempt: Attempt) -> Attempt:
    return Attempt.objects.select_related("contact").get(pk=attempt.pk)


def _lock_free_heads(contact_ids: set[int]) -> dict[int, ConsentHead]:
    """Lock the heads that nobody holds. A contact without a head gets one: it says that nothing was consented to."""
    missing = contact_ids - set(ConsentHead.objects.filter(pk__in=contact_ids).values_list("pk", flat=True))
    ConsentHead.objects.bulk_create([ConsentHead(contact_id=pk) for pk in sorted(missing)], ignore_conflicts=True)
    free = ConsentHead.objects.select_for_update(skip_locked=True).filter(pk__in=contact_ids)
    return {head.pk: head for head in free.order_by("pk")}


def _release(attempt: Attempt, *, head: ConsentHead, at: datetime) -> Attempt:
    if attempt.is_disposed:
        TEXTS.finish(attempt, state="cancelled", detail=WORDS_GONE, updated_at=at)
        return _as_it_is(attempt)
    try:
        decision = evaluate_again(attempt, head=head, at=at)
    except Error:  # the database's, and no fault of this text
        raise
    except Exception as error:  # whatever is wrong with this one, those behind it are to leave
        log.exception("sms.undecided", attempt=str(attempt.pk))
        TEXTS.put_back(attempt, failure=type(error).__name__, at=at, detail=UNDECIDED, updated_at=at)
    else:
        _follow(attempt, decision, at=at)
    return _as_it_is(attempt)


def _follow(attempt: Attempt, decision: Decision, *, at: datetime) -> None:
    decided = {"release": decision.as_json(), "updated_at": at}
    if decision.outcome == "ALLOW":
        TEXTS.renew(attempt, at=at, carrier=configured_name(), **decided)
    elif decision.outcome == "HOLD_UNTIL":
        TEXTS.postpone(attempt, until=datetime.fromisoformat(decision.hold_until), **decided)
    else:
        reasons = [reason.as_json() for reason in decision.reasons]
        detail = decision.objections[0].message[:200]
        TEXTS.finish(attempt, state="refused", reasons=reasons, detail=detail, **decided)


def _is_still_leased(attempt: Attempt) -> bool:
    """Look once more, without a lock, right before the call: little time is left between look and call."""
    mine = Attempt.objects.filter(pk=attempt.pk, state="submitting", lease_token=attempt.lease_token)
    mine = mine.exclude(decision={})  # its words are gone since
    if attempt.message_class != "confirmation":
        mine = mine.exclude(contact__consent_head__state="suppressed")
    return mine.exists()


def _mark_not_submitted(row: Attempt, *, result: NotCreated | Ambiguous | Withdrawn, at: datetime) -> None:
    detail = NOT_QUOTED if row.is_disposed else result.detail[:200]
    if isinstance(result, Ambiguous):
        _leave_in_doubt(row, why=detail, at=at)
    elif row.is_disposed and not _is_final(result):
        TEXTS.finish(row, state="cancelled", detail=WORDS_GONE, updated_at=at)
    elif isinstance(result, Withdrawn) and row.state == "in_doubt":  # the lease had ended first: decided anew
        TEXTS.put_back(row, failure=NOT_IN_TIME, at=at, detail=NOT_IN_TIME, updated_at=at)
    elif isinstance(result, Withdrawn):
        TEXTS.finish(row, state="cancelled", detail=detail, updated_at=at)
    elif result.is_final:
        TEXTS.finish(row, state="failed", detail=detail, updated_at=at)
    else:
        TEXTS.put_back(row, failure=detail, at=at, detail=detail, updated_at=at)


def _is_final(result: NotCreated | Withdrawn) -> bool:
    return isinstance(result, NotCreated) and result.is_final


def _leave_in_doubt(row: Attempt, *, why: str, at: datetime) -> None:
    """Park it with its token: what its worker or the carrier says later may still resolve it."""
    TEXTS.park(row, failure=why, at=at, state="in_doubt", detail=why, lease_token=row.lease_token, updated_at=at)
