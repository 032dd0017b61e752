"""One outbox: claiming, renewing, finishing, putting back, parking. The only way to a lease.

The claim is the one thing that two workers race for: PostgreSQL locks the row and others skip it, SQLite begins with
its write lock. All that follows compares the token, so a worker that was stopped and goes on later changes nothing.
Times are the callers': clocks of two machines must agree to well within a lease; the token holds where they do not.
"""

import random
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import uuid4

import structlog
from django.db import transaction
from django.db.models import QuerySet

from archive.outbox.backoff import Backoff
from archive.outbox.nudges import nudge
from archive.outbox.rows import Leased

LONGEST_FAILURE = 500
DIED = "Every try ended with its worker, without a word."
Row = TypeVar("Row", bound=Leased)
Fields = Mapping[str, object]
log = structlog.get_logger(__name__)
_chance = random.SystemRandom()


class LeaseLost(Exception):
    """The row is somebody else's by now, or nobody's; what this worker made is thrown away."""


@dataclass(frozen=True, kw_only=True)
class Outbox(Generic[Row]):
    """A kind of work. `rows` finds what may wait or be parked; the three `when_…` are columns of the work's own state.

    `task` names the one of the schedule that looks through it. `describe` names a row to a person who may not see
    content. `on_parked` and `on_retried` do what the work needs beside its columns, in the transaction that changes
    them: `transaction`, and that of the person's act.
    """

    name: str
    title: str
    task: str
    rows: Callable[[], QuerySet[Row]]
    describe: Callable[[Row], str]
    lease: timedelta
    most_tries: int
    backoff: Backoff
    order: tuple[str, ...] = ("pk",)
    when_waiting: Fields = field(default_factory=dict)
    when_leased: Fields = field(default_factory=dict)
    when_parked: Fields = field(default_factory=dict)
    transaction: Callable[[], AbstractContextManager[Any]] = transaction.atomic  # Any: nobody uses what it yields
    failure_of: Callable[[Exception], str] = lambda error: type(error).__name__
    on_parked: Callable[[Row, str, datetime], None] = lambda _row, _failure, _at: None
    on_retried: Callable[[Row, datetime], None] = lambda _row, _at: None
    may_retry: Callable[[Row], bool] = lambda _row: True
    may_set_aside: Callable[[Row], bool] = lambda _row: True

    # --- putting in --------------------------------------------------------------------------------------------------
    def nudge(self) -> None:
        """Have a worker look once this transaction has committed; for whoever puts in what is due. Never fails it."""
        nudge(self.name)

    # --- one row -----------------------------------------------------------------------------------------------------
    def claim(self, *, at: datetime, among: QuerySet[Row] | None = None) -> Row | None:
        """Lease the row that has been due longest, its worker's lease having ended or never begun; None where none is.

        Do not act on it before this has committed.
        """
        due = (self.rows() if among is None else among).filter(due_at__lte=at)
        if not due.exists():  # the usual case, without a lock
            return None
        with transaction.atomic():
            free = due.select_for_update(skip_locked=True, of=("self",))
            row = free.order_by("due_at", *self.order).first()
            if row is not None:
                _lease(row, until=at + self.lease, **self.when_leased)
        return row

    def renew(self, row: Row, *, at: datetime, **fields: object) -> None:
        """Hold on to a row for the time of another lease. Raises LeaseLost."""
        _change(self.rows(), row, due_at=at + self.lease, **fields)

    def finish(self, row: Row, **fields: object) -> None:
        """End the lease with what came of the work, in the transaction that records it. Raises LeaseLost.

        Also where the row is not among `rows` any more: what came of it may have been heard from somebody else first.
        """
        ended = {"due_at": None, "lease_token": None, "parked_at": None, "failure": ""}
        _change(type(row)._default_manager.all(), row, **ended | fields)

    def postpone(self, row: Row, *, until: datetime, **fields: object) -> None:
        """Give a row back that was not tried: it is not its time yet. Raises LeaseLost."""
        given_back = {"due_at": until, "lease_token": None, "tries": row.tries - 1}
        _change(self.rows(), row, **dict(self.when_waiting) | given_back | fields)

    def put_back(self, row: Row, *, failure: str, at: datetime, **fields: object) -> None:
        """Give a row back that failed: in line after a pause, or parked after its last try. Raises LeaseLost."""
        with self.transaction():
            if row.tries >= self.most_tries:
                self.park(row, failure=failure, at=at, **fields)
                return
            pause = self.backoff.pause_after(row.tries, chance=_chance.random())
            told = {"due_at": at + pause, "lease_token": None, "parked_at": None, "failure": failure[:LONGEST_FAILURE]}
            _change(self.rows(), row, **dict(self.when_waiting) | told | fields)

    def park(self, row: Row, *, failure: str, at: datetime, **fields: object) -> None:
        """End a row's tries, in the caller's transaction: a person decides how it goes on. Raises LeaseLost."""
        told = {"due_at": None, "lease_token": None, "parked_at": at, "failure": failure[:LONGEST_FAILURE]}
        _change(self.rows(), row, **dict(self.when_parked) | told | fields)
        self.on_parked(row, failure, at)

    # --- all that are due --------------------------------------------------------------------------------------------
    def work_off(self, work: Callable[[Row], None], *, at: datetime) -> int:
        """Claim and work until nothing is due; return how many came to their end. `work` ends with `finish`.

        What fails is put back, whatever was wrong with it, and holds up none behind it.
        """
        began, done = time.monotonic(), 0

        def now() -> datetime:  # a sweep may take longer than a lease
            return at + timedelta(seconds=time.monotonic() - began)

        while (row := self.claim(at=now())) is not None:
            done += self.work_on(row, work, now=now)
        return done

    def work_on(self, row: Row, work: Callable[[Row], None], *, now: Callable[[], datetime]) -> bool:
        """Work on a claimed row and return whether it came to its end."""
        if row.tries > self.most_tries:
            self._give_back(row, failure=row.failure or DIED, at=now())
            return False
        try:
            work(row)
        except LeaseLost:
            log.warning("lease_lost", outbox=self.name, row=str(row.pk))
        except Exception as error:  # whatever it was, it has to be seen, and the next row is to have its turn
            log.exception("work_failed", outbox=self.name, row=str(row.pk), tries=row.tries)
            self._give_back(row, failure=self.failure_of(error), at=now())
        else:
            return True
        return False

    def _give_back(self, row: Row, *, failure: str, at: datetime) -> None:
        try:
            self.put_back(row, failure=failure, at=at)
        except LeaseLost:
            log.warning("lease_lost", outbox=self.name, row=str(row.pk))
        except Exception:  # the record may be what is broken: the lease runs out by itself, and the reason must be seen
            log.exception("not_given_back", outbox=self.name, row=str(row.pk))
            self._note(row, failure=failure)

    def _note(self, row: Row, *, failure: str) -> None:
        with suppress(LeaseLost), transaction.atomic():
            _change(self.rows(), row, failure=failure[:LONGEST_FAILURE])

    # --- what a person decides ---------------------------------------------------------------------------------------
    def parked_rows(self) -> QuerySet[Row]:
        return self.rows().exclude(parked_at=None)

    def retry(self, row: Row, *, at: datetime) -> bool:
        """Put a parked row in line again with all its tries; False where it is not parked any more."""
        again = {"due_at": at, "lease_token": None, "tries": 0, "parked_at": None}
        is_ours = bool(self.parked_rows().filter(pk=row.pk).update(**dict(self.when_waiting) | again))
        if is_ours:
            self.on_retried(row, at)
            self.nudge()
        return is_ours

    def set_aside(self, row: Row) -> bool:
        """Let a parked row rest for good, as it is; False where it is not parked any more."""
        return bool(self.parked_rows().filter(pk=row.pk).update(parked_at=None))


def _change(among: QuerySet[Row], row: Row, **fields: object) -> None:
    # The object stays as it was claimed: what is rolled back can be given back with the same token.
    if row.lease_token is None or not among.filter(pk=row.pk, lease_token=row.lease_token).update(**fields):
        raise LeaseLost


def _lease(row: Leased, *, until: datetime, **fields: object) -> None:
    row.due_at, row.lease_token, row.tries = until, uuid4(), row.tries + 1
    for name, value in fields.items():
        setattr(row, name, value)
    row.save(update_fields=["due_at", "lease_token", "tries", *fields])
