"""Group commit: actions that wait at the same time share one transaction, one checkpoint and one sync of the disk.

One that fails is taken out alone and told its own error. Worst case: an action is told that it is recorded and it is
not. So nobody is told anything before the commit stands, and a commit whose answer never came is told as such. It must
not decide what an action does, nor run one of them after its group was in doubt.
"""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import nullcontext, suppress
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.db import transaction as database

from archive.ledger import measuring
from archive.ledger.page import Callback, Page, new_page, take_callbacks
from archive.ledger.turns import turn

GROUP_ACTIONS = 128
GROUP_BYTES = 4 * 1024 * 1024
GROUP_S = 0.05  # an action waits for the others of its group at most this long, and for the slowest of them
SLOW_S = 0.25
LOST = (OperationalError, InterfaceError)  # what becomes of a connection or a disk, and is no action's own error

log = structlog.get_logger(__name__)


class OutcomeUnknown(Exception):
    """The connection broke while the commit was under way: the action is recorded whole or not at all.

    Whoever asked should ask again with the same client key, which finds out.
    """


class NotRecorded(OperationalError):
    """The database went away, or could not keep the action: nothing was done, and it may be asked for again later."""


class _FirstFailed(Exception):
    """The first action of a group failed: there is nothing else in the transaction that is taken back with it."""


@dataclass(eq=False)
class Job:
    """An action that waits for its turn. Any: it is whatever the action returns."""

    call: Callable[[], Any]
    name: str
    context: Context
    future: Future[Any] = field(default_factory=Future)
    callbacks: list[Callback] = field(default_factory=list)
    came_at: float = field(default_factory=time.monotonic)
    _outcome: Callable[[], None] | None = None

    def claim(self) -> bool:
        """Take the action on unless whoever asked has gone, and say whether; from now on they cannot go away."""
        return self.future.set_running_or_notify_cancel()

    def attempt(self, *, is_first: bool) -> None:
        """Run the action and keep what came of it for the time after the commit.

        Each has a savepoint but for the first of a transaction, which needs none. Raises _FirstFailed, or what became
        of the connection meanwhile, which is nobody's own error.
        """
        started = time.monotonic()
        measuring.WAIT.observe(started - self.came_at)
        try:
            with nullcontext() if is_first else database.atomic():
                result = self.context.run(self.call)
            self._outcome = lambda: self.future.set_result(result)
        except BaseException as error:  # whatever it is, it belongs to the one who asked
            failure = error
            self._outcome = lambda: self.future.set_exception(failure)
            if is_first:
                if isinstance(error, LOST):
                    raise
                raise _FirstFailed from error
        finally:
            self._name_if_slow(started)
        self.callbacks = take_callbacks()

    def _name_if_slow(self, started: float) -> None:
        took_s = time.monotonic() - started
        if took_s > SLOW_S:
            log.warning("slow_action", action=self.name, ms=round(took_s * 1000))

    def tell(self) -> None:
        """Let the one who waits go on: they, or the `then` of who does not wait, do what is to follow (`finish`)."""
        if self._outcome is not None:
            self._outcome()

    def fail(self, error: Exception) -> None:
        self.future.set_exception(error)

    def finish(self) -> Any:
        """Wait for the outcome, do what was to be done at the commit, return what the action returned."""
        result = self.future.result()
        run_callbacks(self.callbacks)
        return result


class Group:
    """The actions of one transaction."""

    def __init__(self, jobs: Iterable[Job] = ()) -> None:
        self.jobs = list(jobs)
        self._started = time.monotonic()
        self._page: Page | None = None
        self._callbacks: list[Callback] = []
        self._connection: object = None  # the one that was open already when this began, if any
        self._is_begun = False  # an action has been tried
        self._is_committing = False

    def write(self, arriving: Iterable[Job]) -> None:
        """Run the actions as they come and commit them. Raises what broke the transaction as a whole.

        If the first one fails, the group ends with it: nothing was written, and who waits comes with the next group.
        """
        with suppress(_FirstFailed):
            self._write(arriving)

    def _write(self, arriving: Iterable[Job]) -> None:
        self._connection = connection.connection
        with turn(), database.atomic():
            with new_page(is_bounded=True) as self._page:
                self._started = time.monotonic()  # not before: others may have had the head for long
                for number, job in enumerate(arriving):
                    self._is_begun = True
                    job.attempt(is_first=number == 0)
                    if connection.needs_rollback:
                        raise DatabaseError("A savepoint could not be taken back: the whole group has to be.")
            self._callbacks = take_callbacks()
            self._is_committing = True
        measuring.ACTIONS.observe(len(self.jobs))
        measuring.COMMIT.observe(time.monotonic() - self._started)

    def join(self, job: Job) -> bool:
        """Take an action in, unless whoever asked has gone. From now on it belongs to the group, whatever happens."""
        is_wanted = job.claim()
        if is_wanted:
            self.jobs.append(job)
        return is_wanted

    def give_up(self, error: Exception) -> None:
        """Tell those who have heard nothing that something broke on our side."""
        for job in self.jobs:
            if not job.future.done():
                job.fail(error)

    def is_full(self) -> bool:
        size_bytes = self._page.size_bytes if self._page else 0
        return (
            time.monotonic() - self._started > GROUP_S or len(self.jobs) >= GROUP_ACTIONS or size_bytes >= GROUP_BYTES
        )

    def is_in_doubt(self, error: Exception) -> bool:
        """Say whether the database may have committed although this came back.

        A constraint that was checked at the commit is a clear no; a connection that broke, or a disk, is not.
        """
        return self._is_committing and isinstance(error, LOST)

    def is_outage(self, error: Exception) -> bool:
        """Say whether the database is away: it failed before any action was tried. Ask before the connection is closed.

        A connection that broke while nobody looked says nothing of the database now.
        """
        if self._is_begun or not isinstance(error, LOST):
            return False
        # Django may have put another in its place.
        return self._connection is None or (self._connection is connection.connection and connection.is_usable())

    def tell(self) -> None:
        """Let those who wait go on: the commit stands, and nothing that follows it may hold up this news."""
        for job in self.jobs:
            job.tell()
        try:
            run_callbacks(self._callbacks)
        except Exception:
            log.exception("after_commit_failed")


def run_callbacks(callbacks: Iterable[Callback]) -> None:
    """Call what `transaction.on_commit` had collected, as Django would: a robust one may fail without a consequence."""
    for call, is_robust in callbacks:
        try:
            call()
        except Exception:
            if not is_robust:
                raise
            log.exception("after_commit_failed")
