"""The ledger's side of the rollback guard: it does not write to a database that is behind what was committed before.

A database that was put back (by mistake or on purpose) would be continued as if nothing had been there: two records of
one name. So each commit tells the guard, and each act asks it first. It must not decide how to go on: a person does.
"""

import math
import threading
import time
from contextvars import ContextVar
from functools import lru_cache, partial
from pathlib import Path

from django.conf import settings
from django.db import transaction

from archive import checkpoint, guard
from archive.ledger.errors import BehindGuard
from archive.ledger.keeping import advance, keeper
from archive.models import Checkpoint

# The note that a person has accepted as lost, while the entry about it is written.
accepted_loss: ContextVar[str] = ContextVar("accepted_loss", default="")


def refuse_behind(*, size: int, verifier_key: str) -> None:
    """Raise BehindGuard unless the record of this size contains the checkpoint that the guard keeps.

    Call it under the head's lock: then no commit can come between the size and the look at the guard.
    """
    refuse_put_back(kept_note(), size=size, verifier_key=verifier_key)


def refuse_put_back(kept: str, *, size: int, verifier_key: str) -> None:
    """Raise BehindGuard unless the record of this size contains the kept note ("" for none).

    Without the head's lock, read the note first and the size after it: what is committed in between makes the record
    larger than the note says, and never smaller.
    """
    if not kept or kept == accepted_loss.get():
        return
    # A database without a record has no key to verify with, and is behind whatever is kept.
    statement = _verified(kept, verifier_key) if verifier_key else checkpoint.parse(kept)
    if statement.size > size:
        raise BehindGuard(
            f"The database ends at entry {size}, but {statement.size} entries were committed before: it was put back. "
            f"{WAYS_OUT}"
        )
    if kept not in _contained:
        _require_contained(statement)
        _contained.clear()
        _contained.add(kept)


WAYS_OUT = (
    "Bring back the newer database, refill this one from segments with `manage.py record refill`, "
    "or accept the loss with `manage.py record break --reason …` "
    "(docs/running.md, section When the database is behind)."
)


def look_again() -> None:
    """Forget which notes were seen in the database, so that the next look compares: for a check, not for each act."""
    _contained.clear()


def keep_on_commit(note: str) -> None:
    """Have the guard told once the transaction has committed, at most once in ONRECORD_GUARD_S.

    That happens in a thread of its own (keeping.py): nobody waits for the guard's disk. The sweep tells the rest.
    """
    transaction.on_commit(partial(_throttle.keep, note))


def keep_latest() -> None:
    """Tell the guard about the latest checkpoint: what the limit held back. For the sweep."""
    latest = Checkpoint.objects.order_by("-size").first()
    if latest is not None:
        advance(settings.ONRECORD_GUARD, note=latest.note)


class _Throttle:
    """At most one write in an interval: each costs a sync of the disk."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._written_at = -math.inf

    def keep(self, note: str) -> None:
        with self._lock:
            now = time.monotonic()
            if now - self._written_at < settings.ONRECORD_GUARD_S:
                return
            self._written_at = now
        keeper.keep(settings.ONRECORD_GUARD, note=note)


_throttle = _Throttle()
# The last note that was seen to be in the database: it stays in it unless the database is put back.
_contained: set[str] = set()


def kept_note() -> str:
    """Return the note that the guard keeps, "" where it keeps none. Raises BehindGuard where it cannot be read."""
    path: Path = settings.ONRECORD_GUARD
    try:
        found = path.stat()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise BehindGuard(f"The guard {path} cannot be read: {error}.") from error
    try:
        return _read(path, found.st_ino, found.st_mtime_ns, found.st_size)
    except guard.GuardUnreadable as error:
        raise BehindGuard(f"{error} {WAYS_OUT}") from error


@lru_cache(maxsize=4)
def _read(path: Path, _inode: int, _changed_at: int, _size: int) -> str:
    return guard.read(path)


@lru_cache(maxsize=4)
def _verified(note: str, verifier_key: str) -> checkpoint.Statement:
    try:
        return checkpoint.verify(note, verifier_key=verifier_key)
    except checkpoint.BadCheckpoint as error:
        raise BehindGuard(f"The guard {settings.ONRECORD_GUARD} is not of this record: {error}.") from error


def _require_contained(statement: checkpoint.Statement) -> None:
    root = Checkpoint.objects.filter(size=statement.size).values_list("root", flat=True).first()
    if root is None or bytes(root) != statement.root:
        raise BehindGuard(f"The database is not the one that the guard knows at {statement.size} entries. {WAYS_OUT}")
