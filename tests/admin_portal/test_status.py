"""How the record stands, and checks that somebody asks for."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from admin_portal import checks, status
from admin_portal.access import access_check
from admin_portal.models import RecordCheck
from admin_portal.purposes import VALID_FOR, current_purpose, state_purpose
from admin_portal.waiting import waiting_for
from archive import evidence, ledger
from archive.witness.keeper import Witness
from messenger.conversations.models import MessageReport
from messenger.people.actions import end_session, request_role, start_session
from messenger.people.errors import Invalid, NotFound
from messenger.people.models import Person
from tests.admin_portal.conftest import PURPOSE, Office
from tests.admin_portal.test_exports import ask, ready
from tests.admin_portal.test_pages import ClientFor
from tests.invariants import all_entries


@pytest.mark.parametrize("name", ["alice", "mona", "adam"])
def test_who_may_not_know_the_state_of_the_record_finds_nothing_there(office: Office, name: str) -> None:
    outsider = getattr(office.cast, name)
    check = checks.request_check(office.cast.carl)
    with pytest.raises(NotFound):
        status.record_status(outsider)
    with pytest.raises(NotFound):
        checks.request_check(outsider)
    with pytest.raises(NotFound):
        access_check(outsider, check.pk)


def test_the_status_is_the_last_checkpoint_and_the_key_to_publish(office: Office) -> None:
    found, checkpoint = status.record_status(office.cast.erin), ledger.latest_checkpoint()
    assert (found.size, found.checkpoint) == (checkpoint.size, checkpoint.note)
    assert found.verifier_key == ledger.verifier_key()
    assert found.last_check is None


def test_a_check_of_a_sound_record_says_so_and_is_an_entry(office: Office) -> None:
    check = checks.request_check(office.cast.carl)
    assert checks.request_check(office.cast.carl) == check, "asking twice starts one check"
    assert checks.run_due_checks() == 1
    check.refresh_from_db()
    assert (check.state, check.is_sound, check.problems) == (RecordCheck.DONE, True, [])
    assert check.is_settled
    (entry,) = [entry for entry in all_entries("system") if entry.kind == "record.checked"]
    assert entry.content["is_sound"] is True
    assert entry.content["actor"]["name"] == "Carl"  # type: ignore[index, call-overload]
    assert checks.request_check(office.cast.carl) != check, "the next one is a new check"


@pytest.mark.breaks_the_record
def test_a_check_of_a_damaged_record_names_the_entry(office: Office, lost_key: int) -> None:
    checks.request_check(office.cast.carl)
    checks.run_due_checks()
    check = RecordCheck.objects.get()
    assert check.is_sound is False
    assert check.problems[0].startswith(f"Entry {lost_key}: ")


def test_a_check_whose_workers_died_ends_visibly(office: Office) -> None:
    check, at = checks.request_check(office.cast.carl), timezone.now()
    for _ in range(checks.CHECKS.most_tries):
        assert checks.claim_check(at) is not None
        at += checks.CHECKS.lease * 2
    checks.run_due_checks(at=at)
    check.refresh_from_db()
    assert (check.state, check.is_sound) == (RecordCheck.FAILED, None)


def test_a_worker_that_lost_its_lease_reports_nothing(office: Office) -> None:
    checks.request_check(office.cast.carl)
    slow = checks.claim_check(timezone.now())
    assert slow is not None
    assert checks.claim_check(timezone.now() + checks.CHECKS.lease * 2) is not None
    checks.run_check(slow)
    assert RecordCheck.objects.get().state == RecordCheck.RUNNING
    assert [entry for entry in all_entries("system") if entry.kind == "record.checked"] == []


def test_a_purpose_holds_in_its_session_until_it_expires(office: Office) -> None:
    carl = office.cast.carl
    here = start_session(carl, session_key="here", address="10.0.0.1", agent="")
    there = start_session(carl, session_key="there", address="10.0.0.1", agent="")
    stated = state_purpose(carl, session=here, text=f"  {PURPOSE} ", case_reference="C-7")
    assert str(current_purpose(carl, session=here)) == f"{PURPOSE} (C-7)"
    assert current_purpose(carl, session=there) is None
    assert current_purpose(carl, session=None) is None
    assert current_purpose(carl, session=here, at=stated.stated_at + VALID_FOR) is None
    last = state_purpose(carl, session=here, text="Another purpose")
    assert current_purpose(carl, session=here) == last


def test_a_purpose_needs_words_and_a_live_session_of_ones_own(office: Office) -> None:
    carl = office.cast.carl
    session = start_session(carl, session_key="here", address="10.0.0.1", agent="")
    for text, case in (("why", ""), ("x" * 301, ""), (PURPOSE, "x" * 61)):
        with pytest.raises(Invalid):
            state_purpose(carl, session=session, text=text, case_reference=case)
    with pytest.raises(NotFound):
        state_purpose(office.cast.cora, session=session, text=PURPOSE)
    end_session(session, reason="signed out", at=timezone.now() + timedelta(seconds=1))
    session.refresh_from_db()
    with pytest.raises(NotFound):
        state_purpose(carl, session=session, text=PURPOSE)


def test_what_waits_is_what_this_person_can_move_on(office: Office, report: MessageReport) -> None:
    cast = office.cast
    asked, package = ask(office), ready(office)
    role = request_role(cast.adam, person=cast.bob, role="reviewer", reason="Help in the queue")
    assert total(cast.alice) == 0
    assert (waiting_for(cast.mona).reports, total(cast.mona)) == ([report], 1)
    adam = waiting_for(cast.adam)
    assert (adam.total, adam.reports, adam.exports) == (0, [], []), "his own role request waits for somebody else"
    cora = waiting_for(cast.cora)
    assert (cora.exports, cora.packages, cora.roles) == ([asked], [], [role])
    carl = waiting_for(cast.carl)
    assert (carl.exports, carl.packages) == ([], [package])


def total(person: Person) -> int:
    return waiting_for(person).total


def test_the_status_says_who_outside_holds_the_record(
    office: Office, settings: Settings, tmp_path: Path, client_for: ClientFor
) -> None:
    assert status.record_status(office.cast.carl).evidence.level == "red", "nobody outside is set up"
    witness = Witness(tmp_path / "witness", name="auditor.example/witness")
    settings.ONRECORD_WITNESSES = [f"{witness.verifier_key()} http://127.0.0.1:9"]
    assert evidence.collect_cosignatures(at=timezone.now()) == 0
    found = status.record_status(office.cast.carl).evidence
    assert [kind.sources for kind in found.kinds if kind.kind == "witness"] == [1]
    assert "cannot be reached" in found.problems[0]
    page = client_for(office.cast.carl).get("/portal/record/").content.decode()
    assert "Held by nobody else" in page
    assert "cannot be reached" in page
