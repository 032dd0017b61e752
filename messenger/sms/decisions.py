"""Collect what a decision about a text depends on, and decide. Reads only; the rules themselves are pure (`rules/`).

The number of queries is constant. At release the caller holds the contact's head row, which makes the answer binding.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Q

from messenger.people.models import Contact, Firm
from messenger.policy.access import active_rules
from messenger.policy.verdicts import review
from messenger.sms import numbers
from messenger.sms.models import Attempt, ConfirmationSent, ConsentHead, InboundText
from messenger.sms.rules.decide import Decision, decide
from messenger.sms.rules.inputs import Grant, Inputs
from messenger.sms.states import NEVER_SENT
from messenger.sms.transports.registry import configured_name


def evaluate(contact: Contact, *, text: str, at: datetime, message_class: str = "conversational") -> Decision:
    """Say whether this text may be sent now, why, and how it would leave. For the composer and for posting."""
    head = ConsentHead.objects.filter(contact=contact).first() or ConsentHead(contact=contact)
    return decide(_inputs(contact, head=head, text=text, message_class=message_class, at=at, attempt=None))


def evaluate_again(attempt: Attempt, *, head: ConsentHead, at: datetime) -> Decision:
    """Say whether a queued text may leave now. Nothing is added to it any more; it does not count against itself."""
    contact, message_class = attempt.contact, attempt.message_class
    return decide(_inputs(contact, head=head, text=attempt.text, message_class=message_class, at=at, attempt=attempt))


def _inputs(
    contact: Contact, *, head: ConsentHead, text: str, message_class: str, at: datetime, attempt: Attempt | None
) -> Inputs:
    sent_24h, sent_this_episode = _counts(contact, since=head.since, at=at, without=attempt)
    zones = numbers.zones_of(contact.number, contact.time_zone)
    return Inputs(
        at=at.isoformat(),
        text=text,
        is_composed=attempt is not None,
        message_class=message_class,
        firm=Firm.objects.values_list("name", flat=True).first() or "",
        carrier=configured_name(),
        number=contact.number,
        number_kind=numbers.kind_of(contact.number),
        is_own_number=contact.number == settings.ONRECORD_SMS_SENDER,
        consent_state=head.state,
        since=head.since.isoformat() if head.since else "",
        grants=_grants(head),
        has_written_to_us=InboundText.objects.filter(number=contact.number).exists(),
        answer_asked_at=_answer_asked_at(contact) if message_class == "confirmation" else "",
        offsets=numbers.offsets_at(at, zones=zones),
        sent_24h=sent_24h,
        sent_this_episode=sent_this_episode,
        refused_by=review(text, rules=active_rules()).refused,
    )


def _grants(head: ConsentHead) -> tuple[Grant, ...]:
    return tuple(
        Grant(message_class=message_class, basis=kept["basis"], since=kept["since"], is_proven=kept["is_proven"])
        for message_class, kept in sorted(head.grants.items())
    )


def _counts(contact: Contact, *, since: datetime | None, at: datetime, without: Attempt | None) -> tuple[int, int]:
    """Return how many texts went or will go to the contact: in the last 24 hours, and since consent began."""
    day_ago = at - timedelta(hours=24)
    attempts = Attempt.objects.filter(contact=contact).exclude(
        Q(state__in=NEVER_SENT) | Q(message_class="confirmation")
    )
    if without is not None:
        attempts = attempts.exclude(pk=without.pk)
    counts = attempts.aggregate(
        day=Count("pk", filter=Q(created_at__gt=day_ago)),
        episode=Count("pk", filter=Q(created_at__gte=since) if since else Q()),
    )
    return counts["day"], counts["episode"]


def _answer_asked_at(contact: Contact) -> str:
    answer = ConfirmationSent.objects.filter(contact=contact).order_by("-at", "-id").first()
    return answer.at.isoformat() if answer else ""
