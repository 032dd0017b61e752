"""Periodic work of the desk. The rows in the database are the truth; a lost or doubled task changes nothing."""

from celery import shared_task
from django.utils import timezone

from admin_portal import alarm_mail, alarms, checks, making


@shared_task(name="admin_portal.make_exports")
def make_exports() -> None:
    """Make the packages that are due, and clean up after workers that died."""
    making.make_due_exports()
    making.remove_leftovers()


@shared_task(name="admin_portal.check_record")
def check_record() -> None:
    """Put tonight's check in line, and run the checks that are due: this may take hours."""
    checks.schedule_nightly(at=timezone.now())
    checks.run_due_checks(after_each=lambda: alarms.watch(at=timezone.now()))


@shared_task(name="admin_portal.watch_record")
def watch_record() -> None:
    """Raise alarms about the record, and mail them."""
    alarms.watch(at=timezone.now())
    alarm_mail.mail_alarms(at=timezone.now())
