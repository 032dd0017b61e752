"""Alarms about the record: raised, mailed, seen by who may see them; they end only when two things came true."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.core import mail
from django.utils import timezone
from pytest_django import Settings

from admin_portal import alarm_mail, alarms, checks
from admin_portal.models import Alarm, RecordCheck
from admin_portal.tasks import check_record
from archive import catalog, guard, ledger
from archive.models import Document, EvidenceSource
from messenger.people.errors import Conflict, Invalid, NotFound
from tests.admin_portal.conftest import Office
from tests.admin_portal.test_checks import note_of_more
from tests.admin_portal.test_pages import ClientFor, text_of
from tests.archive.test_catalog import FENCE, moved_fence
from tests.invariants import all_entries

REASON = "Restored the words from the backup of Friday, case 2026-31."
HOUR = timedelta(hours=1)


def check_now(office: Office) -> RecordCheck:
    checks.request_check(office.cast.carl)
    checks.run_due_checks()
    check = RecordCheck.objects.first()
    assert check is not None
    return check


def watch(*, at: datetime | None = None) -> list[str]:
    """Look once; return the kinds of the alarms that are raised."""
    alarms.watch(at=at or timezone.now())
    return sorted(Alarm.objects.exclude(raised_at=None).values_list("kind", flat=True))


def kinds_seen_by(name: str, office: Office) -> list[str]:
    return [alarm.kind for alarm in alarms.open_alarms(getattr(office.cast, name))]


def damage(office: Office) -> str:
    """Change the words of a search row; return what they were."""
    row = Document.objects.get(seq=office.messages[0].seq)
    Document.objects.filter(pk=row.pk).update(text="what was never said")
    return row.text


def mend(office: Office, text: str) -> None:
    Document.objects.filter(seq=office.messages[0].seq).update(text=text)


def test_control_a_sound_record_raises_nothing(office: Office) -> None:
    check_now(office)
    assert watch() == []
    assert alarm_mail.mail_alarms(at=timezone.now()) == 0
    assert mail.outbox == []


@pytest.mark.backend("postgres")  # SQLite's index would have to be told of the change as well
def test_an_alarm_ends_when_a_later_check_is_sound_and_somebody_has_acknowledged_it(office: Office) -> None:
    words = damage(office)
    assert not check_now(office).is_sound
    assert watch() == watch() == ["check"]
    (alarm,) = alarms.open_alarms(office.cast.carl)
    assert alarm.problems[0].startswith(f"Entry {office.messages[0].seq}: ")
    mend(office, words)
    assert check_now(office).is_sound
    watch()
    assert kinds_seen_by("carl", office) == ["check"], "it is over, but nobody has acknowledged it"
    alarms.acknowledge(office.cast.cora, alarm_id=alarm.pk, reason=REASON)
    assert kinds_seen_by("carl", office) == []
    (entry,) = [entry for entry in all_entries("system") if entry.kind == "alarm.acknowledged"]
    assert (entry.content["alarm"], entry.content["reason"]) == ("check", REASON)
    assert entry.content["problems"] == alarm.problems


def failed_check(office: Office) -> Alarm:
    """A check that found something; no record is harmed."""
    now = timezone.now()
    RecordCheck.objects.create(
        asked_by=office.cast.carl,
        asked_at=now,
        done_at=now,
        state="done",
        is_sound=False,
        problems=["Entry 3: changed."],
    )
    assert "check" in watch()
    return Alarm.objects.filter(kind="check").latest("id")


def test_acknowledged_first_it_stays_until_it_is_over(office: Office) -> None:
    alarm = failed_check(office)
    alarms.acknowledge(office.cast.carl, alarm_id=alarm.pk, reason=REASON)
    assert kinds_seen_by("cora", office) == ["check"]
    assert check_now(office).is_sound
    watch()
    assert kinds_seen_by("cora", office) == []
    failed_again = failed_check(office)
    assert failed_again != alarm, "the next one is another alarm"


def found(office: Office, *problems: str) -> None:
    """Another check that found something."""
    now = timezone.now()
    row = {"asked_by": office.cast.carl, "asked_at": now, "done_at": now, "state": "done", "is_sound": False}
    RecordCheck.objects.create(problems=list(problems), problem_count=len(problems), **row)
    watch()


def test_what_an_acknowledged_alarm_finds_anew_is_told_again_and_needs_a_person_again(office: Office) -> None:
    alarm = failed_check(office)
    alarms.acknowledge(office.cast.carl, alarm_id=alarm.pk, reason=REASON)
    alarm_mail.mail_alarms(at=timezone.now())
    found(office, "Entry 3: changed.")
    assert alarm_mail.mail_alarms(at=timezone.now()) == 0, "it is known"
    assert alarms.access_alarm(office.cast.carl, alarm.pk).acknowledged_at is not None
    found(office, "Entry 3: changed.", "Entry 4: changed.")
    assert alarms.access_alarm(office.cast.carl, alarm.pk).acknowledged_at is None
    assert alarm_mail.mail_alarms(at=timezone.now()) == 1
    assert "Entry 4: changed." in mail.outbox[-1].body
    alarms.acknowledge(office.cast.cora, alarm_id=alarm.pk, reason=REASON)
    found(office, "Entry 4: changed.")
    found(office, "Entry 3: changed.")
    assert alarms.access_alarm(office.cast.carl, alarm.pk).acknowledged_at is not None, "nothing of it is new"


def test_problems_beyond_those_that_are_shown_are_counted_and_more_of_them_are_news(office: Office) -> None:
    alarm = failed_check(office)
    now = timezone.now()
    for count, is_acknowledged in ((30, False), (30, True), (31, False)):
        row = {"asked_by": office.cast.carl, "asked_at": now, "done_at": now, "state": "done", "is_sound": False}
        RecordCheck.objects.create(problems=["Entry 3: changed."], problem_count=count, **row)
        watch()
        alarm.refresh_from_db()
        assert alarm.problems[-1] == f"{count} problems in all."
        assert (alarm.acknowledged_at is not None) == is_acknowledged
        if not is_acknowledged:
            alarms.acknowledge(office.cast.carl, alarm_id=alarm.pk, reason=REASON)


def test_a_source_that_fails_in_turns_is_told_once_and_a_contradiction_of_the_same_source_anew(
    office: Office, settings: Settings, tmp_path: Path
) -> None:
    now = timezone.now()
    settings.ONRECORD_COPY_DIR = tmp_path

    def fails(problem: str, *, after: timedelta) -> Alarm:
        values = {"kind": "copy", "tried_at": now, "problem": problem}
        EvidenceSource.objects.update_or_create(name="copy", defaults=values)
        watch(at=now + after)
        return Alarm.objects.get()

    fails("It cannot be used: try 7 at 0x7f01.", after=HOUR * 0)
    alarm = fails("It cannot be used: try 8 at 0x7f02.", after=HOUR)
    alarms.acknowledge(office.cast.carl, alarm_id=alarm.pk, reason=REASON)
    assert fails("It cannot be used: try 9 at 0x7f03.", after=2 * HOUR).acknowledged_at is not None
    assert fails("The newest copy contradicts the record.", after=3 * HOUR).acknowledged_at is None


def test_who_may_see_and_who_may_acknowledge(office: Office) -> None:
    alarm = failed_check(office)
    seen = {name for name in ("alice", "mona", "carl", "cora", "erin", "adam") if kinds_seen_by(name, office)}
    assert seen == {"carl", "cora", "erin"}
    size = ledger.latest_checkpoint().size
    for name in ("alice", "mona", "erin", "adam"):
        with pytest.raises(NotFound):
            alarms.acknowledge(getattr(office.cast, name), alarm_id=alarm.pk, reason=REASON)
    for reason in ("", " too short ", "x" * 301):
        with pytest.raises(Invalid, match="10 to 300 characters"):
            alarms.acknowledge(office.cast.carl, alarm_id=alarm.pk, reason=reason)
    assert ledger.latest_checkpoint().size == size, "a refusal leaves no trace"
    alarms.acknowledge(office.cast.carl, alarm_id=alarm.pk, reason=REASON)
    with pytest.raises(Conflict):
        alarms.acknowledge(office.cast.cora, alarm_id=alarm.pk, reason=REASON)


def test_a_sound_check_right_after_it_silences_nothing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    size = ledger.latest_checkpoint().size
    reports = [
        ledger.CheckReport(size=size, is_sound=False, problems=[ledger.Problem(3, "changed.")]),
        ledger.CheckReport(size=size, is_sound=True, problems=[]),
    ]
    monkeypatch.setattr(ledger, "check_all", lambda **_: reports.pop(0))
    for person in (office.cast.carl, office.cast.cora):
        checks.request_check(person)
    check_record()
    assert reports == []
    (alarm,) = alarms.open_alarms(office.cast.carl)
    assert (alarm.problems, alarm.cleared_at is not None) == (["Entry 3: changed."], True)


@pytest.mark.parametrize(("failure", "said"), [("OSError", "(OSError)"), ("", "(nothing was noted)")])
def test_a_check_that_did_not_come_to_its_end_is_an_alarm(office: Office, failure: str, said: str) -> None:
    now = timezone.now()
    row = {"asked_by": office.cast.carl, "asked_at": now, "done_at": now, "state": "failed", "failure": failure}
    RecordCheck.objects.create(**row)
    assert watch() == ["check"]
    assert Alarm.objects.get().problems == [f"A check of the record did not come to its end {said}."]


def test_no_check_for_a_day_and_a_half_is_an_alarm(office: Office, settings: Settings) -> None:
    began = ledger.began_at()
    assert began is not None
    assert watch(at=began + 36 * HOUR) == []
    assert watch(at=began + 36 * HOUR + timedelta(seconds=1)) == ["late"]
    check_now(office)
    alarms.watch(at=timezone.now() + HOUR)
    assert Alarm.objects.get().cleared_at is not None
    settings.ONRECORD_CHECK_AT = None
    Alarm.objects.all().delete()
    assert watch(at=began + 99 * HOUR) == [], "it is turned off, and the page says so"


def test_a_database_that_was_put_back_is_an_alarm_that_needs_no_check(
    office: Office, settings: Settings, tmp_path: Path
) -> None:
    settings.ONRECORD_GUARD = tmp_path / "guard" / "checkpoint"
    guard.advance(settings.ONRECORD_GUARD, note=note_of_more(office))
    assert watch() == ["guard"]
    (alarm,) = alarms.open_alarms(office.cast.carl)
    with pytest.raises(Conflict, match="cannot be written to"):
        alarms.acknowledge(office.cast.carl, alarm_id=alarm.pk, reason=REASON)
    assert kinds_seen_by("carl", office) == ["guard"]
    assert checks.request_check(office.cast.carl).state == "waiting", "a check can be asked for all the same"
    settings.ONRECORD_GUARD.unlink()
    watch()
    alarms.acknowledge(office.cast.carl, alarm_id=alarm.pk, reason=REASON)
    assert kinds_seen_by("carl", office) == []


def test_missing_evidence_is_an_alarm_only_after_an_hour_and_only_where_some_is_set_up(
    office: Office, settings: Settings, tmp_path: Path
) -> None:
    now = timezone.now()
    assert watch(at=now) == watch(at=now + 2 * HOUR) == []
    settings.ONRECORD_COPY_DIR = tmp_path
    assert watch(at=now) == watch(at=now + HOUR / 2) == [], "it may pass"
    assert watch(at=now + HOUR) == ["evidence"]
    assert "Nobody outside holds a checkpoint" in Alarm.objects.get().problems[0]


def test_what_passes_within_the_hour_leaves_nothing_behind(office: Office, settings: Settings, tmp_path: Path) -> None:
    now = timezone.now()
    settings.ONRECORD_COPY_DIR = tmp_path
    watch(at=now)
    assert Alarm.objects.count() == 1
    settings.ONRECORD_COPY_DIR = None
    watch(at=now + HOUR)
    assert Alarm.objects.count() == 0


def test_a_source_that_contradicts_the_record_is_told(office: Office, settings: Settings, tmp_path: Path) -> None:
    now = timezone.now()
    settings.ONRECORD_COPY_DIR = tmp_path
    EvidenceSource.objects.create(name="copy", kind="copy", tried_at=now, problem="The newest copy contradicts us.")
    watch(at=now)
    watch(at=now + HOUR)
    assert "copy: The newest copy contradicts us." in Alarm.objects.get().problems


def test_what_cannot_be_looked_at_is_an_alarm_and_hides_no_other(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(alarms.LOOKS, Alarm.CHECK, _cannot_look)
    now = timezone.now()
    assert watch(at=now + 37 * HOUR) == ["check", "late"]
    assert "cannot be seen whether all is well (OSError)" in Alarm.objects.get(kind="check").problems[0]


def _cannot_look(_at: datetime) -> tuple[str, ...]:
    raise OSError("the disk is gone")


def test_a_fence_that_was_moved_is_an_alarm_until_somebody_accepts_it(office: Office) -> None:
    now = timezone.now()
    catalog.take_fingerprint(at=now)
    assert watch() == [], "control: the fences stand"
    with moved_fence():
        catalog.take_fingerprint(at=now + HOUR / 10)
    catalog.take_fingerprint(at=now + HOUR)
    assert watch() == ["fences"], "though it was put up again"
    assert FENCE in Alarm.objects.get().problems[0]
    catalog.accept_changes(reason="Taken down for a test of the alarm.", at=now + HOUR)
    watch()
    (alarm,) = alarms.open_alarms(office.cast.carl)
    alarms.acknowledge(office.cast.carl, alarm_id=alarm.pk, reason=REASON)
    assert kinds_seen_by("carl", office) == []


@pytest.mark.breaks_the_record
def test_where_the_keys_are_gone_the_page_says_so_and_takes_the_wish_for_a_check(
    office: Office, settings: Settings, tmp_path: Path, client_for: ClientFor
) -> None:
    alarm, carl = failed_check(office), client_for(office.cast.carl)
    settings.ONRECORD_KEY_DIR = tmp_path / "an empty disk"
    page = text_of(carl.get("/portal/record/"))
    assert "The key store cannot be read." in page
    assert "Verifier key" not in page
    assert "The check was started." in text_of(carl.post("/portal/record/check/", follow=True))
    told = carl.post(f"/portal/record/alarms/{alarm.pk}/", {"reason": REASON, "from": "/portal/record/"}, follow=True)
    assert "The record cannot be written to" in text_of(told)


# --- pages -----------------------------------------------------------------------------------------------------------
def test_every_page_of_the_portal_shows_it_to_who_may_know(office: Office, client_for: ClientFor) -> None:
    failed_check(office)
    for path in ("/portal/", "/portal/record/", "/portal/exports/", "/portal/purpose/"):
        assert "ALARM: A check of the record found something wrong" in text_of(client_for(office.cast.carl).get(path))
    assert "ALARM" not in text_of(client_for(office.cast.mona).get("/portal/"))
    assert "ALARM" not in text_of(client_for(office.cast.adam).get("/portal/"))


def test_an_officer_acknowledges_on_the_page_and_an_examiner_finds_no_form(
    office: Office, client_for: ClientFor
) -> None:
    alarm = failed_check(office)
    address = f"/portal/record/alarms/{alarm.pk}/"
    assert "Acknowledge</button>" not in client_for(office.cast.erin).get("/portal/record/").content.decode()
    assert client_for(office.cast.erin).post(address, {"reason": REASON}).status_code == 404
    carl = client_for(office.cast.carl)
    assert "Acknowledge</button>" in carl.get("/portal/record/").content.decode()
    found(office, "Entry 3: changed.", "Entry 4: changed.")
    late = carl.post(address, {"reason": REASON, "seen": 1, "from": "/portal/record/"}, follow=True)
    assert "has found something new meanwhile" in text_of(late)
    assert 'name="seen" value="2"' in late.content.decode()
    short = carl.post(address, {"reason": "seen"})
    assert (short.status_code, "at least 10 characters" in text_of(short)) == (200, True)
    assert carl.post(address, {"reason": REASON, "seen": 2})["Location"] == "/portal/record/"
    assert REASON in text_of(carl.get("/portal/record/"))
    assert carl.post("/portal/record/alarms/987654/", {"reason": REASON}).status_code == 404
