"""What all sources of evidence share: whether there is anything new to attest, how the last try went, what came of it.

It must not decide what evidence is worth; that is the status.
"""

from datetime import datetime
from typing import Any

import structlog
from django.db.models import Model, QuerySet

from archive import ledger
from archive.events import Event
from archive.models import Entry, EvidenceSource

log = structlog.get_logger(__name__)
# Entries about evidence: to ask for evidence of these alone would never end.
ABOUT_EVIDENCE = ("checkpoint.", "segment.")


def has_news(*, since_size: int, size: int) -> bool:
    """Say whether the record between two sizes has an entry that is not about evidence itself."""
    between = Entry.objects.filter(seq__gte=since_size, seq__lt=size)
    for prefix in ABOUT_EVIDENCE:
        between = between.exclude(kind__startswith=prefix)
    return between.exists()


def record_once(
    event: Event,
    *,
    row: Model,
    unless: QuerySet[Any],  # Any: of whichever rows
    source: str,
    kind: str,
) -> bool:
    """Commit what was attested, its row and its entry together; return False where another worker was first.

    `unless` finds the row that the other one wrote.
    """
    with ledger.transaction():
        note_success(source, kind=kind, at=event.at)
        if unless.exists():
            return False
        ledger.record(event)
        row.save(force_insert=True)
    return True


def note_success(name: str, *, kind: str, at: datetime) -> None:
    _note(name, kind=kind, at=at, problem="")


def note_problem(name: str, *, kind: str, at: datetime, problem: str) -> None:
    """Keep the sentence where the portal shows it, until a try succeeds."""
    log.warning("evidence_failed", source=name, kind=kind, problem=problem)
    _note(name, kind=kind, at=at, problem=problem)


def _note(name: str, *, kind: str, at: datetime, problem: str) -> None:
    values = {"kind": kind, "tried_at": at, "problem": problem}
    EvidenceSource.objects.update_or_create(name=name, defaults=values)
