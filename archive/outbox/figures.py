"""How full an outbox is and how long its oldest row has been due: for the metrics. It must not change anything."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q

from archive.outbox.boxes import Outbox


@dataclass(frozen=True)
class Figures:
    """Rows by state; what was leased counts so until somebody else claims it, also when the lease has run out.

    `overdue`: for how long the oldest one has been due: workers are missing, or something else has to come first.
    """

    waiting: int
    leased: int
    parked: int
    overdue: timedelta


def figures_of(box: Outbox[Any], *, at: datetime) -> Figures:  # Any: of whichever rows
    """Count an outbox in two queries: along small indexes, where its table has them and is not small itself."""
    due = box.rows().filter(due_at__isnull=False)
    found = due.aggregate(
        waiting=Count("pk", filter=Q(lease_token=None)),
        leased=Count("pk", filter=Q(lease_token__isnull=False)),
        oldest=Min("due_at", filter=Q(due_at__lte=at)),
    )
    oldest: datetime = found["oldest"] or at
    return Figures(found["waiting"], found["leased"], box.parked_rows().count(), at - oldest)
