"""What the record says of its own disposals: which entries each one took, and which keys it doomed.

It must not decide what may be disposed of, and must not believe a row: it reads sealed entries only.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from archive import sealing, spans
from archive.canonical import Json, NotCanonical
from archive.events import DISPOSALS_STREAM, Disposal, KeyDestroyed
from archive.ledger.opening import content_of, record_keys
from archive.models import Entry
from archive.spans import Span


@dataclass(frozen=True)
class Claim:
    """One disposal: the entry that records it, the entries it took and the names of the keys it doomed.

    `floor_years` is that of an erasure, None for entries whose term was over.
    """

    seq: int
    at: datetime
    entries: list[Span]
    keys: tuple[str, ...]
    floor_years: int | None
    is_by_two: bool


@dataclass(frozen=True)
class Disposals:
    """All disposals in order, and the names of the keys that later entries say are destroyed."""

    claims: tuple[Claim, ...]
    destroyed: frozenset[str]
    finished: int  # the last entry that says so of keys

    def unfinished(self) -> list[Claim]:
        """Return the disposals after which nothing has been recorded as destroyed, or not their own keys."""
        return [
            claim for claim in self.claims if claim.seq > self.finished or not self.destroyed.issuperset(claim.keys)
        ]


def read_disposals() -> Disposals:
    """Return what the record's entries say. Raises KeyMissing, NotOpened."""
    rows = list(Entry.objects.filter(stream__name=DISPOSALS_STREAM).order_by("n"))
    keys = record_keys(rows)
    claims, destroyed, finished = [], set[str](), -1
    for row in rows:
        content = content_of(row, record_key=keys[row.seq]) if row.seq in keys else {}
        if row.kind == Disposal.kind and content:
            claims.append(read_claim(content, seq=row.seq, at=row.at))
        elif row.kind == KeyDestroyed.kind:
            destroyed.update(names_in(content.get("keys")))
            finished = row.seq
    return Disposals(tuple(claims), frozenset(destroyed), finished)


def disposed_by(seqs: Iterable[int]) -> dict[int, int]:
    """Return the entry of the disposal that took each of these entries; those that none took are left out."""
    wanted = list(seqs)
    if not wanted:
        return {}
    try:
        claims = read_disposals().claims
    except (sealing.NotOpened, NotCanonical):
        return {}
    return {seq: claim.seq for claim in claims for seq in wanted if spans.holds(claim.entries, seq)}


def read_claim(content: dict[str, Json], *, seq: int, at: datetime) -> Claim:
    """Return the claim in a disposal's content. Raises NotCanonical where it is not one that we write."""
    floor = content.get("floor_years") if content.get("cause") == "erasure" else None
    asked_by, approved_by = (_id(content.get(name)) for name in ("asked_by", "approved_by"))
    try:
        return Claim(
            seq=seq,
            at=at,
            entries=spans.from_json(content.get("entries")),
            keys=names_in(content.get("keys")),
            floor_years=floor if isinstance(floor, int) else None,
            is_by_two=asked_by != approved_by,
        )
    except ValueError as error:
        raise NotCanonical(f"the disposal does not say what it took: {error}") from error


def _id(actor: object) -> str:
    return str(actor.get("id")) if isinstance(actor, dict) else ""


def names_in(value: object) -> tuple[str, ...]:
    return tuple(str(name) for name in value) if isinstance(value, list) else ()
