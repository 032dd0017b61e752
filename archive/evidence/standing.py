"""How well the record is held from outside, for the portal: green, amber or red, and what is wrong.

It must not call anybody: it says what was attested and verifies (attested.py).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from archive import ledger
from archive.catalog import catalog_problem
from archive.evidence import attested
from archive.evidence.attested import Attested
from archive.evidence.copying import COPY
from archive.evidence.mailing import MAIL
from archive.evidence.stamping import STAMP
from archive.evidence.witnessing import WITNESS
from archive.models import EvidenceSource
from archive.witness.configuration import configured_witnesses

# The heads of all streams are recorded each hour, so that there is always something new to attest.
FRESH_FOR = timedelta(hours=26)
# How far ahead another clock may be. What is further in the future would be fresh for ever.
CLOCKS_APART = timedelta(minutes=15)
GREEN_KINDS = 2
SEGMENT, SEGMENT_CHECK = "segment", "segment check"
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
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class EvidenceStatus:
    """`level` is "green" with two kinds of fresh evidence or more, "amber" with one, "red" with none."""

    level: str
    kinds: tuple[EvidenceKind, ...]
    problems: tuple[str, ...]


def status(*, at: datetime) -> EvidenceStatus:
    """Return how the record is held from outside at this time."""
    kinds = (_witnessed(at), _stamped(at), _copied(at), _mailed(at), _sealed(at))
    fresh = {COUNTED_AS.get(kind.kind, kind.kind) for kind in kinds if kind.is_fresh}
    problems = (*_problems(), *(problem for kind in kinds for problem in kind.problems))
    return EvidenceStatus(level=_level(len(fresh)), kinds=kinds, problems=problems)


def _witnessed(at: datetime) -> EvidenceKind:
    witnesses = configured_witnesses()
    return _kind(WITNESS, sources=len(witnesses), found=attested.cosigned(witnesses), at=at)


def _copied(at: datetime) -> EvidenceKind:
    folder = settings.ONRECORD_COPY_DIR
    return _kind(COPY, sources=1 if folder else 0, found=[attested.copied(folder)] if folder else [], at=at)


def _stamped(at: datetime) -> EvidenceKind:
    is_set_up = STAMP in _configured()
    return _kind(STAMP, sources=1 if is_set_up else 0, found=[attested.stamped()] if is_set_up else [], at=at)


def _mailed(at: datetime) -> EvidenceKind:
    addresses: list[str] = settings.ONRECORD_COPY_MAIL
    return _kind(MAIL, sources=len(addresses), found=[attested.mailed()] if addresses else [], at=at)


def _sealed(at: datetime) -> EvidenceKind:
    is_set_up = SEGMENT in _configured()
    return _kind(SEGMENT, sources=1 if is_set_up else 0, found=[attested.sealed()] if is_set_up else [], at=at)


def _kind(kind: str, *, sources: int, found: list[Attested], at: datetime) -> EvidenceKind:
    last = max(found, key=lambda item: item.size or 0, default=Attested())
    return EvidenceKind(
        kind=kind,
        sources=sources,
        size=last.size,
        at=last.at,
        is_fresh=last.at is not None and -CLOCKS_APART <= at - last.at <= FRESH_FOR,
        problems=tuple(item.problem for item in found if item.problem),
    )


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
        SEGMENT: settings.ONRECORD_SEGMENT_STORE,
        SEGMENT_CHECK: settings.ONRECORD_SEGMENT_STORE,
        STAMP: settings.ONRECORD_STAMP_URL or settings.ONRECORD_STAMP_OPENSSL_CONFIG,
    }
    return names | {name for name, value in singles.items() if value}


def _problems() -> tuple[str, ...]:
    # A source that is no longer set up has no say.
    rows = EvidenceSource.objects.filter(name__in=_configured()).exclude(problem="").order_by("name")
    sentences = (ledger.guard_problem(), catalog_problem())
    return (*(sentence for sentence in sentences if sentence), *(f"{row.name}: {row.problem}" for row in rows))
