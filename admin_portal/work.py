"""Leases on work that waits in the database: the rows are the truth, a task only nudges.

A worker takes one row at a time. If it dies, the lease ends and another worker takes the row; if it was only slow, its
token no longer fits and what it made is thrown away. Must not know what the work is.
"""

from datetime import datetime, timedelta
from typing import TypeVar
from uuid import uuid4

from django.db.models import Case, F, Q, Value, When

from admin_portal.models import ExportRequest, RecordCheck

LEASE = timedelta(minutes=30)
MOST_TRIES = 3
FIRST_PAUSE = timedelta(seconds=20)


class LeaseLost(Exception):
    """Another worker has taken the row; what this one made is thrown away."""


Work = TypeVar("Work", ExportRequest, RecordCheck)


def claim(model: type[Work], *, ready: str, busy: str, at: datetime) -> Work | None:
    """Take a row whose worker let its lease end, or the oldest that is due; None when there is none for us.

    One statement compares the token and sets the new one, so of two workers one wins, on every database.
    """
    is_due = Q(state=ready, due_at__lte=at) | Q(state=busy, leased_until__lte=at)
    # What was begun first: where only one row may be busy, nothing else can be taken before it.
    begun_first = Case(When(state=busy, then=Value(0)), default=Value(1))
    row = model._default_manager.filter(is_due).order_by(begun_first, "pk").first()
    if row is None:
        return None
    token = uuid4()
    taken = model._default_manager.filter(is_due, pk=row.pk, lease_token=row.lease_token).update(
        state=busy, lease_token=token, leased_until=at + LEASE, tries=F("tries") + 1
    )
    return model._default_manager.get(pk=row.pk) if taken else None


def pause_before(tries: int) -> timedelta:
    """Return how long to wait after this many failures: 20 s, 40 s, 80 s …"""
    return FIRST_PAUSE * int(2 ** max(tries - 1, 0))
