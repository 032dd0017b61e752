"""Nudges: workers look at an outbox as soon as something was put into it, and not only at the next sweep.

A nudge is the outbox's name and nothing else. Losing every one of them costs the sweep's pause: the rows are the truth,
and leases keep two looks at once apart. It must not touch the database, wait, or fail what asked for it.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from django.db import connection, transaction

log = structlog.get_logger(__name__)

NUDGES_SENT: Counter[str] = Counter()  # by outbox, of this process; written by who carries them
NUDGES_LOST: Counter[str] = Counter()

_tell: Callable[[str], None] | None = None


def carry_nudges(tell: Callable[[str], None]) -> None:
    """Have `tell(name)` called with every nudge of this process, in whatever thread committed; it returns at once."""
    global _tell
    _tell = tell


def nudge(name: str) -> None:
    """Have workers look at an outbox once this transaction has committed; asked again in it, they are told once."""
    wanted = _Nudge(name)
    here = set(connection.savepoint_ids)
    # One that a savepoint may still take back is none that this one could rely on.
    if not any(call == wanted and savepoints <= here for savepoints, call, *_ in connection.run_on_commit):
        transaction.on_commit(wanted, robust=True)


@dataclass(frozen=True)
class _Nudge:
    """What is done at the commit. It raises nothing, because what was committed must not look as if it had failed."""

    name: str

    def __call__(self) -> None:
        if _tell is None:
            return
        try:
            _tell(self.name)
        except Exception:  # whatever it was, the sweep finds the work
            NUDGES_LOST[self.name] += 1
            log.exception("nudge_failed", outbox=self.name)
