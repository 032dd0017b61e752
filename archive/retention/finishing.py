"""After the commit of a disposal: wrapping keys are destroyed, what rows left behind is cleared, and that is recorded.

Where our role may not clear it, nothing says that it was: the duty stays open until somebody does it who may.

Danger: a key is destroyed only for a disposal that the record has, and only once nothing is left under it. Everything
here may be repeated: a stop at any point is made good by the next call, also a key folder that was brought back from a
backup with keys that are destroyed.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from django.conf import settings
from django.db import connection

from archive import ledger, purging
from archive.events import DISPOSALS_STREAM, SYSTEM, KeyDestroyed
from archive.keys import destroy_wrapping_keys, existing_keys, later_name
from archive.keys.store import destroyed_names
from archive.ledger.disposals import Disposals, read_disposals
from archive.models import RecordKey
from archive.retention import derived

log = structlog.get_logger(__name__)
SWEPT_WITHIN = timedelta(hours=1)


def finish_disposals(at: datetime) -> tuple[str, ...]:
    """Destroy the keys that disposals doomed and that are not destroyed yet; return their names. For the sweep.

    Call it outside of a transaction. Raises KeyMissing, ForeignRecord.
    """
    disposals = read_disposals()
    pending, unfinished = _pending(disposals), disposals.unfinished()
    if not pending and not unfinished:
        return ()
    if pending:
        derived.keep_what_stays()  # kept nowhere else, what stays would be lost with an older database
    destroyed = {*_destroy(pending), *(_unrecorded(disposals) - pending)}
    for claim in unfinished:
        derived.erase_files(claim.entries)
    if not purging.scrub(derived.tables()):
        # Readers are in the way, or the tables are not ours: the next sweep tries again, unfinished_problem() says so.
        log.warning("disposal_not_cleared", keys=len(destroyed))
        return ()
    names = tuple(sorted(destroyed))
    if names or not pending:
        with ledger.transaction():
            ledger.record(KeyDestroyed(stream=DISPOSALS_STREAM, actor=SYSTEM, at=at, keys=names))
    return names


def rewrite_tables() -> bool:
    """Write the tables that disposals change into new files; say whether that came to its end."""
    return purging.rewrite(derived.tables())


def unfinished_problem(at: datetime) -> str:
    """Return in a sentence that disposals are not finished although the sweep had time, "" where they are.

    Raises KeyMissing, NotOpened.
    """
    late = [claim.at for claim in read_disposals().unfinished() if at - claim.at >= SWEPT_WITHIN]
    if not late:
        return ""
    what = f"What disposals since {min(late):%Y-%m-%d %H:%M} UTC left in the database's files has not been cleared"
    who = "as the owner of its tables" if connection.vendor == "postgresql" else "with the servers stopped"
    return f"{what}: run `manage.py disposal scrub` {who}."


def _unrecorded(disposals: Disposals) -> set[str]:
    """Return the names of doomed keys that no entry says are destroyed."""
    return _doomed(disposals) - disposals.destroyed


def _pending(disposals: Disposals) -> set[str]:
    """Return those that are still to be destroyed: not listed as destroyed yet, or there all the same."""
    folder: Path = settings.ONRECORD_KEY_DIR
    there = existing_keys(folder, _doomed(disposals))
    return (_unrecorded(disposals) - destroyed_names(folder)) | set(there)


def _doomed(disposals: Disposals) -> set[str]:
    return {name for claim in disposals.claims for name in claim.keys}


def _destroy(names: Collection[str]) -> tuple[str, ...]:
    """Destroy those of the keys under which nothing is; what came late under one is wrapped anew, for the next call."""
    with ledger.transaction():
        occupied = {name for name in sorted(names) if _move_away(name)}
        empty = tuple(sorted(set(names) - occupied))
        destroy_wrapping_keys(settings.ONRECORD_KEY_DIR, empty)
    return empty


def _move_away(name: str) -> bool:
    late = list(RecordKey.objects.filter(bucket=name).order_by("seq").values_list("seq", flat=True))
    if late:
        purging.rewrap(late, name=later_name(name))
    return bool(late)
