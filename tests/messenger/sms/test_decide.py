"""The decision about a text: what each rule refuses, what wins, what is added, and that it can be replayed."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.sms.rules import packs
from messenger.sms.rules.decide import OPT_OUT_LINE, Decision, decide, replay
from messenger.sms.rules.inputs import Grant, Inputs, from_json
from messenger.sms.states import CONSENT_BASES, CONSENT_STATES, MESSAGE_CLASSES

NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)  # 12:00 in New York, a Friday
NIGHT = datetime(2026, 11, 21, 4, 30, tzinfo=UTC)  # 23:30 in New York
NEW_YORK, CHICAGO = ("America/New_York", -300), ("America/Chicago", -360)


def grant(message_class: str = "conversational", *, basis: str = "express", **changes: Any) -> Grant:
    kept = {"since": "2026-11-01T12:00:00+00:00", "is_proven": True} | changes
    return Grant(message_class=message_class, basis=basis, **kept)


def inputs(**changes: Any) -> Inputs:
    """Return inputs of a text that nothing stands against: an answer to a client at noon."""
    plain: dict[str, Any] = {
        "at": NOON.isoformat(),
        "text": "Your statement is ready.",
        "is_composed": False,
        "message_class": "conversational",
        "firm": "Harbour & Vale",
        "carrier": "simulator",
        "number": "+12025550147",
        "number_kind": "fixed_line_or_mobile",
        "is_own_number": False,
        "consent_state": "granted",
        "since": "2026-11-01T12:00:00+00:00",
        "grants": (grant(),),
        "has_written_to_us": False,
        "answer_asked_at": "",
        "offsets": (NEW_YORK,),
        "sent_24h": 0,
        "sent_this_episode": 3,
        "refused_by": (),
    }
    return Inputs(**(plain | changes))


def promotional(**changes: Any) -> Inputs:
    written = (grant("promotional", basis="express_written"),)
    return inputs(**({"message_class": "promotional", "grants": written} | changes))


def verdict(decision: Decision) -> tuple[str, list[str]]:
    return decision.outcome, [reason.code for reason in decision.reasons]


def test_an_answer_to_a_client_who_agreed_is_allowed_without_any_reason_against_it() -> None:
    decision = decide(inputs())
    assert verdict(decision) == ("ALLOW", [])
    assert decision.text == "Your statement is ready."
    assert decision.rules == tuple(rule.name for rule in packs.RULES)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"carrier": "none"}, "no_carrier"),
        ({"is_own_number": True}, "number_is_ours"),
        ({"number_kind": "premium"}, "number_unfit"),
        ({"number_kind": "shared_cost"}, "number_unfit"),
        ({"number_kind": "short_code"}, "number_unfit"),
        ({"number_kind": "toll_free"}, "number_unfit"),
        ({"number_kind": "unassigned"}, "number_unfit"),
        ({"number_kind": "fictional", "carrier": "twilio"}, "number_fictional"),
        ({"consent_state": "none", "grants": ()}, "no_consent"),
        ({"grants": (grant(is_proven=False),)}, "consent_unproven"),
        ({"refused_by": ("insider@2",)}, "house_words"),
        ({"text": "Your SSN is 219-09-9999"}, "social_security_number"),
        ({"text": "Card 4111 1111 1111 1111 please"}, "card_number"),
        ({"text": "Card 4111-1111-1111-1111"}, "card_number"),
        ({"text": "x" * 1531}, "too_long"),
        ({"sent_24h": 200}, "too_many"),
    ],
)
def test_each_of_these_alone_is_refused(changes: dict[str, Any], code: str) -> None:
    assert verdict(decide(inputs(**changes))) == ("REFUSE", [code])


@pytest.mark.parametrize(
    "changes",
    [
        {"number_kind": "fictional"},
        {"grants": (grant(is_proven=False),), "has_written_to_us": True},
        {"text": "Order 4111 1111 1111 1112 shipped"},  # not a card: its check digit is wrong
        {"text": "Ticket 219-09-99991, case 000-12-3456"},  # not social-security numbers
        {"text": "Write to me at habit.ly or https://example.com/t.co"},
        {"text": "x" * 1530},
        {"sent_24h": 199},
    ],
)
def test_what_is_near_a_refusal_but_fine_is_allowed(changes: dict[str, Any]) -> None:
    assert verdict(decide(inputs(**changes))) == ("ALLOW", [])


def test_somebody_who_opted_out_gets_nothing_whatever_else_was_agreed() -> None:
    decision = decide(inputs(consent_state="suppressed", since="2026-11-20T09:00:00+00:00"))
    assert verdict(decision) == ("REFUSE", ["suppressed"])
    assert "2026-11-20" in decision.reasons[0].message


def test_all_reasons_are_given_not_only_the_first() -> None:
    decision = decide(inputs(consent_state="suppressed", grants=(), text="bit.ly/x 219-09-9999", sent_24h=500))
    expected = ["suppressed", "no_consent", "social_security_number", "link_shortener", "too_many"]
    assert verdict(decision) == ("REFUSE", expected)
    assert all(reason.rule and reason.version and reason.citation for reason in decision.reasons)


# rule: us-tcpa-opt-out-confirm
@pytest.mark.parametrize(
    ("minutes_after", "outcome", "codes"),
    [(0, "ALLOW", []), (5, "ALLOW", []), (6, "REFUSE", ["confirmation_late"])],
)
def test_the_one_confirmation_leaves_within_five_minutes(minutes_after: int, outcome: str, codes: list[str]) -> None:
    asked = (NOON - timedelta(minutes=minutes_after)).isoformat()
    decision = decide(
        inputs(message_class="confirmation", consent_state="suppressed", grants=(), answer_asked_at=asked)
    )
    assert verdict(decision) == (outcome, codes)
    assert decision.obligations == ()


def test_a_confirmation_of_nothing_is_refused() -> None:
    assert verdict(decide(inputs(message_class="confirmation"))) == ("REFUSE", ["nothing_to_confirm"])


# rule: us-tcpa-consent
@pytest.mark.parametrize(
    ("asked", "granted", "basis", "is_covered"),
    [
        ("conversational", "conversational", "inbound_conversation", True),
        ("conversational", "promotional", "express_written", True),
        ("informational", "conversational", "express", False),
        ("informational", "informational", "express", True),
        ("informational", "informational", "inbound_conversation", False),
        ("promotional", "informational", "express_written", False),
        ("promotional", "promotional", "express", False),
        ("promotional", "promotional", "express_written", True),
    ],
)
def test_a_consent_covers_its_class_and_less_never_more(asked: str, granted: str, basis: str, is_covered: bool) -> None:
    decision = decide(inputs(message_class=asked, grants=(grant(granted, basis=basis),)))
    assert ("no_consent" in verdict(decision)[1]) is not is_covered


@pytest.mark.parametrize(
    ("basis", "days", "holds"),
    [
        ("ebr_inquiry", 183, True),
        ("ebr_inquiry", 184, False),
        ("ebr_purchase", 730, True),
        ("ebr_purchase", 731, False),
    ],
)
def test_a_business_relationship_ends_after_its_time(basis: str, days: int, holds: bool) -> None:
    since = (NOON - timedelta(days=days)).isoformat()
    decision = decide(inputs(message_class="informational", grants=(grant("informational", basis=basis, since=since),)))
    assert decision.is_sendable is holds


def test_at_night_a_live_conversation_is_warned_and_allowed() -> None:
    decision = decide(inputs(at=NIGHT.isoformat()))
    assert verdict(decision) == ("ALLOW", ["quiet_hours"])
    assert decision.objections == ()


# rule: us-tcpa-quiet-hours
def test_at_night_a_promotional_text_waits_for_eight_in_the_morning() -> None:
    decision = decide(promotional(at=NIGHT.isoformat()))
    assert verdict(decision) == ("HOLD_UNTIL", ["quiet_hours"])
    assert decision.hold_until == "2026-11-21T13:00:00+00:00"
    assert decision.is_sendable


def test_a_conversation_on_another_basis_waits_too() -> None:
    decision = decide(inputs(at=NIGHT.isoformat(), grants=(grant(basis="soft_opt_in"),)))
    assert decision.outcome == "HOLD_UNTIL"


@pytest.mark.parametrize(
    ("utc", "outcome"),
    [("13:59", "HOLD_UNTIL"), ("14:00", "ALLOW"), ("01:59", "ALLOW"), ("02:00", "HOLD_UNTIL"), ("13:30", "HOLD_UNTIL")],
)
def test_an_area_code_in_two_zones_is_texted_only_when_both_are_awake(utc: str, outcome: str) -> None:
    """Chicago opens at 14:00 UTC, New York closes at 02:00 UTC."""
    hour, minute = map(int, utc.split(":"))
    at = NOON.replace(hour=hour, minute=minute)
    assert decide(promotional(at=at.isoformat(), offsets=(NEW_YORK, CHICAGO))).outcome == outcome


def test_a_number_that_may_be_anywhere_on_earth_is_never_texted_by_chance() -> None:
    decision = decide(promotional(offsets=(("a", -480), ("b", 0), ("c", 480))))
    assert verdict(decision) == ("REFUSE", ["quiet_hours"])


# rule: us-ctia-content
def test_a_public_link_shortener_needs_a_principal() -> None:
    decision = decide(inputs(text="See https://BIT.ly/3xyz now"))
    assert verdict(decision) == ("HOLD_FOR_APPROVAL", ["link_shortener"])
    assert not decision.is_sendable


@pytest.mark.parametrize(("make", "outcome"), [(inputs, "ALLOW"), (promotional, "HOLD_FOR_APPROVAL")])
def test_regulated_goods_are_noted_in_a_talk_and_held_in_promotion(make: Any, outcome: str) -> None:
    assert verdict(decide(make(text="We finance a tobacco shop"))) == (outcome, ["regulated_goods"])


# rule: us-ctia-consumer-choice
def test_the_first_text_of_an_episode_says_who_we_are_and_how_to_stop() -> None:
    decision = decide(inputs(sent_this_episode=0))
    assert decision.obligations == ("identity", "opt_out_line")
    assert decision.text == f"Harbour & Vale: Your statement is ready. {OPT_OUT_LINE}"


def test_a_promotional_text_always_does() -> None:
    assert decide(promotional()).obligations == ("identity", "opt_out_line")


def test_what_the_writer_wrote_already_is_not_added_again() -> None:
    text = "Harbour & Vale here. Reply STOP to opt out."
    assert decide(inputs(sent_this_episode=0, text=text)).text == text


def test_nothing_is_added_to_a_text_that_was_composed_before() -> None:
    assert decide(inputs(sent_this_episode=0, is_composed=True)).text == "Your statement is ready."


def test_the_length_is_that_of_the_text_as_it_leaves() -> None:
    assert decide(inputs(text="x" * 1500)).outcome == "ALLOW"
    assert verdict(decide(inputs(text="x" * 1500, sent_this_episode=0))) == ("REFUSE", ["too_long"])


MOMENTS = st.integers(0, 4 * 365 * 24 * 60).map(
    lambda minutes: (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)).isoformat()
)
GRANTS = st.builds(
    Grant,
    message_class=st.sampled_from(MESSAGE_CLASSES),
    basis=st.sampled_from(CONSENT_BASES),
    since=MOMENTS,
    is_proven=st.booleans(),
)
TEXTS = st.one_of(st.text(max_size=200), st.sampled_from(["bit.ly/a", "219-09-9999", "cannabis", "STOP", "x" * 1600]))
INPUTS = st.builds(
    Inputs,
    at=MOMENTS,
    text=TEXTS,
    is_composed=st.booleans(),
    message_class=st.sampled_from(MESSAGE_CLASSES),
    firm=st.sampled_from(["", "Harbour & Vale"]),
    carrier=st.sampled_from(["none", "simulator", "twilio"]),
    number=st.just("+12025550147"),
    number_kind=st.sampled_from(["mobile", "premium", "fictional", "unassigned"]),
    is_own_number=st.booleans(),
    consent_state=st.sampled_from(CONSENT_STATES),
    since=st.one_of(st.just(""), MOMENTS),
    grants=st.lists(GRANTS, max_size=3).map(tuple),
    has_written_to_us=st.booleans(),
    answer_asked_at=st.one_of(st.just(""), MOMENTS),
    offsets=st.lists(st.tuples(st.just("zone"), st.integers(-720, 840)), max_size=4).map(tuple),
    sent_24h=st.integers(0, 300),
    sent_this_episode=st.integers(0, 3),
    refused_by=st.lists(st.just("insider@1"), max_size=1).map(tuple),
)


@given(INPUTS)
def test_a_stored_decision_is_replayed_to_the_same_verdict(made: Inputs) -> None:
    decision = decide(made)
    stored = json.loads(json.dumps(decision.as_json()))
    assert replay(stored) == decision
    assert replay(stored).as_json() == stored


@given(INPUTS)
def test_whoever_opted_out_is_sent_nothing_but_a_confirmation(made: Inputs) -> None:
    decision = decide(replace(made, consent_state="suppressed"))
    assert not decision.is_sendable or made.message_class == "confirmation"


@given(INPUTS)
def test_the_outcome_is_the_strictest_of_the_reasons(made: Inputs) -> None:
    decision = decide(made)
    severities = {reason.severity for reason in decision.reasons}
    assert (decision.outcome == "REFUSE") is ("refuse" in severities)
    assert (decision.outcome == "ALLOW") is (severities <= {"warn"})
    assert bool(decision.hold_until) is (decision.outcome == "HOLD_UNTIL")


@given(INPUTS)
def test_a_held_text_is_held_until_an_hour_that_suits_everybody(made: Inputs) -> None:
    decision = decide(made)
    if decision.outcome == "HOLD_UNTIL":
        later = decide(replace(made, at=decision.hold_until))
        assert datetime.fromisoformat(decision.hold_until) > made.now
        assert "quiet_hours" not in verdict(later)[1]


def test_a_rule_counts_from_its_first_day_on() -> None:
    shorteners = packs.BY_NAME["ctia.shorteners@1"]
    day = shorteners.effective_from
    assert (shorteners.is_in_force(day - timedelta(days=1)), shorteners.is_in_force(day)) == (False, True)
    ended = replace(shorteners, effective_until=day + timedelta(days=1))
    assert (ended.is_in_force(day), ended.is_in_force(day + timedelta(days=1))) == (True, False)


def test_a_decision_of_a_version_that_is_gone_is_not_replayed_with_another() -> None:
    stored = decide(inputs()).as_json() | {"rules": ["us-fed.consent@99"]}
    with pytest.raises(KeyError):
        replay(stored)


def test_the_snapshot_comes_back_as_it_was() -> None:
    made = inputs(offsets=(NEW_YORK, CHICAGO), refused_by=("a@1",))
    assert from_json(json.loads(json.dumps(made.as_json()))) == made
