"""Events for the tests of the record: people, times and words, and a short way to record them."""

from datetime import UTC, datetime, timedelta

from django.db import transaction

from archive import events, ledger

ALICE = events.Actor(id="person:1", name="Alice", role="employee")
BOB = events.Actor(id="person:2", name="Bob", role="employee")
NOON = datetime(2026, 11, 21, 12, 0, 0, 123_000, tzinfo=UTC)


def said(
    body: str, *, stream: str = "conversation:7", actor: events.Actor = ALICE, at: datetime = NOON
) -> events.Event:
    return events.MessageCreated(stream=stream, actor=actor, at=at, body=body, client_key=f"key of {body}")


def signed_in(*, actor: events.Actor = BOB, at: datetime = NOON) -> events.Event:
    return events.SignedIn(stream=actor.id, actor=actor, at=at, address="192.0.2.7", agent="Browser")


def record(*happened: events.Event) -> list[ledger.Receipt]:
    with transaction.atomic():
        return ledger.record_all(happened)


def record_conversations(count: int) -> list[ledger.Receipt]:
    """Record `count` entries one by one, in three conversations, with sign-ins and stream heads among them."""
    receipts = []
    for i in range(count):
        at = NOON + timedelta(minutes=i)
        if i % 10 == 9:
            receipts.append(ledger.record_heads(at))
        elif i % 5 == 4:
            receipts += record(signed_in(at=at))
        else:
            receipts += record(said(f"message {i}", stream=f"conversation:{i % 3}", at=at))
    return receipts
