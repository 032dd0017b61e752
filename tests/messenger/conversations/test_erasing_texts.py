"""Texts whose words are disposed of: they never leave any more, a doubt stays one, and what carriers said goes too."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from archive import ledger
from messenger.conversations import actions, opening, texts
from messenger.conversations.models import Conversation, Message
from messenger.sms import actions as sms
from messenger.sms import reports
from messenger.sms.models import Attempt, StatusReport
from messenger.sms.transports.contract import Ambiguous, NotCreated, Outgoing, Report, Submitted
from tests.cast import Cast
from tests.messenger.conversations.test_erasing import SECRET, erase, words_in_database
from tests.messenger.sms.texting import FakeCarrier, agree, plug_in

pytestmark = pytest.mark.django_db(transaction=True)
QUOTED = f"not accepted: the {SECRET} plan"
Answer = Submitted | NotCreated | Ambiguous


class MeanwhileCarrier(FakeCarrier):
    """Has something happen while it is being called."""

    meanwhile: Callable[[], object] = staticmethod(lambda: None)

    def submit(self, outgoing: Outgoing) -> Answer:
        self.meanwhile()
        return super().submit(outgoing)


@pytest.fixture(autouse=True)
def no_floor(settings: Settings) -> None:
    settings.ONRECORD_ERASURE_FLOOR_YEARS = 0


@pytest.fixture
def carrier(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> MeanwhileCarrier:
    carrier = MeanwhileCarrier()
    plug_in(carrier, settings=settings, monkeypatch=monkeypatch)
    return carrier


@pytest.fixture
def thread(cast: Cast, carrier: MeanwhileCarrier) -> Conversation:
    agree(cast.contact, by=cast.alice)
    return opening.open_client_thread(cast.alice, contact=cast.contact).conversation


@pytest.fixture
def message(cast: Cast, thread: Conversation) -> Message:
    """A text that waits to leave."""
    key, body = uuid.uuid4(), f"the {SECRET} plan"
    posted = actions.post_message(cast.alice, conversation_id=thread.pk, client_key=key, body=body)
    assert isinstance(posted, actions.Posted)
    return posted.message


def text() -> Attempt:
    return Attempt.objects.get()


def told(thread: Conversation) -> tuple[object, object]:
    """Return what the record says last of the text."""
    last = [entry for entry in ledger.read_stream(thread.stream) if entry.kind == "sms.status"][-1]
    assert last.content is not None
    return last.content["state"], last.content["detail"]


def sweep_for_long() -> None:
    for hours in (0, 1, 24, 24 * 30):
        texts.send_due(at=timezone.now() + timedelta(hours=hours))


def test_words_that_go_while_their_carrier_refuses_them_are_not_tried_again_in_any_form(
    thread: Conversation, message: Message, carrier: MeanwhileCarrier
) -> None:
    carrier.answers = [NotCreated(QUOTED)]
    carrier.meanwhile = lambda: erase(message.seq)
    texts.send_due()
    assert told(thread) == ("cancelled", sms.WORDS_GONE)
    carrier.meanwhile = lambda: None
    sweep_for_long()
    assert len(carrier.given) == 1
    assert (text().state, text().due_at, words_in_database()) == ("cancelled", None, [])


@pytest.mark.parametrize("puts_off", [timedelta(0), timedelta(days=2)])
def test_a_text_that_waits_ends_as_not_sent_when_its_words_go(
    thread: Conversation, message: Message, carrier: MeanwhileCarrier, puts_off: timedelta
) -> None:
    Attempt.objects.update(due_at=timezone.now() + puts_off, failure=QUOTED, detail=QUOTED)
    erase(message.seq)
    assert words_in_database() == []
    texts.send_due()
    assert (text().state, told(thread)) == ("cancelled", ("cancelled", sms.WORDS_GONE))
    sweep_for_long()
    assert carrier.given == []


def test_words_that_go_between_lease_and_call_do_not_leave(
    thread: Conversation, message: Message, carrier: MeanwhileCarrier
) -> None:
    (leased,) = sms.claim_due(limit=1, at=timezone.now()).leased
    erase(message.seq)
    assert SECRET in leased.text, "control: the worker has them at hand"
    texts._hand_over(leased)
    assert (carrier.given, told(thread)) == ([], ("cancelled", sms.WORDS_GONE))


def test_a_doubt_stays_parked_without_the_carriers_words_until_a_person_ends_it(
    message: Message, carrier: MeanwhileCarrier
) -> None:
    carrier.answers = [Ambiguous(QUOTED)]
    texts.send_due()
    assert "messenger_attempt.failure" in words_in_database(), "control"
    erase(message.seq)
    assert words_in_database() == []
    (parked,) = sms.TEXTS.parked_rows()
    assert (parked.state, bool(parked.failure), sms.TEXTS.may_retry(parked)) == ("in_doubt", True, False)
    sweep_for_long()
    assert sms.TEXTS.set_aside(parked)
    assert (text().state, len(carrier.given)) == ("in_doubt", 1)


def test_a_doubt_of_which_the_words_go_while_the_carrier_is_called_quotes_nothing(
    message: Message, carrier: MeanwhileCarrier
) -> None:
    carrier.answers = [Ambiguous(QUOTED)]
    carrier.meanwhile = lambda: erase(message.seq)
    texts.send_due()
    (parked,) = sms.TEXTS.parked_rows()
    assert (parked.state, words_in_database()) == ("in_doubt", [])


def test_a_text_that_was_tried_for_the_last_time_stays_parked_and_cannot_be_retried_without_words(
    message: Message, carrier: MeanwhileCarrier
) -> None:
    carrier.answers = [NotCreated(QUOTED)]
    Attempt.objects.update(tries=sms.TEXTS.most_tries - 1)
    texts.send_due()
    (parked,) = sms.TEXTS.parked_rows()
    assert sms.TEXTS.may_retry(parked), "control"
    erase(message.seq)
    (parked,) = sms.TEXTS.parked_rows()
    assert (parked.state, sms.TEXTS.may_retry(parked), words_in_database()) == ("failed", False, [])


def test_what_carriers_say_after_the_words_went_is_applied_and_not_quoted(
    message: Message, carrier: MeanwhileCarrier
) -> None:
    early = Report("fake-1", "sent", raw=QUOTED)
    texts._keep_report(early, at=timezone.now())
    carrier.meanwhile = lambda: erase(message.seq)
    texts.send_due()
    assert text().state == "sent", "what came before the carrier's id was known"
    changed = reports.receive_report(Report("fake-1", "delivered", raw=QUOTED), carrier="fake", at=timezone.now())
    assert changed is not None
    assert (text().state, StatusReport.objects.count(), words_in_database()) == ("delivered", 2, [])


def test_whoever_writes_what_stands_for_words_that_are_gone_is_sent_as_anybody(
    cast: Cast, thread: Conversation, message: Message, carrier: MeanwhileCarrier
) -> None:
    Attempt.objects.update(text="(no longer kept)")
    texts.send_due()
    assert [outgoing.parts for outgoing in carrier.given] == [("(no longer kept)",)]
