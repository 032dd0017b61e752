"""What the simulated phone has on its screen. Reads only, and only what went through the simulator."""

from dataclasses import dataclass
from datetime import datetime

from messenger.people.models import Contact
from messenger.sms.models import InboundText, SimulatedText
from messenger.sms.transports.simulator import Simulator

SCREEN = 60  # as many texts as a screen is scrolled back at most


@dataclass(frozen=True)
class PhoneText:
    """One text on the phone. `is_sent`: the phone's owner wrote it; else it came from us."""

    id: str
    body: str
    at: datetime
    is_sent: bool


def texts_on(contact: Contact) -> list[PhoneText]:
    """Return the newest texts on the contact's phone, oldest first."""
    received = SimulatedText.objects.filter(number=contact.number).order_by("-at", "-id")[:SCREEN]
    sent = InboundText.objects.filter(number=contact.number, carrier=Simulator.name).order_by("-received_at", "-id")
    texts = [PhoneText(text.carrier_id, text.body, text.at, is_sent=False) for text in received]
    texts += [PhoneText(text.carrier_id, text.body, text.received_at, is_sent=True) for text in sent[:SCREEN]]
    return sorted(texts, key=lambda text: (text.at, text.id))[-SCREEN:]


def phones() -> list[Contact]:
    """Return everybody who has a simulated phone."""
    return list(Contact.objects.order_by("name", "pk")[:200])


def phone_of(contact_id: int) -> Contact | None:
    return Contact.objects.filter(pk=contact_id).first()
