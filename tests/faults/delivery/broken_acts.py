"""Acts with one defect each, for controls: a rig that finds nothing wrong with these has shown nothing.

Must never be imported by the product.
"""

from collections.abc import Iterator
from uuid import UUID

from archive import ledger
from messenger.conversations import posting
from messenger.conversations.markup import render_body
from messenger.sms.models import Attempt
from messenger.sms.segments import split
from messenger.sms.transports.contract import Outgoing
from tests.faults.delivery.acts import Act, Send
from tests.faults.delivery.acts_texts import Release
from tests.faults.steps import Line, Tell


class SayItTooEarly(Send):
    """A post that is acknowledged before its commit."""

    def prepare(self, number: int) -> Line:
        return self.words(number, c=self.scene.quiet)

    def do(self, given: Line, tell: Tell) -> None:
        wish = posting.Wish(
            self.scene.quiet_seats[0].person, given["c"], UUID(given["key"]), given["body"], render_body(given["body"])
        )
        tell({"event": "acked", **given})
        with ledger.transaction():
            posting.write_posts([wish])


class SendAndForget(Release):
    """A text that is handed to the carrier before anything says so, and again by whoever finds it queued."""

    def do(self, given: Line, tell: Tell) -> None:
        for attempt in Attempt.objects.filter(pk=given["attempt"], state="queued").select_related("contact"):
            reference, to, parts = str(attempt.pk), attempt.contact.number, split(attempt.text).parts
            text = Outgoing(reference=reference, to=to, sender=attempt.sender, parts=parts, encoding="gsm7")
            self.scene.carrier.submit(text)
            Attempt.objects.filter(pk=attempt.pk).update(state="submitted")
        tell({"event": "released"})

    def go_on(self, given: Line, tell: Tell, *, told: list[Line]) -> None:
        self.do(given, tell)

    def faults(self, given: Line) -> Iterator[str]:
        left = self.scene.carrier.taken().count(given["attempt"])
        if left != 1:
            yield f"text {given['attempt']} left {left} times"


BROKEN: tuple[type[Act], ...] = (SayItTooEarly, SendAndForget)
