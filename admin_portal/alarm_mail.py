"""Alarms by mail, to those who can do something about them: officers, administrators, and whom the settings name.

The mail says what is wrong with the record and no content. It must not be sent inside a transaction; that it could not
be sent is shown beside the alarm. What an alarm finds anew takes the lease away: the news has a mail of its own.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import timezone

from admin_portal.alarms import MAILS, TITLES, raised
from admin_portal.models import Alarm
from archive.outbox import Backoff, Outbox
from archive.outbox import register as register_outbox
from messenger.people.models import Person
from messenger.people.roles import ADMINISTRATOR, OFFICER

ALARM_MAILS = Outbox[Alarm](
    name=MAILS,
    title="Alarms by mail",
    task="admin_portal.watch_record",
    rows=lambda: raised().filter(mailed_at=None),
    describe=lambda alarm: f"Alarm {alarm.pk}: {TITLES[alarm.kind]}",
    lease=timedelta(minutes=5),
    most_tries=8,  # the last one about half an hour after the first
    backoff=Backoff(first=timedelta(seconds=20), longest=timedelta(hours=1)),
    failure_of=lambda error: f"{type(error).__name__}: {error}",
)


def register() -> None:
    register_outbox(ALARM_MAILS)


def mail_alarms(*, at: datetime) -> int:
    """Mail what was raised and is not mailed yet; return how many went out. A failed one is tried again later."""
    return ALARM_MAILS.work_off(_mail, at=at)


def recipients() -> list[str]:
    """Return the addresses that an alarm goes to."""
    people = Person.objects.filter(
        is_active=True, grants__ended_at=None, grants__role__in=(OFFICER, ADMINISTRATOR)
    ).values_list("email", flat=True)
    named: list[str] = settings.ONRECORD_ALARM_MAIL
    return sorted({*people, *named})


def _mail(alarm: Alarm) -> None:
    addresses = recipients()
    if not addresses:
        raise OSError("there is nobody to send it to")
    _message(alarm, to=addresses).send()
    ALARM_MAILS.finish(alarm, mailed_at=timezone.now())


def _message(alarm: Alarm, *, to: list[str]) -> EmailMessage:
    problems = "\n".join(f"- {problem}" for problem in alarm.problems)
    over = f"It is over since {alarm.cleared_at:%Y-%m-%d %H:%M} UTC.\n\n" if alarm.cleared_at else ""
    body = (
        f"{TITLES[alarm.kind]}.\n\n{problems}\n\n{over}"
        f"Look at {settings.ONRECORD_PUBLIC_URL}/portal/record/ and keep everything as it is until you know more. The "
        "alarm stays on the portal's pages until it is over and an officer has acknowledged it.\n"
    )
    subject = f"ALARM: {TITLES[alarm.kind]} ({settings.ONRECORD_ORIGIN})"
    # Blind copies: who else holds these roles is nobody's business outside.
    return EmailMessage(subject=subject, body=body, bcc=to)
