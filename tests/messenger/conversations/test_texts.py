"""Texts between the queue, the carrier and the thread: what a crash or a broken row may cost."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from archive import ledger
from messenger.conversations import actions, opening, texts
from messenger.conversations.models import Conversation
from messenger.people.actions import add_contact
from messenger.people.models import Contact
from messenger.sms import actions as sms
from messenger.sms import consent, inbound
from messenger.sms.models import Attempt, InboundText
from messenger.sms.transports.contract import Outgoing, Report
from tests.cast import Cast
from tests.messenger.sms.texting import NOON, FakeCarrier, agree, plug_in

pytestmark = pytest.mark.django_db


class Crash(BaseException):
    """The process ends, as by kill -9: nothing may catch it."""


class CrashingCarrier(FakeCarrier):
    """Takes a text, and the process ends before it can write that down."""

    def submit(self, outgoing: Outgoing) -> None:  # type: ignore[override]  # it never returns
        super().submit(outgoing)
        raise Crash


@pytest.fixture
def crashing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> CrashingCarrier:
    carrier = CrashingCarrier()
    plug_in(carrier, settings=settings, monkeypatch=monkeypatch)
    return carrier


@pytest.fixture
def thread(cast: Cast) -> Conversation:
    agree(cast.contact, by=cast.alice)
    return opening.open_client_thread(cast.alice, contact=cast.contact).conversation


def _say(cast: Cast, thread: Conversation, body: str, *, key: uuid.UUID | None = None) -> None:
    key = key or uuid.uuid4()
    actions.post_message(cast.alice, conversation_id=thread.pk, client_key=key, body=body, at=NOON)


def _receive(contact: Contact, body: str, *, at: datetime = NOON) -> InboundText:
    number = uuid.uuid4().hex
    return inbound.journal(carrier="fake", carrier_id=number, number=contact.number, to="+1", body=body, at=at)


def test_a_crash_leaves_one_text_in_doubt_and_the_others_in_the_queue(
    cast: Cast, thread: Conversation, crashing: CrashingCarrier
) -> None:
    for body in ("one", "two", "three"):
        _say(cast, thread, body)
    with pytest.raises(Crash):
        texts.send_due(at=NOON)
    assert len(crashing.given) == 1
    assert list(Attempt.objects.order_by("n").values_list("state", flat=True)) == ["submitting", "queued", "queued"]


def test_a_sweep_sends_everything_that_is_due(cast: Cast, thread: Conversation) -> None:
    for body in ("one", "two", "three"):
        _say(cast, thread, body)
    assert texts.send_due(at=NOON) == 3
    assert texts.send_due(at=NOON) == 0


def test_a_text_that_cannot_be_decided_about_holds_up_none_behind_it_and_says_so_in_the_end(
    cast: Cast, thread: Conversation
) -> None:
    other = add_contact(cast.alice, name="Sam Client", number="+12125550143")
    agree(other, by=cast.alice)
    beside = opening.open_client_thread(cast.alice, contact=other).conversation
    for place in (thread, beside):
        _say(cast, place, "Good morning")
    Contact.objects.filter(pk=cast.contact.pk).update(time_zone="America/Atlantis")
    Attempt.objects.filter(contact=cast.contact).update(tries=sms.TEXTS.most_tries - 1)
    assert texts.send_due(at=NOON) == 1
    (stuck,) = sms.TEXTS.parked_rows()
    assert (stuck.contact, stuck.state, stuck.detail) == (cast.contact, "failed", sms.UNDECIDED)
    last = ledger.read_stream(thread.stream)[-1]
    assert (last.kind, last.content["state"], last.content["detail"]) == ("sms.status", "failed", sms.UNDECIDED)


def test_nobody_can_take_the_client_key_of_an_answer_and_so_stop_a_stop(cast: Cast, thread: Conversation) -> None:
    stop = _receive(cast.contact, "STOP")
    namespace = uuid.UUID("6f0c4f0a-3a0e-4b6c-9f0c-0c1f7d1c2a55")
    for name in (f"answer:{stop.pk}", f"{stop.carrier}:{stop.carrier_id}"):
        _say(cast, thread, "mine", key=uuid.uuid5(namespace, name))
    assert texts.process_inbound() == 1
    assert consent.state(cast.contact).state == "suppressed"


def test_a_text_that_fails_waits_and_does_not_hold_up_a_stop(cast: Cast, thread: Conversation) -> None:
    thread.refresh_from_db()
    decision = sms.evaluate(cast.contact, text="stray", at=NOON)
    # A stray row where the answer to HELP would stand.
    sms.queue(cast.contact, conversation_id=thread.pk, n=thread.head + 2, decision=decision, at=NOON)
    broken = _receive(cast.contact, "HELP")
    other = add_contact(cast.alice, name="Sam Client", number="+12125550143")
    _receive(other, "STOP")
    assert texts.process_inbound() == 1
    assert consent.state(other).state == "suppressed"
    broken.refresh_from_db()
    assert broken.processed_at is None


@pytest.mark.parametrize("before", ["", "STOP"])
def test_a_start_that_is_read_late_does_not_undo_a_later_stop(cast: Cast, thread: Conversation, before: str) -> None:
    """The worker that had it died; meanwhile they thought better of it. What they said last holds."""
    said_at = timezone.now() - timedelta(minutes=4)
    if before:
        _receive(cast.contact, before, at=said_at - timedelta(minutes=1))
        assert texts.process_inbound() == 1
    start = _receive(cast.contact, "START", at=said_at)
    assert inbound.INBOUND.claim(at=timezone.now()) == start
    _receive(cast.contact, "STOP", at=said_at + timedelta(minutes=1))
    assert texts.process_inbound() == 1
    InboundText.objects.filter(pk=start.pk).update(due_at=timezone.now())
    assert texts.process_inbound() == 1
    assert consent.state(cast.contact).state == "suppressed"
    _receive(cast.contact, "START", at=said_at + timedelta(minutes=2))
    assert texts.process_inbound() == 1
    assert consent.state(cast.contact).state == "granted", "control: the last word is theirs"


@pytest.mark.parametrize(("minutes", "state"), [(6, "refused"), (1, "queued")])
def test_a_stop_that_is_read_late_holds_and_is_not_confirmed_any_more(
    cast: Cast, thread: Conversation, minutes: int, state: str
) -> None:
    """A confirmation has five minutes from the request, not from when we got round to it."""
    _receive(cast.contact, "STOP", at=timezone.now() - timedelta(minutes=minutes))
    assert texts.process_inbound() == 1
    assert consent.state(cast.contact).state == "suppressed"
    assert Attempt.objects.get(message_class="confirmation").state == state


class TalkingCarrier(FakeCarrier):
    """Says things about texts, one of which nobody can understand."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Report] = []

    def fetch_reports(self, *, limit: int) -> list[Report]:
        return self.waiting[:limit]

    def acknowledge(self, reports: Iterable[Report]) -> None:
        known = list(reports)
        self.waiting = [report for report in self.waiting if report not in known]


def test_a_report_that_fails_holds_up_none_behind_it_and_is_given_again(
    cast: Cast, thread: Conversation, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    carrier = TalkingCarrier()
    plug_in(carrier, settings=settings, monkeypatch=monkeypatch)
    for body in ("one", "two"):
        _say(cast, thread, body)
    texts.send_due(at=NOON)
    first, second = Attempt.objects.order_by("created_at", "n")
    broken = Report(first.carrier_id, "eaten by a dog")
    carrier.waiting = [broken, Report(second.carrier_id, "delivered")]
    assert texts.read_reports(at=NOON) == 1
    second.refresh_from_db()
    assert second.state == "delivered"
    assert carrier.waiting == [broken]
