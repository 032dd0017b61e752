"""The way out when the database is behind the guard and nothing newer is left: go on, and record what is lost.

Danger: from here on there are two signed records of one name, the lost one and this one. Whoever holds a checkpoint
of the lost entries will find that this record contradicts it. So the entry carries the lost checkpoint itself.
"""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from archive import checkpoint, guard
from archive.events import SYSTEM, LogBreak
from archive.ledger.appending import record
from archive.ledger.entries import Receipt
from archive.ledger.errors import BehindGuard, NotBehind
from archive.ledger.guarding import accepted_loss, kept_note, look_again, refuse_put_back
from archive.ledger.head import verifier_key
from archive.ledger.reading import latest_checkpoint
from archive.models import Head


def record_break(*, reason: str, at: datetime) -> Receipt:
    """Accept that entries are lost: record it, then let the guard follow. Raises NotBehind, BehindGuard.

    A stop in between leaves the guard as it was: the ledger still refuses, and this can be called again.
    """
    if not guard_problem():
        raise NotBehind("The database is not behind the guard: there is no loss to accept.")
    lost = _lost_note()
    statement = checkpoint.parse(lost)
    token = accepted_loss.set(lost)
    try:
        with transaction.atomic():
            receipt = record(
                LogBreak(
                    stream="system",
                    actor=SYSTEM,
                    at=at,
                    reason=reason,
                    lost_size=statement.size,
                    lost_root=statement.root.hex(),
                    lost_checkpoint=lost,
                )
            )
    finally:
        accepted_loss.reset(token)
    guard.replace(settings.ONRECORD_GUARD, expected=lost, note=latest_checkpoint().note)
    return receipt


def guard_problem() -> str:
    """Return the sentence with which the ledger would refuse to write because of the guard, "" where it would not."""
    look_again()
    try:
        kept = kept_note()  # before the head: we hold no lock
        head = Head.objects.filter(id=Head.ONLY).first()
        refuse_put_back(kept, size=head.size if head else 0, verifier_key=head.verifier_key if head else "")
    except BehindGuard as error:
        return str(error)
    return ""


def _lost_note() -> str:
    # A file that is damaged or of another record proves no loss; it is moved away by hand, and a new guard begins.
    try:
        note = guard.read(settings.ONRECORD_GUARD)
        checkpoint.verify(note, verifier_key=verifier_key())
    except (guard.GuardUnreadable, checkpoint.BadCheckpoint) as error:
        raise BehindGuard(f"{settings.ONRECORD_GUARD} is no checkpoint of this record: {error}.") from error
    return note
