"""The carrier of the embedded mode: a phone that exists only on the phone page. It must never run in production.

A text is encoded and decoded as the network would do it, so that the page shows what a real phone would show.
"""

from collections.abc import Iterable
from uuid import uuid4

from django.utils import timezone

from messenger.sms.models import SimulatedText
from messenger.sms.segments import decode, encode
from messenger.sms.transports.contract import Outgoing, Report, Submitted


class Simulator:
    """Takes every text at once and reports it delivered the next time it is asked."""

    name = "simulator"

    def submit(self, outgoing: Outgoing) -> Submitted:
        segments = [encode(part, encoding=outgoing.encoding) for part in outgoing.parts]
        text = SimulatedText.objects.create(
            carrier_id=f"sim-{uuid4().hex}",
            reference=outgoing.reference,
            number=outgoing.to,
            sender=outgoing.sender,
            body="".join(decode(segment, encoding=outgoing.encoding) for segment in segments),
            at=timezone.now(),
        )
        return Submitted(text.carrier_id)

    def fetch_reports(self, *, limit: int) -> list[Report]:
        waiting = SimulatedText.objects.filter(is_reported=False)[:limit]
        return [Report(text.carrier_id, "delivered", reference=text.reference) for text in waiting]

    def acknowledge(self, reports: Iterable[Report]) -> None:
        ids = [report.carrier_id for report in reports]
        SimulatedText.objects.filter(carrier_id__in=ids).update(is_reported=True)
