"""Appending to the record: the transaction of an action, and its events as entries under a signed checkpoint.

It must not open a transaction of its own for an event, read a clock, or decide whether something is worth recording.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction as database

from archive.events import SYSTEM, Event, StreamHeads
from archive.ledger.conditions import require_conditions
from archive.ledger.entries import Receipt
from archive.ledger.page import new_page, open_page
from archive.ledger.reading import heads, heads_root
from archive.ledger.turns import turn


@contextmanager
def transaction() -> Iterator[None]:
    """Open the transaction of an action: the head's lock is taken first, before anything is read.

    So what an action checks still holds when its entry is written, all actions have one order, and no two of them can
    wait for each other: whatever else they lock, they hold this lock. Also a decorator. Nesting makes a savepoint.
    Raises as lock_head(), and what a condition that is not met raises (conditions.py).
    """
    with turn(), database.atomic():
        if open_page() is not None:
            yield
            return
        with new_page():
            require_conditions()
            yield


# rule: us-sec-17a-4-audit-trail
def record(event: Event) -> Receipt:
    """Append one event under a new signed checkpoint; both are stored if and only if the caller's transaction commits.

    Appends wait for each other from here to the commit. An act that locks rows of its own locks them before it records,
    so that nobody who waits for the head holds what the head's owner still wants.
    Inside `transaction()` all entries share the checkpoint at its end; whoever reads the record before finds them.
    Raises NotInTransaction, NotCanonical, LeafTooLarge, ForeignRecord, KeyMissing; then nothing has been written.
    """
    return record_all([event])[0]


def record_all(events: Sequence[Event]) -> list[Receipt]:
    """Append several events in order under one checkpoint. Raises as record() does; all are written or none."""
    if not events:
        return []
    page = open_page()
    if page is not None:
        return page.append(events)
    with new_page() as own:
        require_conditions()
        return own.append(events)


def record_heads(at: datetime) -> Receipt:
    """Append the entry that commits to the last item of every stream, in a transaction or savepoint of its own."""
    with transaction():
        listing = heads()
        event = StreamHeads(stream="system", actor=SYSTEM, at=at, count=len(listing), root=heads_root(listing).hex())
        return record(event)
