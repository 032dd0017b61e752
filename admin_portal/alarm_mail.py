"""Alarms by mail, to those who can do something about them: officers, administrators, and whom the settings name.

The mail says what is wrong with the record and no content. It must not be sent inside a transaction; that it could not
be sent is shown beside the alarm.
"""

import smtplib
from datetime import datetime

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F

from admin_portal.alarms import TITLES, raised
from admin_portal.models import Alarm
from admin_portal.work import pause_before
from messenger.people.models import Person
from messenger.people.roles import ADMINISTRATOR, OFFICER

MOST_TRIES = 8  # the last one about three quarters of an hour after the first
log = structlog.get_logger(__name__)


def mail_alarms(*, at: datetime) -> int:
    """Mail what was raised and is not mailed yet; return how many went out. A failed one is tried again later."""
    waiting = raised().filter(mailed_at=None, mail_due_at__lte=at, mail_tries__lt=MOST_TRIES)
    return sum(_mail(alarm, at=at) for alarm in waiting)


def recipients() -> list[str]:
    """Return the addresses that an alarm goes to."""
    people = Person.objects.filter(
        is_active=True, grants__ended_at=None, grants__role__in=(OFFICER, ADMINISTRATOR)
    ).values_list("email", flat=True)
    named: list[str] = settings.ONRECORD_ALARM_MAIL
    return sorted({*people, *named})


def _mail(alarm: Alarm, *, at: datetime) -> bool:
    # Whoever moves the time of the next try sends this one.
    mine = Alarm.objects.filter(pk=alarm.pk, mailed_at=None, mail_tries=alarm.mail_tries)
    if not mine.update(mail_tries=F("mail_tries") + 1, mail_due_at=at + pause_before(alarm.mail_tries + 1)):
        return False
    addresses = recipients()
    try:
        if not addresses:
            raise OSError("there is nobody to send it to")
        _message(alarm, to=addresses).send()
    except (smtplib.SMTPException, OSError, ValueError) as error:  # the last one: an address that is none
        log.exception("alarm_not_mailed", alarm=alarm.pk)
        Alarm.objects.filter(pk=alarm.pk).update(mail_problem=f"{type(error).__name__}: {error}"[:300])
        return False
    # What the alarm found anew while this mail was on its way has a mail of its own, and tries that begin at 0.
    Alarm.objects.filter(pk=alarm.pk, mail_tries=alarm.mail_tries + 1).update(mailed_at=at, mail_problem="")
    return True


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
