"""What a phone sent us: the journal of raw texts, and what follows from a STOP, a HELP, a START or other words.

Must not decide what is archived: everything is, whatever it says. Threads and answers are put together by
`messenger.conversations.texts`; the functions here are called inside its `ledger.transaction()`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from archive import ledger
from archive.outbox import Backoff, Outbox
from messenger.people.models import Contact, Firm
from messenger.sms import consent
from messenger.sms.models import Attempt, ConfirmationSent, ConsentHead, InboundText
from messenger.sms.rules.opt_out import Help, OptIn, OptOut, Reading, Words, read

__all__ = [
    "INBOUND",
    "Answer",
    "Help",
    "OptIn",
    "OptOut",
    "Reading",
    "Words",
    "classify",
    "handle_help",
    "handle_opt_in",
    "handle_opt_out",
    "handle_words",
    "journal",
]

LATER_TEXTS = 100  # that are looked through for a STOP; more than a person writes while a text waits

# Nobody may set one aside: what a phone sent us belongs into the record, and may be a STOP.
INBOUND = Outbox[InboundText](
    name="inbound_texts",
    title="Texts from phones",
    task="messenger.read_inbound_texts",
    rows=lambda: InboundText.objects.filter(processed_at=None),
    describe=lambda text: f"Text {text.pk} of the journal",
    lease=timedelta(seconds=30),  # the work is one transaction, and texts to the number wait for it
    most_tries=10,  # about half an hour
    backoff=Backoff(first=timedelta(seconds=5), longest=timedelta(minutes=10)),
    order=("received_at", "pk"),
    may_set_aside=lambda _text: False,
)


@dataclass(frozen=True)
class Answer:
    """What follows from an inbound text. `confirmation` is to be sent, as message class "confirmation"."""

    confirmation: str | None = None
    cancelled: tuple[Attempt, ...] = ()


def journal(*, carrier: str, carrier_id: str, number: str, to: str, body: str, at: datetime) -> InboundText:
    """Keep a text as it came and return its row; the same carrier id again returns the first row, unchanged."""
    row, is_new = InboundText.objects.get_or_create(
        carrier=carrier,
        carrier_id=carrier_id,
        defaults={"number": number, "to": to, "body": _storable(body), "received_at": at, "due_at": at},
    )
    if is_new:
        INBOUND.nudge()
    return row


def classify(body: str) -> Reading:
    """Say what an inbound text asks for."""
    return read(body)


@ledger.transaction()
def handle_opt_out(contact: Contact, *, body: str, match: OptOut, at: datetime) -> Answer:
    """Suppress the contact and cancel what is queued; the confirmation comes once for each episode."""
    revoked = consent.revoke(contact, by=None, channel="sms", words_used=body, rule=match.rule, at=at)
    text = f"{_firm()}: You are unsubscribed and will get no more texts from us. Reply START to get them again."
    confirmation = _once(contact, key=f"opt_out:{revoked.head.episode}", text=text, at=at)
    return Answer(confirmation, revoked.cancelled)


@ledger.transaction()
def handle_help(contact: Contact, *, at: datetime) -> Answer:
    """Answer HELP, at most once a day."""
    text = f"{_firm()}: You can answer here and a person will read it. Message and data rates may apply. " + STOP_LINE
    return Answer(_once(contact, key=f"help:{at.date().isoformat()}", text=text, at=at))


@ledger.transaction()
def handle_opt_in(contact: Contact, *, body: str, match: OptIn, at: datetime) -> Answer:
    """Let the contact be texted again, by their own word. A plain yes to no invitation is ordinary words.

    So is a word that they took back before anybody read it. Who may be texted already gets no answer, so that a machine
    that texts START cannot keep us talking.
    """
    head = consent.lock_head(contact)
    if match.is_only_for_invited or head.state == "granted" or _is_taken_back(contact, head=head, since=at):
        return handle_words(contact, body=body, at=at)
    event = consent.grant(
        contact,
        by=None,
        basis="express",
        message_class="conversational",
        evidence={"words": body, "rule": match.rule},
        at=at,
    )
    text = f"{_firm()}: You will get texts from us again. Message and data rates may apply. " + STOP_LINE
    return Answer(_once(contact, key=f"opt_in:{event.seq}", text=text, at=at))


@ledger.transaction()
def handle_words(contact: Contact, *, body: str, at: datetime) -> Answer:
    """Take somebody's first words to us as consent to be answered. It never lifts a suppression."""
    if consent.lock_head(contact).state == "none":
        consent.grant(
            contact,
            by=None,
            basis="inbound_conversation",
            message_class="conversational",
            evidence={"words": body},
            at=at,
        )
    return Answer()


STOP_LINE = "Reply STOP to opt out."


def _is_taken_back(contact: Contact, *, head: ConsentHead, since: datetime) -> bool:
    """Say whether the contact asked to be left alone after this moment, by whatever way and however often before."""
    if head.state != "suppressed":
        return False
    # A STOP that finds them suppressed leaves no step of its own: only the journal has it.
    later = InboundText.objects.filter(number=contact.number, received_at__gt=since).exclude(processed_at=None)
    bodies = later.order_by("-received_at").values_list("body", flat=True)[:LATER_TEXTS]
    return head.since is None or head.since >= since or any(isinstance(read(body), OptOut) for body in bodies)


def _once(contact: Contact, *, key: str, text: str, at: datetime) -> str | None:
    """Return the text the first time for this key, None ever after. The unique key decides, also between processes."""
    _, is_first = ConfirmationSent.objects.get_or_create(contact=contact, key=key, defaults={"text": text, "at": at})
    return text if is_first else None


def _firm() -> str:
    return Firm.objects.values_list("name", flat=True).first() or "OnRecord"


def _storable(body: str) -> str:
    """Replace the two things that a database cannot keep, NUL and halves of characters, by the sign for unreadable."""
    return "".join("\ufffd" if char == "\x00" or "\ud800" <= char <= "\udfff" else char for char in body)
