"""The acts with texts to and from phones; acts.py has the others. Their carrier is outside of the database."""

from collections.abc import Iterator
from datetime import timedelta
from functools import cached_property

from django.utils import timezone

from messenger.conversations import texts
from messenger.conversations.models import Message
from messenger.sms import inbound
from messenger.sms.models import Attempt, ConsentHead, InboundText
from tests.faults.delivery.acts import Act, entries_of
from tests.faults.steps import Line, Tell

CARRIER = "simulator"
LEASE_OVER = timedelta(minutes=10)


class Texting(Act):
    """What acts with texts share: a phone that has written to us, in whose thread Alice answers."""

    @cached_property
    def phone(self) -> str:
        return f"+1202555{sum(self.name.encode()) % 10_000:04}"

    def hear(self, number: str, body: str, *, key: str) -> InboundText:
        return texts.receive_text(carrier=CARRIER, carrier_id=key, number=number, to="+15550100", body=body)

    def thread(self, number: str) -> int:
        """Return the thread with a phone, in which Alice sits."""
        self.hear(number, "Hello, are you there?", key=f"first {number}")
        found = Message.objects.filter(contact__number=number).values_list("conversation_id", flat=True).first()
        assert found is not None
        answer = self.scene.call("POST", f"conversations/{found}/take")
        assert answer.status_code in (201, 404), answer.content
        return found

    def text(self, c: int, line: Line) -> str:
        """Say something in a thread; return the id of its attempt."""
        answer = self.scene.call(
            "POST", f"conversations/{c}/messages", {"client_key": line["key"], "body": line["body"]}
        )
        assert answer.status_code == 201, answer.content
        return str(Attempt.objects.get(conversation_id=c, n=answer.json()["n"]).pk)

    def outgoing_faults(self, attempt_id: str, *, states: tuple[str, ...]) -> Iterator[str]:
        """Yield what is wrong with a text: it left at most once, after its entries, and its state says whether."""
        attempt = Attempt.objects.get(pk=attempt_id)
        stream, left = f"conversation:{attempt.conversation_id}", self.scene.carrier.taken().count(attempt_id)
        if left > 1:
            yield f"text {attempt_id} left {left} times"
        shown = [str(e.content["state"]) for e in entries_of(stream, kind="sms.status", attempt=attempt_id)]
        if attempt.state not in states or (attempt.state == "delivered") != bool(left):
            yield f"text {attempt_id} left {left} times and is {attempt.state}"
        if left and "submitting" not in shown:
            yield f"text {attempt_id} left without an entry that says so"
        if (shown or ["queued"])[-1] != attempt.state or len(set(shown)) != len(shown):
            yield f"text {attempt_id} is {attempt.state}, the record says {shown}"


class QueueText(Texting):
    """A text that is written: message and queue in one commit."""

    def prepare(self, number: int) -> Line:
        return self.words(number, c=self.thread(self.phone))

    def do(self, given: Line, tell: Tell) -> None:
        self.scene.post(tell, given)

    def faults(self, given: Line) -> Iterator[str]:
        message = Message.objects.get(client_key=given["key"])
        attempts = list(Attempt.objects.filter(conversation_id=given["c"], n=message.n))
        if len(attempts) != 1:
            yield f"{given['body']} has {len(attempts)} attempts"


class Release(Texting):
    """A text that waits is handed to its carrier. Whether it left is known or shown as doubt; it never leaves twice."""

    def prepare(self, number: int) -> Line:
        c = self.thread(self.phone)
        release_all()
        line = self.words(number, c=c)
        return line | {"attempt": self.text(c, line)}

    def do(self, given: Line, tell: Tell) -> None:
        tell({"event": "released", "count": texts.send_due()})

    def go_on(self, given: Line, tell: Tell, *, told: list[Line]) -> None:
        release_all()

    def faults(self, given: Line) -> Iterator[str]:
        yield from self.outgoing_faults(given["attempt"], states=("delivered", "in_doubt"))


class Report(Texting):
    """What the carrier says of a text that it took."""

    def prepare(self, number: int) -> Line:
        c = self.thread(self.phone)
        line = self.words(number, c=c)
        attempt = self.text(c, line)
        texts.send_due()
        return line | {"attempt": attempt}

    def do(self, given: Line, tell: Tell) -> None:
        tell({"event": "reported", "count": texts.read_reports()})

    def go_on(self, given: Line, tell: Tell, *, told: list[Line]) -> None:
        self.do(given, tell)

    def faults(self, given: Line) -> Iterator[str]:
        yield from self.outgoing_faults(given["attempt"], states=("delivered",))


def release_all() -> None:
    """Do what the sweeps do later, when the leases of who died are over, until nothing changes any more."""
    for _ in range(2):
        texts.send_due(at=timezone.now() + LEASE_OVER)
        texts.read_reports()


class Receive(Texting):
    """A text from a phone that is known; the carrier gives it again until we have said that we have it."""

    def prepare(self, number: int) -> Line:
        return {"c": self.thread(self.phone), "phone": self.phone, "key": f"words {number}", "body": f"words {number}"}

    def do(self, given: Line, tell: Tell) -> None:
        self.hear(given["phone"], given["body"], key=given["key"])
        tell({"event": "received a text", "key": given["key"]})

    def go_on(self, given: Line, tell: Tell, *, told: list[Line]) -> None:
        super().go_on(given, tell, told=told)
        # The sweep, when the lease of who died over the text has ended.
        inbound.INBOUND.work_off(texts._process, at=timezone.now() + LEASE_OVER)

    def faults(self, given: Line) -> Iterator[str]:
        texts_kept = InboundText.objects.filter(carrier_id=given["key"]).exclude(processed_at=None).count()
        message = Message.objects.filter(contact__number=given["phone"], body=given["body"]).first()
        stream = f"conversation:{message.conversation_id}" if message else "conversation:0"
        found = entries_of(stream, kind="sms.received", carrier_id=given["key"])
        if (texts_kept, len(found)) != (1, 1):
            yield f"{given['key']} is kept {texts_kept} times, with {len(found)} entries"


class ReceiveFirst(Receive):
    """The first text of a phone that nobody knows: contact, thread and message come with it."""

    def prepare(self, number: int) -> Line:
        return {"phone": f"+1305555{number:04}", "key": f"unknown {number}", "body": f"unknown {number}"}


class Stop(Receive):
    """STOP, while a text waits: it is cancelled, the phone is left alone, and told so once."""

    def prepare(self, number: int) -> Line:
        phone = f"+1312555{number:04}"
        c = self.thread(phone)
        line = self.words(number, c=c)
        return {"c": c, "phone": phone, "key": f"stop {number}", "body": "STOP", "attempt": self.text(c, line)}

    def faults(self, given: Line) -> Iterator[str]:
        yield from super().faults(given)
        texts.send_due()
        texts.read_reports()
        yield from self.outgoing_faults(given["attempt"], states=("cancelled",))
        head = ConsentHead.objects.get(contact__number=given["phone"])
        answers = Attempt.objects.filter(conversation_id=given["c"], message_class="confirmation")
        if head.state != "suppressed" or [a.state for a in answers] != ["delivered"]:
            yield f"{given['phone']} is {head.state} and was told so {len(answers)} times"


TEXT_ACTS: tuple[type[Act], ...] = (QueueText, Release, Report, Receive, ReceiveFirst, Stop)
