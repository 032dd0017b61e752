"""Empty texts whose messages are disposed of, and what carriers said of them. It must not decide how a text goes on.

Danger: it deletes words for good; called by the room of conversations only, in the transaction of the disposal. A text
that waits is due at once: the sweep finds no words and ends it as not sent, which is recorded then. A doubt stays one.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q

from messenger.sms.models import Attempt, InboundText, SimulatedText, StatusReport

NO_LONGER_KEPT = "(no longer kept)"  # a text must not be empty
NOT_QUOTED = "What was said of it is no longer kept."  # carriers and rules quote the words


def forget_sent(places: Iterable[tuple[int, int]], *, at: datetime) -> None:
    """Empty the texts of these messages (conversation, number), whatever became of them."""
    found = Q(pk=None)
    for conversation_id, n in places:
        found |= Q(conversation_id=conversation_id, n=n)
    attempts = Attempt.objects.filter(found)
    keys = list(attempts.values_list("pk", flat=True))
    attempts.filter(state="queued").update(due_at=at)
    attempts.exclude(detail="").update(detail=NOT_QUOTED)
    attempts.exclude(failure="").update(failure=NOT_QUOTED)
    attempts.update(text=NO_LONGER_KEPT, decision={}, release=None, reasons=[])
    StatusReport.objects.filter(attempt__in=keys).update(raw="")
    SimulatedText.objects.filter(reference__in=[str(key) for key in keys]).update(body="")


def forget_received(number: str, *, at: datetime) -> None:
    """Empty what this number texted to us at that moment."""
    InboundText.objects.filter(number=number, received_at=at).update(body="")
