"""What all sources of evidence share: whether there is anything new to attest, and how the last try went.

It must not decide what evidence is worth; that is the status.
"""

from datetime import datetime

import structlog

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


def note_success(name: str, *, kind: str, at: datetime) -> None:
    _note(name, kind=kind, at=at, problem="")


def note_problem(name: str, *, kind: str, at: datetime, problem: str) -> None:
    """Keep the sentence where the portal shows it, until a try succeeds."""
    log.warning("evidence_failed", source=name, kind=kind, problem=problem)
    _note(name, kind=kind, at=at, problem=problem)


def _note(name: str, *, kind: str, at: datetime, problem: str) -> None:
    values = {"kind": kind, "tried_at": at, "problem": problem}
    EvidenceSource.objects.update_or_create(name=name, defaults=values)
