"""Parked work: what was tried for the last time, and the two ways in which a person lets it go on.

Whoever sees it sees kinds, numbers and how the last try failed, and no content. Each decision is an entry. It must not
do the work itself: what is retried is in line again, and is decided anew where that is its outbox's way.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Cast
from django.utils import timezone

from admin_portal.access import require
from admin_portal.exports import LONGEST_REASON, clean_reason
from archive import events, ledger
from archive.outbox import Leased, Outbox, outbox_named, registered
from messenger.people.errors import Conflict, Invalid, NotAllowed, NotFound
from messenger.people.models import Person

CAPABILITY = "outboxes.manage"
SHORTEST_REASON = 5
Box = Outbox[Any]  # Any: of whichever rows
Places = QuerySet[Any, tuple[str, str, datetime]]  # Any: as above


@dataclass(frozen=True)
class Parked:
    """One row, as a page shows it. `key` is how its outbox numbers it."""

    kind: str
    title: str
    key: str
    what: str
    since: datetime
    tries: int
    failure: str
    may_retry: bool
    may_set_aside: bool


def count_parked(by: Person) -> int:
    """Return how much is parked, for those who can do something about it; one query for all outboxes."""
    return _all(registered()).count() if by.can(CAPABILITY) else 0


def list_parked(by: Person, *, kind: str = "", start: int = 0, limit: int) -> list[Parked]:
    """Return what is parked, newest first: of one kind, or of all. Raises NotFound for a kind that there is not."""
    require(by, CAPABILITY)
    boxes = [_box(kind)] if kind else registered()
    places = list(_all(boxes).order_by("-parked_at", "parked_kind", "parked_key")[start : start + limit])
    found = {(item.kind, item.key): item for item in _items(places)}
    return [found[kind, key] for kind, key, _ in places if (kind, key) in found]


def kinds_parked(by: Person) -> list[tuple[Box, int]]:
    """Return the outboxes with anything parked in them, and how much."""
    require(by, CAPABILITY)
    counted = [(box, box.parked_rows().count()) for box in registered()]
    return [(box, count) for box, count in counted if count]


def access_parked(by: Person, *, kind: str, key: str) -> Parked:
    """Return one parked row. Raises NotFound."""
    require(by, CAPABILITY)
    box, row = _find(kind, key)
    return _item(box, row, key=key)


def retry_parked(by: Person, *, kind: str, key: str, reason: str = "", at: datetime | None = None) -> None:
    """Put parked work in line again, with all its tries. Raises NotFound, NotAllowed, Invalid, Conflict."""
    at, reason = at or timezone.now(), clean_reason(reason) if reason.strip() else ""
    with _in_the_record():
        by = require(by, CAPABILITY)
        box, row = _find(kind, key)
        if not box.may_retry(row):
            raise NotAllowed("This cannot be tried again: nobody knows whether it was done.")
        ledger.record(events.WorkRetried(**_told(by, box, row, at=at), reason=reason))
        if not box.retry(row, at=at):
            raise NotFound


def set_aside_parked(by: Person, *, kind: str, key: str, reason: str, at: datetime | None = None) -> None:
    """Let parked work rest for good. Raises NotFound, NotAllowed, Invalid, Conflict."""
    at, reason = at or timezone.now(), clean_reason(reason)
    if len(reason) < SHORTEST_REASON:
        raise Invalid("reason", f"Say why, in {SHORTEST_REASON} to {LONGEST_REASON} characters.")
    with _in_the_record():
        by = require(by, CAPABILITY)
        box, row = _find(kind, key)
        if not box.may_set_aside(row):
            raise NotAllowed("This cannot be set aside: without it the record would have a hole.")
        ledger.record(events.WorkSetAside(**_told(by, box, row, at=at), reason=reason))
        if not box.set_aside(row):
            raise NotFound


@contextmanager
def _in_the_record() -> Iterator[None]:
    """Decide in a transaction of the record. Raises Conflict where that cannot be written to."""
    try:
        with ledger.transaction():
            yield
    except (ledger.ForeignRecord, ledger.KeyMissing) as error:
        told = f"The record cannot be written to, so this cannot be recorded yet. {error}"
        raise Conflict(None, told) from error


def _all(boxes: Iterable[Box]) -> Places:
    """Return kind, key and time of everything parked in these outboxes, as one query."""
    first, *others = [
        box.parked_rows()
        .order_by()
        .annotate(parked_kind=Value(box.name, output_field=CharField()), parked_key=Cast("pk", CharField()))
        .values_list("parked_kind", "parked_key", "parked_at")
        for box in boxes
    ]
    together: Places = first.union(*others, all=True)
    return together


def _items(places: Iterable[tuple[str, str, datetime]]) -> Iterable[Parked]:
    keys = dict[str, list[str]]()
    for kind, key, _ in places:
        keys.setdefault(kind, []).append(key)
    for kind, wanted in keys.items():
        box = _box(kind)
        rows = {row.pk: row for row in box.parked_rows().filter(pk__in=wanted)}
        yield from (_item(box, rows[pk], key=key) for key in wanted if (pk := _pk(box, key)) in rows)


def _item(box: Box, row: Leased, *, key: str) -> Parked:
    return Parked(
        kind=box.name,
        title=box.title,
        key=key,
        what=box.describe(row),
        since=row.parked_at or timezone.now(),
        tries=row.tries,
        failure=row.failure,
        may_retry=box.may_retry(row),
        may_set_aside=box.may_set_aside(row),
    )


def _box(kind: str) -> Box:
    box = outbox_named(kind)
    if box is None:
        raise NotFound
    return box


def _find(kind: str, key: str) -> tuple[Box, Leased]:
    box = _box(kind)
    row = box.parked_rows().filter(pk=_pk(box, key)).first()
    if row is None:
        raise NotFound
    return box, row


def _pk(box: Box, key: str) -> object:
    """Return a key as its table has it. Raises NotFound for one that no row can have."""
    try:
        pk: object = box.rows().model._meta.pk.to_python(key)
    except ValidationError as error:
        raise NotFound from error
    if isinstance(pk, int) and not 0 < pk < 2**63:
        raise NotFound
    return pk


def _told(by: Person, box: Box, row: Leased, *, at: datetime) -> dict[str, Any]:  # Any: the fields differ
    since = row.parked_at or at
    return {
        "stream": f"person:{by.pk}",
        "actor": by.as_actor(),
        "at": at,
        "outbox": box.name,
        "item": str(row.pk),  # not as it was asked for: one number can be written in many ways
        "parked_at": since.isoformat(timespec="milliseconds"),
        "tries": row.tries,
        "failure": row.failure,
    }
