"""Helpers of the texting tests: a consented contact, a queued text, and a carrier whose answers the test chooses."""

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import count

import pytest
from pytest_django import Settings

from archive import ledger
from messenger.people.models import Contact, Person
from messenger.sms import actions, consent
from messenger.sms.models import Attempt
from messenger.sms.transports import registry
from messenger.sms.transports.contract import Ambiguous, NotCreated, Outgoing, Report, Submitted

NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)  # 12:00 in New York, where the cast's contact lives
NIGHT = datetime(2026, 11, 21, 4, 30, tzinfo=UTC)  # 23:30 there
THREAD = 7_000_001  # the number of a conversation that does not exist: this room knows conversations by number only


class FakeCarrier:
    """Keeps what it was given and answers what the test put into `answers`; by default it takes everything."""

    name = "fake"

    def __init__(self) -> None:
        self.given: list[Outgoing] = []
        self.answers: list[Submitted | NotCreated | Ambiguous | Exception] = []
        self.ids = count(1)

    def submit(self, outgoing: Outgoing) -> Submitted | NotCreated | Ambiguous:
        self.given.append(outgoing)
        answer = self.answers.pop(0) if self.answers else Submitted(f"fake-{next(self.ids)}")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def fetch_reports(self, *, limit: int) -> list[Report]:
        return []

    def acknowledge(self, reports: Iterable[Report]) -> None:
        pass


def plug_in(carrier: FakeCarrier, *, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have texts carried by this one."""
    monkeypatch.setitem(registry.CARRIERS, carrier.name, carrier)
    settings.ONRECORD_CARRIER = carrier.name


def agree(contact: Contact, *, by: Person, message_class: str = "conversational", basis: str = "express") -> None:
    """Record a proven consent, two days before NOON."""
    at = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
    evidence = {"said": "at the desk"}
    consent.grant(contact, by=by, basis=basis, message_class=message_class, evidence=evidence, at=at)


def queue(
    contact: Contact, *, n: int = 1, text: str = "Hello", at: datetime = NOON, kind: str = "conversational"
) -> Attempt:
    """Write a text and queue it, whatever the decision is."""
    with ledger.transaction():
        decision = actions.evaluate(contact, text=text, at=at, message_class=kind)
        return actions.queue(contact, conversation_id=THREAD, n=n, decision=decision, at=at)


def send(attempt: Attempt, *, at: datetime = NOON) -> Attempt:
    """Hand a leased text over and write down what came of it."""
    return actions.mark(attempt, result=actions.submit(attempt), at=at)


def sweep(*, at: datetime = NOON, limit: int = 50) -> actions.Claimed:
    """Claim what is due and send all of it."""
    claimed = actions.claim_due(limit=limit, at=at)
    for attempt in claimed.leased:
        send(attempt, at=at)
    return claimed
