"""Inbound texts: kept once, read, and followed: STOP, HELP, START, first words."""

import json
from datetime import timedelta

import pytest

from messenger.people.models import Contact
from messenger.sms import actions, consent, inbound
from messenger.sms.models import Attempt, ConfirmationSent, InboundText
from tests.cast import Cast
from tests.messenger.sms.texting import NOON, THREAD, FakeCarrier, queue, sweep

pytestmark = pytest.mark.django_db


def arrive(body: str, *, carrier_id: str = "in-1") -> InboundText:
    return inbound.journal(
        carrier="fake", carrier_id=carrier_id, number="+12025550147", to="+15555550100", body=body, at=NOON
    )


def say(contact: Contact, body: str, *, minutes: int = 0) -> inbound.Answer:
    """Let the contact's text have its consequences, as the thread's composition does."""
    at, reading = NOON + timedelta(minutes=minutes), inbound.classify(body)
    if isinstance(reading, inbound.OptOut):
        return inbound.handle_opt_out(contact, body=body, match=reading, at=at)
    if isinstance(reading, inbound.OptIn):
        return inbound.handle_opt_in(contact, body=body, match=reading, at=at)
    if isinstance(reading, inbound.Help):
        return inbound.handle_help(contact, at=at)
    return inbound.handle_words(contact, body=body, at=at)


def confirm(contact: Contact, answer: inbound.Answer, *, n: int = 90, minutes: int = 0) -> Attempt:
    assert answer.confirmation is not None
    at = NOON + timedelta(minutes=minutes)
    decision = actions.evaluate(contact, text=answer.confirmation, at=at, message_class="confirmation")
    return actions.queue(contact, conversation_id=THREAD, n=n, decision=decision, at=at)


def test_the_same_carrier_id_twice_is_one_text(cast: Cast) -> None:
    first, again = arrive("Hello"), arrive("Changed on the way")
    assert (again.pk, again.body, InboundText.objects.count()) == (first.pk, "Hello", 1)


def test_what_a_database_cannot_keep_is_shown_as_unreadable(cast: Cast) -> None:
    assert arrive("a\x00b\ud83dc").body == "a\ufffdb\ufffdc"


def test_the_journal_is_worked_through_once_and_in_order(cast: Cast) -> None:
    for name in ("in-1", "in-2"):
        arrive("Hello", carrier_id=name)
    taken: list[str] = []

    def note(text: InboundText) -> None:
        taken.append(text.carrier_id)
        inbound.INBOUND.finish(text, processed_at=NOON)

    assert [inbound.INBOUND.work_off(note, at=NOON) for _ in range(2)] == [2, 0]
    assert taken == ["in-1", "in-2"]


# rule: us-tcpa-opt-out
@pytest.mark.parametrize(
    "body", ["STOP", "stop.", "S T O P", "ＳＴＯＰ", "Opt-Out", "end", "please remove me", "Abmelden"]
)
def test_a_stop_suppresses_at_once_cancels_and_is_confirmed_once(
    contact: Contact, carrier: FakeCarrier, body: str
) -> None:
    queue(contact)
    answer = say(contact, body)
    assert consent.state(contact).state == "suppressed"
    assert [attempt.state for attempt in answer.cancelled] == ["cancelled"]
    assert "unsubscribed" in (answer.confirmation or "")
    assert say(contact, body, minutes=1) == inbound.Answer()
    assert ConfirmationSent.objects.filter(key__startswith="opt_out").count() == 1


def test_the_confirmation_leaves_although_they_are_suppressed_and_nothing_else_does(
    contact: Contact, carrier: FakeCarrier
) -> None:
    confirm(contact, say(contact, "STOP"))
    assert queue(contact, n=91).state == "refused"
    sweep()
    assert ["unsubscribed" in "".join(given.parts) for given in carrier.given] == [True]


# rule: us-tcpa-opt-out-confirm
def test_a_confirmation_that_is_late_is_not_sent(contact: Contact, carrier: FakeCarrier) -> None:
    confirm(contact, say(contact, "STOP"))
    (refused,) = sweep(at=NOON + timedelta(minutes=6)).refused
    assert refused.reasons[0]["code"] == "confirmation_late"
    assert carrier.given == []


def test_a_second_stop_does_not_cancel_the_confirmation_of_the_first(contact: Contact, carrier: FakeCarrier) -> None:
    confirm(contact, say(contact, "STOP"))
    say(contact, "STOP", minutes=1)
    assert len(sweep(at=NOON + timedelta(minutes=2)).leased) == 1


def test_start_ends_the_suppression_and_the_next_stop_is_confirmed_again(
    contact: Contact, carrier: FakeCarrier
) -> None:
    say(contact, "STOP")
    assert "again" in (say(contact, "START", minutes=1).confirmation or "")
    event = consent.history(contact)[-1]
    assert json.loads(event.evidence) == {"rule": "ctia.opt-in.start@1", "words": "START"}
    assert queue(contact, at=NOON + timedelta(minutes=2)).state == "queued"
    assert "unsubscribed" in (say(contact, "STOP", minutes=3).confirmation or "")


@pytest.mark.parametrize("body", ["yes", "Hello again", "thank you"])
def test_other_words_do_not_end_a_suppression(contact: Contact, carrier: FakeCarrier, body: str) -> None:
    say(contact, "STOP")
    assert say(contact, body, minutes=1) == inbound.Answer()
    assert queue(contact, at=NOON + timedelta(minutes=2)).reasons[0]["code"] == "suppressed"


def test_a_machine_that_texts_start_gets_no_answer_after_the_first(contact: Contact, carrier: FakeCarrier) -> None:
    assert [say(contact, "START", minutes=minute).confirmation for minute in range(3)] == [None] * 3


def test_help_is_answered_once_a_day_also_after_a_stop(contact: Contact, carrier: FakeCarrier) -> None:
    say(contact, "STOP")
    answer = say(contact, "HELP", minutes=1)
    assert "Reply STOP" in (answer.confirmation or "")
    assert say(contact, "help", minutes=2).confirmation is None
    assert confirm(contact, answer, minutes=2).state == "queued"
    assert say(contact, "HELP", minutes=24 * 60).confirmation is not None


def test_first_words_let_us_answer_and_nothing_more(cast: Cast, carrier: FakeCarrier) -> None:
    arrive("Is my statement ready?")
    say(cast.contact, "Is my statement ready?")
    event = consent.history(cast.contact)[-1]
    assert (event.basis, event.message_class) == ("inbound_conversation", "conversational")
    assert queue(cast.contact, n=1).state == "queued"
    assert queue(cast.contact, n=2, kind="promotional").reasons[0]["code"] == "no_consent"


def test_further_words_add_no_consent_events(contact: Contact) -> None:
    before = len(consent.history(contact))
    say(contact, "Thanks")
    assert len(consent.history(contact)) == before


def test_the_automatic_answers_fit_into_two_segments_at_most(contact: Contact, carrier: FakeCarrier) -> None:
    counts = [
        confirm(contact, say(contact, body, minutes=n), n=n, minutes=n).segment_count
        for n, body in enumerate(["STOP", "START", "HELP"])
    ]
    assert max(counts) <= 2
