"""Reports and decisions: who may judge what, what members and the author see, and that a race has one winner."""

from collections.abc import Callable

import pytest
from django.test import Client

from admin_portal.queue import decided_reports, keep_reported, open_report, open_reports, remove_reported
from archive import ledger
from messenger.conversations import membership, opening
from messenger.conversations.models import Message, MessageReport, StreamEvent
from messenger.conversations.moderation import report_message
from messenger.people.errors import Conflict, Invalid, NotFound
from messenger.people.models import Person
from tests.admin_portal.conftest import Office, looks_of, record_size, say
from tests.admin_portal.test_exports import race
from tests.cast import give_role

ClientFor = Callable[[Person], Client]


@pytest.mark.parametrize("name", ["alice", "bob", "charlie", "erin", "adam"])
def test_who_does_not_review_finds_nothing_there_and_leaves_no_trace(
    office: Office, report: MessageReport, name: str
) -> None:
    outsider, size = getattr(office.cast, name), record_size()
    attempts: tuple[Callable[[], object], ...] = (
        lambda: open_reports(outsider),
        lambda: open_report(outsider, report_id=report.pk),
        lambda: remove_reported(outsider, report_id=report.pk, reason="no"),
        lambda: keep_reported(outsider, report_id=report.pk, reason="no"),
    )
    for attempt in attempts:
        with pytest.raises(NotFound):
            attempt()
    assert record_size() == size


@pytest.mark.parametrize("name", ["mona", "carl"])
def test_opening_a_report_shows_the_message_in_context_and_is_an_entry(
    office: Office, report: MessageReport, name: str
) -> None:
    reviewer = getattr(office.cast, name)
    _, look = open_report(reviewer, report_id=report.pk)
    assert look.target.body == office.messages[2].body
    assert [line.body for line in look.lines] == [message.body for message in office.messages[:5]]
    (entry,) = looks_of(reviewer, "entry.opened")
    assert entry.content["purpose"] == f"Report {report.pk}: Advice or promise that we may not give"


# rule: us-finra-3110-review
def test_opening_is_not_reviewing(office: Office, report: MessageReport) -> None:
    open_report(office.cast.mona, report_id=report.pk)
    assert open_reports(office.cast.mona).reports == [report]
    assert looks_of(office.cast.mona, "report.decided") == []


def test_the_list_of_reports_shows_no_content_and_is_no_look(office: Office, report: MessageReport) -> None:
    size = record_size()
    assert [row.pk for row in open_reports(office.cast.mona).reports] == [report.pk]
    assert record_size() == size


# rule: us-sec-17a-4-audit-trail
def test_a_removed_message_is_a_tombstone_for_members_and_stays_in_the_record(
    office: Office, report: MessageReport, client_for: ClientFor
) -> None:
    decided = remove_reported(office.cast.mona, report_id=report.pk, reason="A promise of returns")
    assert (decided.state, decided.decided_by) == (MessageReport.REMOVED, office.cast.mona)
    for member in (office.cast.alice, office.cast.bob):
        answer = client_for(member).get(f"/api/v1/conversations/{office.talk.pk}/messages").json()
        removed = answer["messages"][2]
        assert (removed["state"], removed["body"], removed["html"]) == ("removed", "", "")
    original = ledger.open_entry(report.message.seq)
    assert original.content["body"] == office.messages[2].body
    (told,) = StreamEvent.objects.filter(conversation=office.talk, kind="message.removed")
    assert told.data == {"target": office.messages[2].n, "reason": "A promise of returns"}
    (entry,) = looks_of(office.cast.mona, "report.decided")
    assert (entry.content["decision"], entry.content["reason"]) == ("removed", "A promise of returns")


def test_a_kept_message_stays_as_it_is(office: Office, report: MessageReport) -> None:
    keep_reported(office.cast.mona, report_id=report.pk, reason="A quotation")
    assert Message.objects.get(pk=report.message_id).state == Message.SHOWN
    assert not StreamEvent.objects.filter(kind="message.removed").exists()
    assert [row.decision_reason for row in decided_reports(office.cast.mona)] == ["A quotation"]
    assert open_reports(office.cast.mona).reports == []


def test_a_decision_needs_a_reason(office: Office, report: MessageReport) -> None:
    size = record_size()
    for reason in ("", "   ", "x" * 301):
        with pytest.raises(Invalid) as refused:
            remove_reported(office.cast.mona, report_id=report.pk, reason=reason)
        assert refused.value.field == "reason"
    assert record_size() == size


def test_nobody_judges_their_own_words_nor_a_conversation_they_are_or_were_in(office: Office) -> None:
    cast = office.cast
    group = opening.open_group(cast.mona, title="Desk", others=[cast.alice.pk, cast.bob.pk])
    own = say(cast.mona, group, "Mine")
    others = say(cast.alice, group, "Not mine")
    for message in (own, others):
        report_message(cast.bob, conversation_id=group.pk, n=message.n, reason="other")
    membership.remove_member(cast.mona, conversation_id=group.pk, person_id=cast.mona.pk)
    page, size = open_reports(cast.mona), record_size()
    assert (page.reports, page.hidden) == ([], 2)
    for row in MessageReport.objects.all():
        with pytest.raises(NotFound):
            open_report(cast.mona, report_id=row.pk)
        with pytest.raises(NotFound):
            remove_reported(cast.mona, report_id=row.pk, reason="mine")
    assert record_size() == size
    assert len(open_reports(cast.carl).reports) == 2, "the control: another reviewer sees them"


def test_one_decision_settles_every_report_on_the_message(office: Office) -> None:
    cast = office.cast
    group = opening.open_group(cast.alice, title="Desk", others=[cast.bob.pk, cast.charlie.pk])
    words = say(cast.alice, group, "A sure thing")
    reports = [
        report_message(person, conversation_id=group.pk, n=words.n, reason="advice")
        for person in (cast.bob, cast.charlie)
    ]
    remove_reported(cast.mona, report_id=reports[0].pk, reason="A promise")
    assert {row.state for row in MessageReport.objects.all()} == {MessageReport.REMOVED}
    decided = looks_of(cast.mona, "report.decided")
    assert [entry.content["report"] for entry in decided] == [row.pk for row in reports]
    with pytest.raises(Conflict, match="decided already"):
        keep_reported(cast.carl, report_id=reports[1].pk, reason="too late")


@pytest.mark.django_db(transaction=True)
def test_two_reviewers_that_race_make_one_decision(
    transactional_db: None, office: Office, report: MessageReport
) -> None:
    mona, carl = office.cast.mona, office.cast.carl
    outcomes = race(
        lambda: remove_reported(mona, report_id=report.pk, reason="A promise"),
        lambda: keep_reported(carl, report_id=report.pk, reason="A quotation"),
    )
    assert len([outcome for outcome in outcomes if isinstance(outcome, Conflict)]) == 1
    decided = [*looks_of(mona, "report.decided"), *looks_of(carl, "report.decided")]
    assert len(decided) == 1
    assert MessageReport.objects.get().state == decided[0].content["decision"]


def test_the_queue_is_paged_and_costs_a_constant_number_of_queries(
    office: Office, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    cast = office.cast
    for number in range(27):
        words = say(cast.alice, office.talk, f"line {number}")
        report_message(cast.bob, conversation_id=office.talk.pk, n=words.n, reason="other")
    mona = Person.objects.get(pk=cast.mona.pk)
    with django_assert_max_num_queries(5):  # type: ignore[attr-defined]  # a context manager
        first = open_reports(mona)
    second = open_reports(mona, after=first.next_after)
    assert (len(first.reports), len(second.reports), second.next_after) == (25, 2, None)


def test_a_new_reviewer_counts_from_the_moment_of_the_grant(office: Office, report: MessageReport) -> None:
    charlie = give_role(office.cast.charlie, role="reviewer", asked_by=office.cast.adam, granted_by=office.cast.cora)
    assert open_reports(charlie).reports == [report]
