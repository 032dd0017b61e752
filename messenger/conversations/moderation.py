"""Report a message, and take one from the members' sight. The original always stays in the record.

Principle: a removal hides, it never destroys. Worst case of a mistake: members see a tombstone where words should be.
"""

from datetime import datetime

from django.utils import timezone

from archive import events, ledger
from messenger.conversations.access import access_message
from messenger.conversations.models import Message, MessageReport
from messenger.conversations.stream import append
from messenger.people.errors import Conflict, Invalid, NotAllowed
from messenger.people.models import Person
from messenger.people.standing import acting, as_now

REASONS = {
    "conduct": "Harassment or abuse",
    "advice": "Advice or promise that we may not give",
    "confidential": "Confidential information",
    "off_channel": "Moves business off the record",
    "other": "Something else",
}


def report_message(
    person: Person, *, conversation_id: int, n: int, reason: str, comment: str = "", at: datetime | None = None
) -> MessageReport:
    """Ask for a moderator's eye on a message. The same person reporting it again gets their first report back."""
    if reason not in REASONS:
        raise Invalid("reason", f"The reason is one of: {', '.join(REASONS)}.")
    if len(comment) > 1000 or "\x00" in comment:
        raise Invalid("comment", "The comment is at most 1,000 characters of text.")
    with ledger.transaction():
        person = as_now([person])[person.pk]
        seat, message = access_message(person, conversation_id, n)
        known = MessageReport.objects.filter(message=message, reporter=person).first()
        if known is not None:
            return known
        at = at or timezone.now()
        ledger.record(
            events.MessageReported(
                stream=f"person:{person.pk}",
                actor=person.as_actor(),
                at=at,
                conversation=seat.conversation.stream,
                n=n,
                reason=reason,
                comment=comment,
            )
        )
        return MessageReport.objects.create(
            conversation=seat.conversation, message=message, reporter=person, reason=reason, comment=comment, at=at
        )


# rule: us-sec-17a-4-audit-trail
def remove_message(by: Person, *, message: Message, reason: str, at: datetime | None = None) -> Message:
    """Put a tombstone in the place of a message. Members see that it was removed and why, the author is told too.

    Who may: `reports.decide`, and never on one's own words.
    """
    with ledger.transaction():
        by = acting(by, "reports.decide")
        if message.author_id == by.pk:
            raise NotAllowed("Nobody decides on their own words.")
        message = Message.objects.select_related("conversation").get(pk=message.pk)
        if message.state == Message.REMOVED:
            raise Conflict(None, "This message is removed already.")
        event = events.MessageRemoved(
            stream=message.conversation.stream,
            actor=by.as_actor(),
            at=at or timezone.now(),
            n=message.n,
            reason=reason,
        )
        append(message.conversation, event, data={"target": message.n, "reason": reason})
        message.state, message.removal_reason = Message.REMOVED, reason
        message.save(update_fields=["state", "removal_reason"])
    return message
