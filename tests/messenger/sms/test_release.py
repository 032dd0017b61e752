"""A text's way out: decided twice, leased once, never sent twice, never sent after a STOP that was committed."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from pytest_django import DjangoAssertNumQueries, Settings

from messenger.people.actions import add_contact
from messenger.people.models import Contact
from messenger.policy import actions as policy
from messenger.sms import actions, consent
from messenger.sms.inbound import INBOUND, journal
from messenger.sms.models import Attempt, InboundText
from messenger.sms.rules.decide import replay
from messenger.sms.transports.contract import Ambiguous, NotCreated, Submitted
from tests.cast import Cast
from tests.messenger.sms.texting import NIGHT, NOON, FakeCarrier, agree, queue, send, sweep

pytestmark = pytest.mark.django_db
STOP: dict[str, Any] = {"channel": "sms", "words_used": "STOP", "rule": "us-fed.opt-out.per-se@1"}


def states() -> list[str]:
    return list(Attempt.objects.order_by("n").values_list("state", flat=True))


def test_a_text_goes_from_the_queue_to_the_carrier_as_it_was_shown(contact: Contact, carrier: FakeCarrier) -> None:
    attempt = queue(contact, text="Your café table is booked €5")
    sweep()
    attempt.refresh_from_db()
    assert (attempt.state, attempt.carrier, attempt.carrier_id) == ("submitted", "fake", "fake-1")
    given = carrier.given[0]
    assert "".join(given.parts) == attempt.text
    assert attempt.text == "Harbour & Vale: Your café table is booked €5 Reply STOP to opt out."
    assert (given.reference, given.to, given.sender) == (str(attempt.pk), contact.number, attempt.sender)


def test_only_the_first_text_of_an_episode_carries_the_obligations(contact: Contact, carrier: FakeCarrier) -> None:
    queue(contact, n=1, text="One")
    assert queue(contact, n=2, text="Two").text == "Two"


def test_a_text_nobody_agreed_to_is_kept_as_refused_and_is_never_due(cast: Cast, carrier: FakeCarrier) -> None:
    attempt = queue(cast.contact)
    assert (attempt.state, attempt.reasons[0]["code"]) == ("refused", "no_consent")
    assert "No consent" in attempt.detail
    assert sweep(at=NOON + timedelta(days=30)) == actions.Claimed((), (), ())
    assert carrier.given == []


def test_a_stop_before_the_release_cancels_and_nothing_is_submitted(contact: Contact, carrier: FakeCarrier) -> None:
    queue(contact)
    consent.revoke(contact, by=None, at=NOON, **STOP)
    sweep()
    assert (states(), carrier.given) == (["cancelled"], [])


def test_a_text_queued_beside_a_stop_is_refused_at_release(contact: Contact, carrier: FakeCarrier) -> None:
    """The decision to queue was made before the STOP, the row came after it: the release decides again."""
    decision = actions.evaluate(contact, text="Hello", at=NOON)
    consent.revoke(contact, by=None, at=NOON, **STOP)
    actions.queue(contact, conversation_id=1, n=1, decision=decision, at=NOON)
    claimed = sweep()
    assert [attempt.reasons[0]["code"] for attempt in claimed.refused] == ["suppressed", "no_consent"][:1]
    assert (states(), carrier.given) == (["refused"], [])


def test_nothing_leaves_for_a_number_whose_own_text_nobody_has_read_yet(contact: Contact, carrier: FakeCarrier) -> None:
    """Its worker died, or every try failed: it may be a STOP."""
    queue(contact)
    unread = journal(carrier="fake", carrier_id="in-1", number=contact.number, to="+1", body="STOP", at=NOON)
    INBOUND.park(INBOUND.claim(at=NOON), failure="It could not be read.", at=NOON)
    sweep(at=NOON + timedelta(hours=1))
    assert (states(), carrier.given) == (["queued"], [])
    InboundText.objects.filter(pk=unread.pk).update(processed_at=NOON, parked_at=None)
    sweep(at=NOON + timedelta(hours=1))
    assert states() == ["submitted"]


def test_a_stop_between_lease_and_call_withdraws_the_text(contact: Contact, carrier: FakeCarrier) -> None:
    queue(contact)
    (leased,) = actions.claim_due(limit=5, at=NOON).leased
    consent.revoke(contact, by=None, at=NOON, **STOP)
    assert send(leased).state == "cancelled"
    assert carrier.given == []


def test_a_rule_made_after_queueing_counts_at_release(cast: Cast, contact: Contact, carrier: FakeCarrier) -> None:
    queue(contact, text="Buy Tundra shares")
    policy.add_rule("tundra", pattern="tundra", effect="refuse", by=cast.carl, at=NOON)
    (refused,) = sweep().refused
    assert refused.reasons[0]["code"] == "house_words"
    assert carrier.given == []


def test_a_promotional_text_written_at_night_leaves_in_the_morning(cast: Cast, carrier: FakeCarrier) -> None:
    agree(cast.contact, by=cast.alice, message_class="promotional", basis="express_written")
    attempt = queue(cast.contact, at=NIGHT, kind="promotional")
    assert (attempt.state, attempt.due_at.isoformat()) == ("queued", "2026-11-21T13:00:00+00:00")
    assert sweep(at=attempt.due_at - timedelta(seconds=1)).leased == ()
    assert len(sweep(at=attempt.due_at).leased) == 1


def test_a_promotional_text_that_comes_late_is_moved_to_the_next_morning(cast: Cast, carrier: FakeCarrier) -> None:
    agree(cast.contact, by=cast.alice, message_class="promotional", basis="express_written")
    queue(cast.contact, kind="promotional")
    (postponed,) = sweep(at=NIGHT).postponed
    assert (postponed.state, postponed.due_at.isoformat()) == ("queued", "2026-11-21T13:00:00+00:00")
    assert carrier.given == []


def test_an_answer_in_a_talk_leaves_at_night_with_a_warning(contact: Contact, carrier: FakeCarrier) -> None:
    attempt = queue(contact, at=NIGHT)
    assert [reason["code"] for reason in attempt.reasons] == ["quiet_hours"]
    assert len(sweep(at=NIGHT).leased) == 1


def test_the_fourth_promotional_text_in_a_day_is_refused(cast: Cast, carrier: FakeCarrier) -> None:
    agree(cast.contact, by=cast.alice, message_class="promotional", basis="express_written")
    for n in (1, 2, 3, 4):
        queue(cast.contact, n=n, kind="promotional")
    assert states() == ["queued", "queued", "queued", "refused"]
    assert queue(cast.contact, n=5, kind="promotional", at=NOON + timedelta(hours=24)).state == "queued"


def test_no_carrier_means_no_text(contact: Contact, settings: Settings) -> None:
    settings.ONRECORD_CARRIER = "none"
    assert queue(contact).reasons[0]["code"] == "no_carrier"


def test_the_stored_decisions_replay_to_the_same_verdict(contact: Contact, carrier: FakeCarrier) -> None:
    attempt = queue(contact)
    sweep()
    attempt.refresh_from_db()
    for stored in (attempt.decision, attempt.release):
        assert stored is not None
        assert replay(stored).as_json() == stored


def test_texts_of_a_thread_leave_in_their_order(contact: Contact, carrier: FakeCarrier) -> None:
    for n in range(1, 6):
        queue(contact, n=n, text=f"Number {n}")
    assert [attempt.n for attempt in sweep(limit=3).leased] == [1, 2, 3]
    assert [attempt.n for attempt in sweep(limit=3).leased] == [4, 5]


def test_what_is_leased_is_not_leased_again(contact: Contact, carrier: FakeCarrier) -> None:
    queue(contact)
    assert len(actions.claim_due(limit=5, at=NOON).leased) == 1
    assert actions.claim_due(limit=5, at=NOON).leased == ()


def test_proven_non_creation_is_tried_again_with_growing_pauses_and_an_end(
    contact: Contact, carrier: FakeCarrier
) -> None:
    carrier.answers = [NotCreated("throttled")] * 6
    attempt, now, pauses = queue(contact), NOON, list[float]()
    while attempt.state == "queued":
        assert actions.claim_due(limit=1, at=now - timedelta(seconds=1)).leased == ()
        (claimed,) = actions.claim_due(limit=1, at=now).leased
        attempt = send(claimed, at=now)
        pauses.append((attempt.due_at - now).total_seconds() if attempt.due_at else 0)
        now = attempt.due_at or now
    assert (attempt.state, attempt.detail, attempt.tries) == ("failed", "throttled", 6)
    wholes = (10, 40, 160, 640, 1800)
    assert all(whole / 2 <= pause <= whole for pause, whole in zip(pauses[:5], wholes, strict=True))
    assert len(carrier.given) == 6
    assert (attempt.parked_at, attempt.failure) == (now, "throttled")


def test_a_text_that_failed_for_good_or_left_is_not_parked(contact: Contact, carrier: FakeCarrier) -> None:
    carrier.answers = [NotCreated("no such number", is_final=True), Submitted("one")]
    for n in (1, 2):
        queue(contact, n=n)
    sweep()
    assert states() == ["failed", "submitted"]
    assert not actions.TEXTS.parked_rows().exists()
    assert not Attempt.objects.filter(due_at__isnull=False).exists()


def test_a_parked_text_that_is_retried_is_decided_anew(contact: Contact, carrier: FakeCarrier) -> None:
    carrier.answers = [NotCreated("throttled")] * 6
    attempt, now = queue(contact), NOON
    while attempt.state == "queued":
        now = attempt.due_at or now
        (claimed,) = actions.claim_due(limit=1, at=now).leased
        attempt = send(claimed, at=now)
    assert actions.TEXTS.may_retry(attempt)
    assert actions.TEXTS.retry(attempt, at=now)
    consent.revoke(contact, by=None, channel="sms", words_used="STOP", rule="us-fed.opt-out.per-se@1", at=now)
    assert states() == ["cancelled"], "a STOP finds it in line"
    assert sweep(at=now + timedelta(hours=1)).leased == ()
    assert len(carrier.given) == 6


def queue_in_doubt(contact: Contact, carrier: FakeCarrier) -> tuple[Attempt, Attempt]:
    """Send a text whose carrier does not answer in time; return it as it was leased and as it is parked."""
    carrier.answers = [Ambiguous("timeout")]
    queue(contact)
    (leased,) = sweep().leased
    (parked,) = actions.TEXTS.parked_rows()
    return leased, parked


def test_a_text_in_doubt_is_parked_until_somebody_knows_and_cannot_be_retried(
    contact: Contact, carrier: FakeCarrier
) -> None:
    leased, parked = queue_in_doubt(contact, carrier)
    assert (parked.state, parked.failure, actions.TEXTS.may_retry(parked)) == ("in_doubt", "timeout", False)
    assert actions.mark(leased, result=Submitted("late-1"), at=NOON).state == "submitted"
    assert not actions.TEXTS.parked_rows().exists()


def test_a_text_in_doubt_that_was_set_aside_rests_until_the_carrier_says_that_it_has_it(
    contact: Contact, carrier: FakeCarrier
) -> None:
    leased, parked = queue_in_doubt(contact, carrier)
    assert actions.TEXTS.set_aside(parked)
    assert actions.mark(leased, result=NotCreated("throttled"), at=NOON).state == "in_doubt"
    assert sweep(at=NOON + timedelta(days=1)).leased == ()
    assert actions.mark(leased, result=Submitted("late-1"), at=NOON).state == "submitted"


def test_a_text_that_cannot_be_decided_about_is_parked_at_last_and_holds_up_none_behind_it(
    cast: Cast, contact: Contact, carrier: FakeCarrier
) -> None:
    """Where its phone is was known when it was written, and no clock here knows that place any more."""
    other = add_contact(cast.alice, name="Sam Client", number="+12125550143")
    agree(other, by=cast.alice)
    queue(contact)
    Contact.objects.filter(pk=contact.pk).update(time_zone="America/Atlantis")
    now, seen = NOON, list[Attempt]()
    while len(seen) < actions.TEXTS.most_tries:
        claimed = actions.claim_due(limit=1, at=now)
        seen += [*claimed.postponed, *claimed.parked]
        now = seen[-1].due_at or now
    assert [(text.state, text.tries) for text in seen] == [*(("queued", n) for n in range(1, 6)), ("failed", 6)]
    assert (seen[-1].parked_at, seen[-1].failure) == (now, "ZoneInfoNotFoundError")
    assert actions.TEXTS.retry(seen[-1], at=now)
    queue(other, n=2, at=now)
    assert [text.contact for text in sweep(at=now).leased] == [other]


def test_a_final_refusal_by_the_carrier_is_not_tried_again(contact: Contact, carrier: FakeCarrier) -> None:
    carrier.answers = [NotCreated("no such number", is_final=True)]
    queue(contact)
    sweep()
    assert states() == ["failed"]


@pytest.mark.parametrize("answer", [Ambiguous("timeout"), TimeoutError("read"), RuntimeError("bug in a transport")])
def test_doubt_is_never_sent_again_by_itself(contact: Contact, carrier: FakeCarrier, answer: Any) -> None:
    carrier.answers = [answer]
    queue(contact)
    sweep()
    for hours in (0, 1, 24, 24 * 30):
        sweep(at=NOON + timedelta(hours=hours))
        actions.expire_leases(at=NOON + timedelta(hours=hours))
    assert (states(), len(carrier.given)) == (["in_doubt"], 1)


def test_a_lease_of_a_worker_that_died_becomes_doubt_after_its_time(contact: Contact, carrier: FakeCarrier) -> None:
    queue(contact)
    actions.claim_due(limit=1, at=NOON)
    assert actions.expire_leases(at=NOON + timedelta(seconds=60)) == ()
    assert [attempt.state for attempt in actions.expire_leases(at=NOON + timedelta(seconds=61))] == ["in_doubt"]
    assert sweep(at=NOON + timedelta(hours=1)).leased == ()


def test_an_answer_that_comes_after_the_lease_resolves_the_doubt(contact: Contact, carrier: FakeCarrier) -> None:
    queue(contact)
    (leased,) = actions.claim_due(limit=1, at=NOON).leased
    actions.expire_leases(at=NOON + timedelta(minutes=2))
    assert actions.mark(leased, result=Submitted("late-1"), at=NOON).state == "submitted"


def test_a_worker_that_lost_its_lease_hands_nothing_over_and_so_ends_the_doubt(
    contact: Contact, carrier: FakeCarrier
) -> None:
    queue(contact)
    (leased,) = actions.claim_due(limit=1, at=NOON).leased
    (stranded,) = actions.expire_leases(at=NOON + timedelta(minutes=2))
    assert stranded.state == "in_doubt"
    assert (send(leased).state, carrier.given) == ("queued", [])
    assert not actions.TEXTS.parked_rows().exists()
    sweep(at=NOON + timedelta(hours=1))
    assert (states(), len(carrier.given)) == (["submitted"], 1), "it is decided about anew, and leaves once"
    assert send(leased).state == "submitted"
    assert len(carrier.given) == 1


def test_a_doubt_that_ends_after_a_stop_ends_as_refused(contact: Contact, carrier: FakeCarrier) -> None:
    queue(contact)
    (leased,) = actions.claim_due(limit=1, at=NOON).leased
    actions.expire_leases(at=NOON + timedelta(minutes=2))
    consent.revoke(contact, by=None, at=NOON + timedelta(minutes=3), **STOP)
    send(leased)
    sweep(at=NOON + timedelta(hours=1))
    assert (states(), carrier.given) == (["refused"], [])


def test_marking_twice_changes_nothing(contact: Contact, carrier: FakeCarrier) -> None:
    queue(contact)
    (leased,) = actions.claim_due(limit=1, at=NOON).leased
    actions.mark(leased, result=Submitted("one"), at=NOON)
    again = actions.mark(leased, result=NotCreated("lost"), at=NOON)
    assert (again.state, again.carrier_id) == ("submitted", "one")


def test_one_message_has_one_attempt(contact: Contact, carrier: FakeCarrier) -> None:
    queue(contact, n=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        queue(contact, n=1)


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "flying"},
        {"text": ""},
        {"segment_count": 0},
        {"encoding": "utf8"},
        {"message_class": "chat"},
        {"state": "submitting", "lease_token": None},
    ],
)
def test_the_database_refuses_a_row_that_makes_no_sense(contact: Contact, carrier: FakeCarrier, changes: Any) -> None:
    attempt = queue(contact)
    with pytest.raises(IntegrityError), transaction.atomic():
        Attempt.objects.filter(pk=attempt.pk).update(**changes)


@pytest.mark.parametrize("earlier", [0, 12])
def test_deciding_costs_a_constant_number_of_queries(
    contact: Contact, carrier: FakeCarrier, earlier: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(earlier):
        queue(contact, n=n + 1)
    with django_assert_num_queries(5):
        actions.evaluate(contact, text="Hello", at=NOON)
