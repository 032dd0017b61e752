"""Periodic work of the desk. The rows in the database are the truth; a lost or doubled task changes nothing."""

from celery import shared_task

from admin_portal import making, status


@shared_task(name="admin_portal.make_exports")
def make_exports() -> None:
    """Make the packages and run the checks that are due, and clean up after workers that died."""
    making.make_due_exports()
    status.run_due_checks()
    making.remove_leftovers()
