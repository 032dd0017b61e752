"""Time stamps over our checkpoints: ask the authority about the latest one, verify, record what it signed.

The call is outside any transaction; then row and entry are one commit. The newest stamp is held against the record
first: a record that was rewritten asks for no new stamp over it.
"""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.x509 import Certificate
from django.conf import settings

from archive import checkpoint, events, ledger
from archive.checkpoint import BadCheckpoint, Statement
from archive.evidence import sources
from archive.evidence.copying import copy_stamp, write_stamp
from archive.leaf import format_time
from archive.models import Stamped
from archive.stamps.authorities import Authority, StampAway, ask
from archive.stamps.configuration import configured_authority, trusted_certificates
from archive.stamps.replies import Stamp, StampRefused, verify_kept

STAMP = "stamp"


@dataclass(frozen=True)
class StampCheck:
    """How one kept stamp stands: `problem` is "" where it verifies and the record contains what it stamps."""

    size: int
    at: datetime
    authority: str
    problem: str


def stamp_checkpoint(*, at: datetime) -> bool:
    """Have the latest checkpoint stamped where there is anything new and the last stamp is old enough.

    Returns whether there is a new stamp. Safe to call again.
    """
    authority = configured_authority()
    if authority is None or ledger.is_empty():
        return False
    last, latest = _last(), ledger.latest_checkpoint()
    try:
        if last is not None:
            _require_contained(last.note)
        if not _is_due(last, size=latest.size, at=at):
            return False
        stamp = _ask(authority, note=latest.note, at=at)
    except (StampAway, StampRefused, BadCheckpoint, OSError, ValueError) as error:
        sources.note_problem(STAMP, kind=STAMP, at=at, problem=str(error))
        return False
    return _record(stamp, latest=latest, at=at)


def check_stamps() -> Iterator[StampCheck]:
    """Verify every kept stamp again, and hold what it stamps against the record. Raises ValueError without roots."""
    trusted = trusted_certificates()
    for row in Stamped.objects.order_by("size"):
        problem = problem_of(row, trusted=trusted)
        yield StampCheck(size=row.size, at=row.at, authority=row.authority, problem=problem)


def write_stamps(folder: Path) -> int:
    """Put every kept stamp with its checkpoint into a folder that exists, for somebody else to verify.

    Return how many files are new. Raises OSError.
    """
    rows = Stamped.objects.order_by("size")
    return sum(write_stamp(folder, size=row.size, note=row.note, reply=bytes(row.reply)) for row in rows)


def problem_of(row: Stamped, *, trusted: Sequence[Certificate]) -> str:
    """Verify a kept stamp and hold what it stamps against the record; return what is wrong, "" where nothing is."""
    try:
        stamp = verify_kept(bytes(row.reply), data=row.note.encode(), trusted=trusted)
        statement = _require_contained(row.note)
    except (StampRefused, BadCheckpoint) as error:
        return str(error)
    if stamp.at != row.at:
        return "The row gives it another time than the stamp has."
    return "" if statement.size == row.size else "The row gives it another size than the stamped checkpoint has."


def stamped_at(reply: bytes, *, note: str) -> tuple[datetime, str]:
    """Return when, says a stamp that was brought, who saw the note. Raises StampRefused, ValueError."""
    stamp = verify_kept(reply, data=note.encode(), trusted=trusted_certificates())
    return stamp.at, stamp.authority


def _last() -> Stamped | None:
    return Stamped.objects.order_by("-size").first()


def _is_due(last: Stamped | None, *, size: int, at: datetime) -> bool:
    if last is None:
        return True
    is_old = at - last.at >= timedelta(seconds=settings.ONRECORD_STAMP_S)
    return is_old and sources.has_news(since_size=last.size, size=size)


def _require_contained(note: str) -> Statement:
    """Return what a stamped note signs. Raises BadCheckpoint unless the record begins with it."""
    statement = checkpoint.verify(note, verifier_key=ledger.verifier_key())
    size = ledger.latest_checkpoint().size
    if statement.size > size:
        raise BadCheckpoint(f"{statement.size} entries were stamped, we have {size}: the record was put back.")
    if ledger.Prover(statement.size).root() != statement.root:
        raise BadCheckpoint(f"The stamp over {statement.size} entries contradicts the record: it was rewritten.")
    return statement


def _ask(authority: Authority, *, note: str, at: datetime) -> Stamp:
    return ask(authority, data=note.encode(), trusted=trusted_certificates(), at=at)


def _record(stamp: Stamp, *, latest: ledger.SignedCheckpoint, at: datetime) -> bool:
    size, note = latest.size, latest.note
    event = events.CheckpointStamped(
        stream="system",
        actor=events.SYSTEM,
        at=at,
        size=size,
        root=latest.root.hex(),
        checkpoint=note,
        authority=stamp.authority,
        stamped_at=format_time(stamp.at),
        reply=base64.b64encode(stamp.reply).decode(),
    )
    row = Stamped(size=size, note=note, authority=stamp.authority, reply=stamp.reply, at=stamp.at)
    seen = Stamped.objects.filter(size=size)
    is_ours = sources.record_once(event, row=row, unless=seen, source=STAMP, kind=STAMP)
    if is_ours:
        copy_stamp(size=size, note=note, reply=stamp.reply)
    return is_ours
