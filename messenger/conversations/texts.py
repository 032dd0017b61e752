"""Texts to and from phones, as part of their thread: what the `sms` room decides is shown and recorded here.

Principle: the message and its decision are in the record before any carrier is called, and a STOP that is committed
before a text is released is never followed by that text.
"""

import uuid
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.utils import timezone

from archive import events, ledger
from archive.events import SYSTEM, Actor, Json
from archive.outbox import register as register_outbox
from messenger.conversations.models import Conversation, Message
from messenger.conversations.opening import open_unclaimed_thread
from messenger.conversations.stream import Words, append, append_message
from messenger.people.models import Contact, Person
from messenger.sms import actions as sms
from messenger.sms import consent, inbound, reports
from messenger.sms.models import Attempt, InboundText
from messenger.sms.rules.decide import Decision
from messenger.sms.transports.contract import Report, Result

SWEEP_LIMIT = 50

log = structlog.get_logger(__name__)


def register() -> None:
    """Make the outboxes of texts known; a text that a person puts in line again is shown in its thread."""
    register_outbox(replace(sms.TEXTS, on_retried=_show_again))
    register_outbox(inbound.INBOUND)


def queue_text(
    conversation: Conversation,
    words: Words,
    *,
    hits: tuple[str, ...],
    at: datetime,
    message_class: str = "conversational",
) -> Message:
    """Put a text into its thread with the decision about it; call it inside `ledger.transaction()`.

    A text that may not be sent is a message too: the thread shows it as refused, with the reasons.
    """
    contact = _contact_of(conversation)
    decision = sms.evaluate(contact, text=words.body, at=at, message_class=message_class)
    text = Words(body=words.body, client_key=words.client_key, author=words.author, channel="sms")
    event = events.MessageCreated(
        stream=conversation.stream,
        actor=words.author.as_actor() if words.author else SYSTEM,
        at=at,
        body=words.body,
        client_key=str(words.client_key),
        channel="sms",
        hits=hits,
        sms=_snapshot(contact, decision),
    )
    message = append_message(conversation, event, text)
    sms.queue(contact, conversation_id=conversation.pk, n=message.n, decision=decision, at=at)
    return message


def send_due(*, at: datetime | None = None) -> int:
    """Release what is due: decide again, lease, call the carrier, note what came of it. Return how many left us.

    One text at a time: a crash, or a carrier that takes its time, then leaves one in doubt and not the whole sweep.
    """
    sent = 0
    for _ in range(SWEEP_LIMIT):
        claimed = _claim_next(at=at or timezone.now())
        if not (claimed.leased or claimed.refused or claimed.postponed or claimed.parked):
            break
        for attempt in claimed.leased:
            _hand_over(attempt)
            sent += 1
    else:
        sms.TEXTS.nudge()  # more may be due
    return sent


def read_reports(*, at: datetime | None = None) -> int:
    """Fetch what the carrier says of texts it took, keep and show it. Return how many states changed.

    A report that fails is not acknowledged, so the carrier gives it again, and it holds up none behind it.
    """
    kept, changed = list[Report](), 0
    for report in reports.fetch_reports():
        try:
            changed += _keep_report(report, at=at or timezone.now())
        except Exception:  # whatever is wrong with this one, the next one may say that a text did not arrive
            log.exception("report_failed", carrier_id=report.carrier_id, status=report.status)
        else:
            kept.append(report)
    reports.acknowledge_reports(kept)
    return changed


def receive_text(
    *, carrier: str, carrier_id: str, number: str, to: str, body: str, at: datetime | None = None
) -> InboundText:
    """Journal an inbound text and process it; the same carrier id again changes nothing."""
    text = inbound.journal(
        carrier=carrier, carrier_id=carrier_id, number=number, to=to, body=body, at=at or timezone.now()
    )
    process_inbound()
    return text


def process_inbound() -> int:
    """Work through the journal: the message into its thread, then what it asks for. Return how many were processed.

    A text that fails is tried again later and holds up none behind it: one of them may be a STOP.
    """
    return inbound.INBOUND.work_off(_process, at=timezone.now())


@ledger.action()
def opt_out(by: Person, *, contact: Contact, channel: str, words_used: str, at: datetime | None = None) -> None:
    """Record a wish to be left alone that came by voice, letter or in person; what was queued is cancelled with it."""
    at = at or timezone.now()
    revoked = consent.revoke(
        contact, by=by, channel=channel, words_used=words_used, rule="recorded-by-employee@1", at=at
    )
    show_states(revoked.cancelled, at=at)


def show_states(attempts: Iterable[Attempt], *, at: datetime) -> None:
    """Record how texts stand now, and tell the readers of their threads."""
    for attempt in attempts:
        conversation = Conversation.objects.get(pk=attempt.conversation_id)
        event = events.SmsStatusChanged(
            stream=conversation.stream,
            actor=SYSTEM,
            at=at,
            n=attempt.n,
            attempt=str(attempt.pk),
            state=attempt.state,
            detail=attempt.detail,
            reasons=tuple(attempt.reasons),
        )
        append(conversation, event, data={"target": attempt.n})


@ledger.action()
def _keep_report(report: Report, *, at: datetime) -> bool:
    attempt = reports.receive_report(report, carrier=settings.ONRECORD_CARRIER, at=at)
    if attempt is not None:
        show_states([attempt], at=at)
    return attempt is not None


@ledger.action()
def _claim_next(*, at: datetime) -> sms.Claimed:
    show_states(sms.expire_leases(at=at), at=at)
    claimed = sms.claim_due(limit=1, at=at)
    show_states((*claimed.leased, *claimed.refused, *claimed.parked), at=at)
    return claimed


def _show_again(attempt: Attempt, at: datetime) -> None:
    attempt.refresh_from_db()
    show_states([attempt], at=at)


def _hand_over(attempt: Attempt) -> None:
    result = sms.submit(attempt)  # outside of any transaction
    _note_result(attempt, result=result, at=timezone.now())


@ledger.action()
def _note_result(attempt: Attempt, *, result: Result, at: datetime) -> None:
    show_states([sms.mark(attempt, result=result, at=at)], at=at)


@ledger.action()
def _process(text: InboundText) -> None:
    at = timezone.now()
    reading = inbound.classify(text.body)
    contact = _contact_for(text, at=at)
    conversation = Conversation.objects.filter(contact=contact).first() or open_unclaimed_thread(contact, at=at)
    _show_inbound(conversation, contact, text, reading)
    answer = _follow(contact, text, reading)
    show_states(answer.cancelled, at=at)
    if answer.confirmation:
        words = Words(body=answer.confirmation, client_key=uuid.uuid4())
        queue_text(conversation, words, hits=(), at=at, message_class="confirmation")
    inbound.INBOUND.finish(text, processed_at=max(at, text.received_at))


def _show_inbound(conversation: Conversation, contact: Contact, text: InboundText, reading: inbound.Reading) -> Message:
    event = events.SmsReceived(
        stream=conversation.stream,
        actor=contact.as_actor(),
        at=text.received_at,
        body=text.body,
        number=text.number,
        to=text.to,
        carrier_id=text.carrier_id,
        opt_out=reading.rule if isinstance(reading, inbound.OptOut) else "",
    )
    # A key that could be foretold could be taken by somebody's post, and the text would never be processed.
    words = Words(body=text.body, client_key=uuid.uuid4(), contact=contact, channel="sms")
    return append_message(conversation, event, words)


def _follow(contact: Contact, text: InboundText, reading: inbound.Reading) -> inbound.Answer:
    """Do what the text asks for, as of the moment at which it came: it may have waited since."""
    at = text.received_at
    if isinstance(reading, inbound.OptOut):
        return inbound.handle_opt_out(contact, body=text.body, match=reading, at=at)
    if isinstance(reading, inbound.Help):
        return inbound.handle_help(contact, at=at)
    if isinstance(reading, inbound.OptIn):
        return inbound.handle_opt_in(contact, body=text.body, match=reading, at=at)
    return inbound.handle_words(contact, body=text.body, at=at)


def _contact_for(text: InboundText, *, at: datetime) -> Contact:
    """Return the contact with this number; an unknown number becomes one, with the number as name."""
    known = Contact.objects.filter(number=text.number).first()
    if known is not None:
        return known
    contact = Contact.objects.create(name=text.number, number=text.number, typed=text.number, added_at=at)
    ledger.record(
        events.ContactAdded(
            stream=f"contact:{contact.pk}",
            actor=Actor(id=f"contact:{contact.pk}", name=contact.name, role="contact"),
            at=at,
            name=contact.name,
            number=contact.number,
            typed=contact.typed,
        )
    )
    return contact


def _contact_of(conversation: Conversation) -> Contact:
    if conversation.contact is None:
        raise ValueError(f"conversation {conversation.pk} has no contact")
    return conversation.contact


def _snapshot(contact: Contact, decision: Decision) -> dict[str, Json]:
    kept: dict[str, Any] = decision.as_json()
    return {"contact": f"contact:{contact.pk}", "number": contact.number, "decision": kept}
