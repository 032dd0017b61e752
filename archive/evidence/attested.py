"""What was attested last, taken from rows and files only once it verifies again.

Whoever owns the database can write rows. It must not call anybody, and must not repair: a row that does not verify is
a sentence for people.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from archive import checkpoint, cosignature, events, ledger
from archive.checkpoint import BadCheckpoint, Statement
from archive.evidence.copying import contradiction, newest_copy
from archive.evidence.stamping import problem_of
from archive.leaf import format_time
from archive.models import Entry, Mailed, Segment, Stamped, Witnessed
from archive.stamps.configuration import trusted_certificates
from archive.witness.asking import WitnessAddress


@dataclass(frozen=True)
class Attested:
    """The size that was attested and when; None where nothing was, or where `problem` says what does not verify."""

    size: int | None = None
    at: datetime | None = None
    problem: str = ""


def cosigned(witnesses: Iterable[WitnessAddress]) -> list[Attested]:
    """Return the last cosignature of each witness that has a row."""
    rows = (
        (witness, Witnessed.objects.filter(witness=witness.name).order_by("-size").first()) for witness in witnesses
    )
    return [_cosigned(row, witness=witness) for witness, row in rows if row is not None]


def stamped() -> Attested:
    row = Stamped.objects.order_by("-size").first()
    if row is None:
        return Attested()
    try:
        problem = problem_of(row, trusted=trusted_certificates())
    except (OSError, ValueError) as error:
        problem = str(error)
    if problem:
        return Attested(problem=f"The row of the stamp over {row.size} entries does not verify: {problem}")
    return Attested(size=row.size, at=row.at)


def copied(folder: Path) -> Attested:
    try:
        copy = newest_copy(folder)
        if copy is None or contradiction(copy):
            return Attested()  # the last try to copy has said what is wrong
    except (OSError, ValueError):
        return Attested()
    return Attested(size=copy.size, at=copy.at)


def mailed() -> Attested:
    """Return the last mail, as its entry has it: nobody outside answers a mail, so the entry is all there is."""
    row = Mailed.objects.order_by("-size").first()
    if row is None:
        return Attested()
    seq = Entry.objects.filter(kind=events.CheckpointMailed.kind).order_by("-seq").values_list("seq", flat=True).first()
    try:
        entry = ledger.open_entry(seq) if seq is not None else None
    except (ledger.KeyMissing, ledger.NotOpened) as error:
        return Attested(problem=f"The entry of the last mail does not open: {error}")
    if entry is None or entry.content["size"] != row.size or format_time(entry.at) != format_time(row.at):
        return Attested(problem=f"The row of the mail of {row.size} entries is not what the record's entry says.")
    return Attested(size=row.size, at=row.at)


def sealed() -> Attested:
    """Return the last sealed segment, as its entry has it. Reading it back is the work of archive.segments."""
    row = Segment.objects.exclude(sealed_at=None).order_by("-size").first()
    if row is None or row.sealed_at is None:
        return Attested()
    seqs = Entry.objects.filter(kind=events.SegmentSealed.kind, seq__gte=row.size).order_by("seq")
    seq = seqs.values_list("seq", flat=True).first()
    try:
        entry = ledger.open_entry(seq) if seq is not None else None
    except (ledger.KeyMissing, ledger.NotOpened) as error:
        return Attested(problem=f"The entry of the last segment does not open: {error}")
    said = {"size": row.size, "root": bytes(row.root).hex(), "digest": row.digest}
    if entry is None or said != {name: entry.content[name] for name in said}:
        return Attested(problem=f"The row of the segment up to {row.size} is not what the record's entry says.")
    if bytes(row.root) != ledger.Prover(row.size).root():
        return Attested(problem=f"The segment up to {row.size} contradicts the record: it was rewritten.")
    return Attested(size=row.size, at=entry.at)


def _cosigned(row: Witnessed, *, witness: WitnessAddress) -> Attested:
    try:
        statement = _statement(row.size)
        signed = cosignature.verify(row.cosignature, statement=statement, verifier_key=witness.verifier_key)
    except BadCheckpoint as error:
        what = f"The row that {witness.name} cosigned {row.size} entries does not verify: {error}."
        return Attested(problem=what)
    # The witness's own time bounds the one in the row, which anybody can write.
    return Attested(size=row.size, at=min(row.at, datetime.fromtimestamp(signed.at_s, UTC)))


def _statement(size: int) -> Statement:
    """Return what our checkpoint of that size says. Raises BadCheckpoint where there can be none."""
    latest = ledger.latest_checkpoint()
    if not 0 < size <= latest.size:
        raise BadCheckpoint(f"the record has {latest.size} entries")
    return Statement(origin=checkpoint.parse(latest.note).origin, size=size, root=ledger.Prover(size).root())
