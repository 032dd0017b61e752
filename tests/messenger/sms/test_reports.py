"""What carriers say later: every report is kept once, states only climb, unknown ids wait for their text."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.people.models import Contact
from messenger.sms import actions, reports
from messenger.sms.models import Attempt, StatusReport
from messenger.sms.states import ATTEMPT_STATES, FINAL_STATES, RANK, join
from messenger.sms.transports.contract import Report, Submitted
from tests.messenger.sms.texting import NOON, FakeCarrier, queue, sweep

STATES = st.sampled_from(ATTEMPT_STATES)


def tell(carrier_id: str, status: str, *, code: str = "", reference: str = "") -> Attempt | None:
    report = Report(carrier_id, status, code=code, raw=f"raw {status}", reference=reference)
    return reports.receive_report(report, carrier="fake", at=NOON)


@given(st.lists(STATES, min_size=1, max_size=8))
def test_states_only_climb_whatever_is_reported(reported: list[str]) -> None:
    state, ranks = "queued", [0]
    for status in reported:
        state = join(state, status)
        ranks.append(RANK[state])
    assert ranks == sorted(ranks)
    assert RANK[state] == max(RANK[status] for status in reported)


@given(st.sampled_from(sorted(FINAL_STATES)), STATES)
def test_a_final_state_is_never_left(final: str, reported: str) -> None:
    assert join(final, reported) == final


@given(STATES, STATES)
def test_the_same_report_twice_is_as_good_as_once(state: str, reported: str) -> None:
    assert join(join(state, reported), reported) == join(state, reported)


@pytest.mark.django_db
def test_a_delivery_report_is_applied_and_kept(contact: Contact, carrier: FakeCarrier) -> None:
    queue(contact)
    sweep()
    changed = tell("fake-1", "delivered")
    assert changed is not None
    assert changed.state == "delivered"
    kept = StatusReport.objects.get()
    assert (kept.attempt_id, kept.was_applied, kept.raw) == (changed.pk, True, "raw delivered")


@pytest.mark.django_db
def test_a_late_sent_after_delivered_is_kept_and_not_applied(contact: Contact, carrier: FakeCarrier) -> None:
    queue(contact)
    sweep()
    tell("fake-1", "delivered")
    assert tell("fake-1", "sent") is None
    assert Attempt.objects.get().state == "delivered"
    assert StatusReport.objects.get(status="sent").was_applied is False


@pytest.mark.django_db
def test_the_same_report_again_is_one_row_and_no_change(contact: Contact, carrier: FakeCarrier) -> None:
    queue(contact)
    sweep()
    assert tell("fake-1", "failed", code="30003") is not None
    assert tell("fake-1", "failed", code="30003") is None
    assert StatusReport.objects.count() == 1
    assert "30003" in Attempt.objects.get().detail


@pytest.mark.django_db
def test_a_report_of_an_unknown_id_is_parked_until_its_text_is_known(contact: Contact, carrier: FakeCarrier) -> None:
    """With SMPP a receipt may come before the answer to the submit."""
    queue(contact)
    (leased,) = actions.claim_due(limit=1, at=NOON).leased
    assert tell("fake-1", "delivered") is None
    assert StatusReport.objects.get().attempt is None
    marked = actions.mark(leased, result=Submitted("fake-1"), at=NOON + timedelta(seconds=1))
    assert marked.state == "delivered"
    assert StatusReport.objects.get().attempt == marked


@pytest.mark.django_db
def test_our_reference_in_a_call_back_resolves_a_doubt(contact: Contact, carrier: FakeCarrier) -> None:
    carrier.answers = [TimeoutError()]
    attempt = queue(contact)
    sweep()
    assert Attempt.objects.get().state == "in_doubt"
    changed = tell("late-7", "sent", reference=str(attempt.pk))
    assert changed is not None
    assert (changed.state, changed.carrier_id) == ("sent", "late-7")


@pytest.mark.django_db
@pytest.mark.parametrize("reference", ["", "nonsense", "00000000-0000-0000-0000-000000000000"])
def test_a_foreign_reference_changes_nothing(contact: Contact, carrier: FakeCarrier, reference: str) -> None:
    queue(contact)
    sweep()
    assert tell("stranger", "delivered", reference=reference) is None
    assert Attempt.objects.get().state == "submitted"
