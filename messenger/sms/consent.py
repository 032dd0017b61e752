"""Who may be texted: grants and revocations, each one transaction and one entry. Must not send or decide about a text.

Worst case: a STOP that is lost. So a revocation locks the contact's head row, which every release locks too: whichever
commits first wins, and what was queued is cancelled in the same commit. Locks are taken in one order: the record's
head (`ledger.transaction`), the person who acts, the contact's head, attempts.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from archive import events, ledger
from messenger.people.errors import Conflict, Invalid
from messenger.people.models import Contact, Person
from messenger.people.standing import acting
from messenger.sms.models import Attempt, ConsentEvent, ConsentHead
from messenger.sms.states import CONSENT_BASES, CONSENT_SCOPES, MESSAGE_CLASSES

CHANNELS = ("sms", "voice", "letter", "email", "in_person", "carrier")


@dataclass(frozen=True)
class Revoked:
    """A wish to be left alone that now holds. `event` is None when it held already; `cancelled` left the queue."""

    head: ConsentHead
    event: ConsentEvent | None
    cancelled: tuple[Attempt, ...]


def state(contact: Contact) -> ConsentHead:
    """Return what holds now, without locking it; a contact of whom nothing is recorded has the state "none"."""
    return ConsentHead.objects.filter(contact=contact).first() or ConsentHead(contact=contact)


def history(contact: Contact) -> list[ConsentEvent]:
    """Return every step of the contact's consent, oldest first."""
    return list(ConsentEvent.objects.filter(contact=contact).select_related("recorded_by"))


@ledger.transaction()
def grant(
    contact: Contact,
    *,
    by: Person | None,
    basis: str,
    message_class: str,
    evidence: Mapping[str, str | int],
    at: datetime,
    scope: str = "organisation",
) -> ConsentEvent:
    """Record a consent; `by` None means that the contact gave it themself, in a text.

    Raises Invalid naming the field, NotAllowed, and Conflict when the contact opted out: only they can undo that.
    """
    _check_one_of("basis", basis, CONSENT_BASES)
    _check_one_of("message_class", message_class, MESSAGE_CLASSES)
    _check_one_of("scope", scope, CONSENT_SCOPES)
    by = by and acting(by, "chat")
    head = lock_head(contact)
    if by is not None and head.state == "suppressed":
        raise Conflict("contact", f"{contact.name} asked not to be texted. Only they can change that: START.")
    event = ConsentEvent(
        contact=contact,
        event="grant",
        basis=basis,
        message_class=message_class,
        scope=scope,
        evidence=json.dumps(dict(evidence), sort_keys=True, ensure_ascii=False) if evidence else "",
        recorded_by=by,
        at=at,
    )
    return _append(event, head=head)


@ledger.transaction()
def revoke(
    contact: Contact,
    *,
    by: Person | None,
    channel: str,
    words_used: str,
    rule: str,
    at: datetime,
) -> Revoked:
    """Suppress the contact for the whole organisation and cancel everything queued for them, in one commit.

    Harmless when it holds already: then no second entry, but whatever is queued is cancelled again.
    `by` is the employee who took it by voice or letter; None when the contact texted it. Raises Invalid, NotAllowed.
    """
    _check_one_of("channel", channel, CHANNELS)
    by = by and acting(by, "chat")
    head = lock_head(contact)
    event = None
    if head.state != "suppressed":
        event = ConsentEvent(
            contact=contact,
            event="revoke",
            channel=channel,
            rule=rule,
            evidence=json.dumps({"words": words_used}, ensure_ascii=False),
            recorded_by=by,
            at=at,
        )
        _append(event, head=head)
    return Revoked(head, event, _cancel_queued(contact, at=at))


def lock_head(contact: Contact) -> ConsentHead:
    """Return the contact's head row, made if it is missing, locked until the transaction ends."""
    ConsentHead.objects.bulk_create([ConsentHead(contact=contact)], ignore_conflicts=True)
    return ConsentHead.objects.select_for_update().get(contact=contact)


def fold(history: Iterable[ConsentEvent], *, contact: Contact) -> ConsentHead:
    """Return what the steps add up to, from nothing: what the cached head must be equal to."""
    head = ConsentHead(contact=contact)
    for event in history:
        apply(head, event)
    return head


def apply(head: ConsentHead, event: ConsentEvent) -> None:
    """Move the head on by one step. A grant that follows a revocation can only be the contact's own."""
    if event.event == "revoke":
        head.state, head.since, head.grants, head.episode = "suppressed", event.at, {}, event.seq
        return
    if head.state != "granted":
        head.state, head.since, head.episode = "granted", event.at, None
    head.grants = {
        **head.grants,
        event.message_class: {
            "basis": event.basis,
            "scope": event.scope,
            "since": event.at.isoformat(),
            "seq": event.seq,
            "is_proven": bool(event.evidence),
        },
    }


def _append(event: ConsentEvent, *, head: ConsentHead) -> ConsentEvent:
    event.seq = ledger.record(_entry(event)).seq
    event.save(force_insert=True)
    apply(head, event)
    head.save()
    return event


def _entry(event: ConsentEvent) -> events.Event:
    contact = event.contact.as_actor()
    common: dict[str, Any] = {  # Any: the fields differ in type
        "stream": f"contact:{event.contact.pk}",
        "actor": event.recorded_by.as_actor() if event.recorded_by else contact,
        "at": event.at,
        "contact": contact,
        "scope": event.scope,
    }
    if event.event == "grant":
        return events.ConsentGranted(
            **common, basis=event.basis, message_class=event.message_class, evidence=event.evidence
        )
    words_used = json.loads(event.evidence)["words"]
    return events.ConsentRevoked(**common, channel=event.channel, words_used=words_used, rule=event.rule)


def _cancel_queued(contact: Contact, *, at: datetime) -> tuple[Attempt, ...]:
    """Cancel what has not been leased. The one confirmation of the opt-out itself may still leave."""
    queued = (
        Attempt.objects.select_for_update()
        .filter(contact=contact, state="queued")
        .exclude(message_class="confirmation")
    )
    cancelled = tuple(queued.order_by("id"))
    detail = "They asked not to be texted."
    for attempt in cancelled:
        attempt.state, attempt.detail, attempt.due_at, attempt.updated_at = "cancelled", detail, None, at
    Attempt.objects.bulk_update(cancelled, ["state", "detail", "due_at", "updated_at"])
    return cancelled


def _check_one_of(field: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise Invalid(field, f"This is one of: {', '.join(allowed)}.")
