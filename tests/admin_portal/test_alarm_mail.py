"""Alarms about the record by mail: once to those who must know, tried again, and told anew when they come back."""

import smtplib
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.core.mail.message import sanitize_address
from django.utils import timezone
from pytest_django import Settings

from admin_portal import alarm_mail, alarms
from admin_portal.models import Alarm, ExportRequest
from admin_portal.parked import count_parked, list_parked, retry_parked, set_aside_parked
from tests.admin_portal.conftest import Office
from tests.admin_portal.test_alarms import HOUR, check_now, failed_check, found, watch
from tests.admin_portal.test_pages import ClientFor, text_of
from tests.admin_portal.test_parked import parked as parked


class Refusing(EmailBackend):
    """A mail server that takes nothing."""

    refused: list[str] = []  # noqa: RUF012  # subjects, of whichever instance; Django makes one for each mail

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        self.refused.extend(str(message.subject) for message in messages)
        raise smtplib.SMTPServerDisconnected("it went away")


@pytest.fixture
def refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the mail server take nothing; return the subjects of what it refuses."""
    settings.EMAIL_BACKEND, settings.ONRECORD_CHECK_AT = f"{__name__}.Refusing", None  # days without a check pass here
    monkeypatch.setattr(Refusing, "refused", [])
    return Refusing.refused


def test_an_alarm_is_mailed_once_to_officers_administrators_and_who_is_named(
    office: Office, settings: Settings
) -> None:
    settings.ONRECORD_ALARM_MAIL = ["watch@example.org"]
    failed_check(office)
    assert [alarm_mail.mail_alarms(at=timezone.now()) for _ in range(2)] == [1, 0]
    (message,) = mail.outbox
    cast = office.cast
    assert sorted(message.bcc) == sorted([cast.carl.email, cast.cora.email, cast.adam.email, "watch@example.org"])
    assert (message.to, message.cc) == ([], [])
    assert message.subject.startswith("ALARM: A check of the record found something wrong")
    assert "Entry 3: changed." in message.body
    assert "guarantee" not in message.body


def test_a_mail_that_does_not_go_out_is_shown_and_tried_again(
    office: Office, settings: Settings, client_for: ClientFor
) -> None:
    failed_check(office)
    working, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, f"{__name__}.Refusing"
    now = timezone.now()
    assert [alarm_mail.mail_alarms(at=now) for _ in range(2)] == [0, 0], "not again before a pause"
    page = text_of(client_for(office.cast.carl).get("/portal/"))
    assert "It could not be mailed: SMTPServerDisconnected: it went away" in page
    settings.EMAIL_BACKEND = working
    assert alarm_mail.mail_alarms(at=now + HOUR) == 1
    assert Alarm.objects.get().failure == ""


def test_after_its_last_try_a_mail_is_not_tried_again(office: Office, settings: Settings) -> None:
    failed_check(office)
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    at = timezone.now()
    for _ in range(alarm_mail.ALARM_MAILS.most_tries + 3):
        at += HOUR
        alarm_mail.mail_alarms(at=at)
    alarm = Alarm.objects.get()
    assert (alarm.tries, alarm.mailed_at, alarm.due_at) == (alarm_mail.ALARM_MAILS.most_tries, None, None)
    assert alarm.parked_at is not None


def test_an_alarm_that_was_over_before_its_mail_is_mailed_all_the_same(office: Office) -> None:
    failed_check(office)
    check_now(office)
    watch()
    assert Alarm.objects.get().cleared_at is not None
    assert [alarm_mail.mail_alarms(at=timezone.now()) for _ in range(2)] == [1, 0]
    assert "It is over since" in mail.outbox[0].body


class Strict(EmailBackend):
    """A mail server's client that takes no address which is none, as Django's own does."""

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        for address in (address for message in messages for address in message.recipients()):
            sanitize_address(address, "utf-8")
        return super().send_messages(messages)


def test_an_address_that_is_none_is_shown_and_holds_up_no_other_alarm(office: Office, settings: Settings) -> None:
    settings.ONRECORD_ALARM_MAIL, settings.EMAIL_BACKEND = ["watch@"], f"{__name__}.Strict"
    failed_check(office)
    now = timezone.now()
    Alarm.objects.create(kind="late", first_seen_at=now, raised_at=now, due_at=now)
    assert alarm_mail.mail_alarms(at=timezone.now()) == 0
    assert all("ValueError" in problem for problem in Alarm.objects.values_list("failure", flat=True))


def test_what_is_found_while_a_mail_is_on_its_way_has_a_mail_of_its_own(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed_check(office)
    send = EmailMessage.send

    def send_slowly(message: EmailMessage, *, fail_silently: bool = False) -> int:
        if not mail.outbox:
            found(office, "Entry 3: changed.", "Entry 4: changed.")
        return send(message, fail_silently=fail_silently)

    monkeypatch.setattr(EmailMessage, "send", send_slowly)
    assert sum(alarm_mail.mail_alarms(at=timezone.now()) for _ in range(2)) == 1, "the first one lost its lease"
    assert ["Entry 4: changed." in message.body for message in mail.outbox] == [False, True]


def test_an_alarm_that_comes_back_is_mailed_again(office: Office) -> None:
    failed_check(office)
    assert alarm_mail.mail_alarms(at=timezone.now()) == 1
    check_now(office)
    watch()
    failed_check(office)
    assert alarm_mail.mail_alarms(at=timezone.now()) == 1


def for_hours(hours: int, *, since: datetime) -> datetime:
    """Look and mail once an hour; return when that ends."""
    for _ in range(hours):
        since += HOUR
        alarms.watch(at=since)
        alarm_mail.mail_alarms(at=since)
    return since


def test_a_parked_mail_about_parked_work_is_no_parked_work_to_mail_about(
    office: Office, refused: list[str], parked: ExportRequest
) -> None:
    """The mail server is away for days, and what was parked first is dealt with meanwhile."""
    carl, tries = office.cast.carl, alarm_mail.ALARM_MAILS.most_tries
    at = for_hours(tries + 4, since=timezone.now())
    assert len(refused) == tries
    set_aside_parked(carl, kind="exports", key=str(parked.pk), reason="Asked for by mistake")
    at = for_hours(3 * tries, since=at)
    assert len(refused) == tries, "nobody asked for another try"
    alarm = Alarm.objects.get()
    assert (alarm.kind, alarm.cleared_at is not None, alarm.parked_at is not None) == ("parked", True, True)
    (mine,) = list_parked(carl, limit=5)
    assert (mine.kind, mine.key) == ("alarm_mails", str(alarm.pk)), "its end is there to be seen"
    retry_parked(carl, kind="alarm_mails", key=mine.key)
    for_hours(3 * tries, since=at)
    assert (len(refused), count_parked(carl)) == (2 * tries, 1)


def test_a_parked_mail_about_anything_else_is_told_once(office: Office, refused: list[str]) -> None:
    failed_check(office)
    tries = alarm_mail.ALARM_MAILS.most_tries
    for_hours(4 * tries, since=timezone.now())
    told = Counter(subject.partition(" (")[0] for subject in refused)
    assert told == {f"ALARM: {alarms.TITLES['check']}": tries, f"ALARM: {alarms.TITLES['parked']}": tries}
    assert Alarm.objects.get(kind="parked").problems == ["Alarms by mail: 1 on the page Parked, after the last try."]
