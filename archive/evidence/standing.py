"""How well the record is held from outside, for the portal: green, amber or red, and what is wrong.

It must not call anybody: it says what the rows say.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings

from archive import ledger
from archive.evidence.copying import COPY, Copy, newest_copy
from archive.evidence.mailing import MAIL
from archive.evidence.stamping import STAMP
from archive.evidence.witnessing import WITNESS
from archive.models import EvidenceSource, Mailed, Stamped, Witnessed
from archive.witness.configuration import configured_witnesses

# The heads of all streams are recorded each hour, so that there is always something new to attest.
FRESH_FOR = timedelta(hours=26)
GREEN_KINDS = 2
# A mailed copy is a copy: the two together are one kind where kinds are counted.
COUNTED_AS = {MAIL: COPY}


@dataclass(frozen=True)
class EvidenceKind:
    """One kind of outside evidence: how many sources are set up, and the last thing that one of them attested."""

    kind: str
    sources: int
    size: int | None
    at: datetime | None
    is_fresh: bool


@dataclass(frozen=True)
class EvidenceStatus:
    """`level` is "green" with two kinds of fresh evidence or more, "amber" with one, "red" with none."""

    level: str
    kinds: tuple[EvidenceKind, ...]
    problems: tuple[str, ...]


def status(*, at: datetime) -> EvidenceStatus:
    """Return how the record is held from outside at this time."""
    kinds = (_witnessed(at), _stamped(at), _copied(at), _mailed(at))
    fresh = {COUNTED_AS.get(kind.kind, kind.kind) for kind in kinds if kind.is_fresh}
    return EvidenceStatus(level=_level(len(fresh)), kinds=kinds, problems=_problems())


def _witnessed(at: datetime) -> EvidenceKind:
    names = [witness.name for witness in configured_witnesses()]
    row = Witnessed.objects.filter(witness__in=names).order_by("-size").first()
    return _kind(WITNESS, sources=len(names), size=row.size if row else None, seen_at=row.at if row else None, at=at)


def _copied(at: datetime) -> EvidenceKind:
    folder: Path | None = settings.ONRECORD_COPY_DIR
    copy = _newest_copy(folder) if folder else None
    seen_at = copy.at if copy else None
    return _kind(COPY, sources=1 if folder else 0, size=copy.size if copy else None, seen_at=seen_at, at=at)


def _stamped(at: datetime) -> EvidenceKind:
    is_set_up = STAMP in _configured()
    row = Stamped.objects.order_by("-size").first() if is_set_up else None
    sources = 1 if is_set_up else 0
    return _kind(STAMP, sources=sources, size=row.size if row else None, seen_at=row.at if row else None, at=at)


def _mailed(at: datetime) -> EvidenceKind:
    addresses: list[str] = settings.ONRECORD_COPY_MAIL
    row = Mailed.objects.order_by("-size").first() if addresses else None
    size, seen_at = (row.size, row.at) if row else (None, None)
    return _kind(MAIL, sources=len(addresses), size=size, seen_at=seen_at, at=at)


def _newest_copy(folder: Path) -> Copy | None:
    try:
        return newest_copy(folder)
    except (OSError, ValueError):
        return None  # the last try to copy has said what is wrong


def _kind(kind: str, *, sources: int, size: int | None, seen_at: datetime | None, at: datetime) -> EvidenceKind:
    is_fresh = seen_at is not None and at - seen_at <= FRESH_FOR
    return EvidenceKind(kind=kind, sources=sources, size=size, at=seen_at, is_fresh=is_fresh)


def _level(fresh_kinds: int) -> str:
    if fresh_kinds >= GREEN_KINDS:
        return "green"
    return "amber" if fresh_kinds else "red"


def _configured() -> set[str]:
    """Return the names of the sources that are set up."""
    names = {witness.name for witness in configured_witnesses()}
    singles = {
        COPY: settings.ONRECORD_COPY_DIR,
        MAIL: settings.ONRECORD_COPY_MAIL,
        STAMP: settings.ONRECORD_STAMP_URL or settings.ONRECORD_STAMP_OPENSSL_CONFIG,
    }
    return names | {name for name, value in singles.items() if value}


def _problems() -> tuple[str, ...]:
    # A source that is no longer set up has no say.
    rows = EvidenceSource.objects.filter(name__in=_configured()).exclude(problem="").order_by("name")
    behind = ledger.guard_problem()
    return (*([behind] if behind else []), *(f"{row.name}: {row.problem}" for row in rows))
