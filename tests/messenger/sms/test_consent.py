"""Consent: grants and revocations are entries, the cached head is their fold, nobody overrides a suppression."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive import ledger
from messenger.people import actions as people
from messenger.people.errors import Conflict, Invalid, NotAllowed
from messenger.people.models import Contact
from messenger.sms import consent
from messenger.sms.models import ConsentEvent, ConsentHead
from tests.cast import Cast
from tests.messenger.sms.texting import NOON, queue

GRANT: dict[str, Any] = {
    "basis": "express",
    "message_class": "conversational",
    "evidence": {"said": "at the desk"},
    "at": NOON,
}
STOP: dict[str, Any] = {"channel": "sms", "words_used": "STOP", "rule": "us-fed.opt-out.per-se@1"}


def entries(contact: Contact) -> list[ledger.Opened]:
    return ledger.read_stream(f"contact:{contact.pk}")


def fields(head: ConsentHead) -> tuple[Any, ...]:
    return head.state, head.since, head.grants, head.episode


@pytest.mark.django_db
def test_of_a_new_contact_nothing_is_known(cast: Cast) -> None:
    head = consent.state(cast.contact)
    assert (head.state, head.since, head.grants) == ("none", None, {})


@pytest.mark.django_db
def test_a_grant_is_one_entry_in_the_contacts_stream(cast: Cast) -> None:
    event = consent.grant(cast.contact, by=cast.alice, **GRANT)
    entry = entries(cast.contact)[-1]
    assert (entry.seq, entry.kind) == (event.seq, "consent.granted")
    assert entry.content["actor"]["name"] == "Alice"
    assert entry.content["contact"]["name"] == "Pat Client"
    assert json.loads(entry.content["evidence"]) == {"said": "at the desk"}
    assert consent.state(cast.contact).state == "granted"


@pytest.mark.django_db
def test_a_stop_is_one_entry_that_holds_their_words_and_the_rule(cast: Cast) -> None:
    consent.grant(cast.contact, by=cast.alice, **GRANT)
    revoked = consent.revoke(cast.contact, by=None, at=NOON, **STOP)
    entry = entries(cast.contact)[-1]
    assert entry.kind == "consent.revoked"
    assert (entry.content["words_used"], entry.content["rule"]) == ("STOP", "us-fed.opt-out.per-se@1")
    assert entry.content["actor"]["id"] == f"contact:{cast.contact.pk}"
    assert (revoked.head.state, revoked.head.episode) == ("suppressed", entry.seq)
    assert consent.state(cast.contact).grants == {}


@pytest.mark.django_db
def test_a_second_stop_adds_no_second_entry(cast: Cast) -> None:
    first = consent.revoke(cast.contact, by=None, at=NOON, **STOP)
    before = len(entries(cast.contact))
    second = consent.revoke(cast.contact, by=None, at=NOON + timedelta(minutes=1), **STOP)
    assert second.event is None
    assert second.head.episode == first.head.episode
    assert len(entries(cast.contact)) == before


@pytest.mark.django_db
def test_an_employee_records_a_revocation_that_came_by_letter(cast: Cast) -> None:
    consent.revoke(
        cast.contact, by=cast.bob, channel="letter", words_used="Do not text me", rule="recorded-by-employee@1", at=NOON
    )
    entry = entries(cast.contact)[-1]
    assert (entry.content["channel"], entry.content["actor"]["name"]) == ("letter", "Bob")


@pytest.mark.django_db
def test_nobody_in_the_firm_can_override_a_suppression(cast: Cast) -> None:
    consent.revoke(cast.contact, by=None, at=NOON, **STOP)
    before = len(entries(cast.contact))
    for person in (cast.alice, cast.cora, cast.adam):
        with pytest.raises(Conflict, match="asked not to be texted"):
            consent.grant(cast.contact, by=person, **GRANT)
    assert consent.state(cast.contact).state == "suppressed"
    assert len(entries(cast.contact)) == before


@pytest.mark.django_db
def test_the_contact_can_come_back_by_their_own_word(cast: Cast) -> None:
    consent.revoke(cast.contact, by=None, at=NOON, **STOP)
    consent.grant(cast.contact, by=None, **GRANT | {"at": NOON + timedelta(days=1)})
    head = consent.state(cast.contact)
    assert (head.state, head.episode, list(head.grants)) == ("granted", None, ["conversational"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "field"),
    [({"basis": "because"}, "basis"), ({"message_class": "chat"}, "message_class"), ({"scope": "all"}, "scope")],
)
def test_an_unknown_word_is_refused_by_name_and_leaves_no_trace(cast: Cast, changes: Any, field: str) -> None:
    with pytest.raises(Invalid) as error:
        consent.grant(cast.contact, by=cast.alice, **GRANT | changes)
    assert error.value.field == field
    assert consent.history(cast.contact) == []


@pytest.mark.django_db
def test_an_examiner_and_somebody_who_left_record_no_consent(cast: Cast) -> None:
    people.deactivate(cast.adam, person=cast.charlie, reason="Left the firm")
    for person in (cast.erin, cast.charlie):
        with pytest.raises(NotAllowed):
            consent.grant(cast.contact, by=person, **GRANT)
    assert consent.state(cast.contact).state == "none"


@pytest.mark.django_db
def test_a_stop_cancels_what_is_queued_for_that_contact_only(cast: Cast) -> None:
    other = people.add_contact(cast.alice, name="Other Client", number="+1 202 555 0148")
    for contact in (cast.contact, other):
        consent.grant(contact, by=cast.alice, **GRANT)
    mine = [queue(cast.contact, n=n).pk for n in (1, 2)]
    theirs = queue(other, n=3)
    revoked = consent.revoke(cast.contact, by=None, at=NOON, **STOP)
    assert {attempt.pk for attempt in revoked.cancelled} == set(mine)
    assert {attempt.state for attempt in revoked.cancelled} == {"cancelled"}
    theirs.refresh_from_db()
    assert theirs.state == "queued"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("grant"), st.sampled_from(["conversational", "informational", "promotional"])),
        st.tuples(st.just("revoke"), st.just("")),
    ),
    max_size=6,
)


@pytest.mark.django_db
@pytest.mark.parametrize("steps", [["grant"], ["revoke", "grant"], ["grant", "revoke", "revoke", "grant", "grant"]])
def test_the_cached_head_is_the_fold_of_the_events(cast: Cast, steps: list[str]) -> None:
    for number, step in enumerate(steps):
        at = NOON + timedelta(minutes=number)
        if step == "grant":
            consent.grant(cast.contact, by=None, **GRANT | {"at": at})
        else:
            consent.revoke(cast.contact, by=None, at=at, **STOP)
    folded = consent.fold(consent.history(cast.contact), contact=cast.contact)
    assert fields(consent.state(cast.contact)) == fields(folded)


@given(STEPS)
def test_after_any_history_a_revocation_that_came_last_holds(steps: list[tuple[str, str]]) -> None:
    contact = Contact(pk=1)
    history = [
        ConsentEvent(contact=contact, event=event, message_class=kind, basis="express", at=NOON, seq=seq)
        for seq, (event, kind) in enumerate(steps)
    ]
    head = consent.fold(history, contact=contact)
    last = steps[-1][0] if steps else "none"
    assert head.state == {"grant": "granted", "revoke": "suppressed", "none": "none"}[last]
    assert bool(head.grants) is (head.state == "granted")
