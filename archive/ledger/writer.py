"""The one writer of a process: a thread that takes the actions waiting now and commits them as a group.

A group is whatever came while the one before was being committed: there is no timer, a lone action waits for nobody.
Several processes take turns at the head's lock. It must not hold a transaction while nothing waits, and what it has
begun it ends: `stop` serves everybody who came before.
"""

import atexit
import os
import threading
from collections.abc import Callable, Hashable, Iterator
from contextvars import Context, copy_context
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

import structlog
from django.db import connection

from archive.ledger.appending import transaction
from archive.ledger.conditions import require_conditions
from archive.ledger.fairness import FairQueue, QueueFull
from archive.ledger.group import LOST, Group, Job, NotRecorded, OutcomeUnknown

QUEUE_LIMIT = 1000
IDLE_S = 1.0  # after this the connection goes back
STOP_S = 10.0

log = structlog.get_logger(__name__)
Given = ParamSpec("Given")
Result = TypeVar("Result")
Then = Callable[[Callable[[], Result]], None]


class TooBusy(Exception):
    """More actions wait than may wait: nothing was done, ask again in a moment."""


class Writer:
    """The thread and its queue; the thread starts with the first action."""

    def __init__(self) -> None:
        self._bell = threading.Condition()
        self._waiting: FairQueue[Job] = FairQueue(limit=QUEUE_LIMIT)
        self._thread: threading.Thread | None = None
        self._is_stopping = False

    def submit(self, call: Callable[[], Any], *, name: str, lane: Hashable, then: Then[Any] | None = None) -> Job:
        """Put an action into its lane of the queue; `then` is called when its outcome is known. Raises TooBusy."""
        job = Job(call, name=name, context=copy_context())
        if then is not None:  # before it is put there, or it might be over, and `then` called here
            job.future.add_done_callback(lambda _: then(job.finish))
        with self._bell:
            self._start()  # first: where no thread is to be had, nothing may be left to do for whoever comes next
            try:
                self._waiting.put(job, lane=lane)
            except QueueFull as error:
                raise TooBusy(f"{QUEUE_LIMIT} actions wait already.") from error
            self._bell.notify()
        return job

    def require_elsewhere(self) -> None:
        """Raise RuntimeError in the writer's own thread: an action that is waited for there would never come."""
        if threading.current_thread() is self._thread:
            raise RuntimeError("The writer's thread must not wait for an action: it would carry it out itself.")

    def waiting(self) -> int:
        with self._bell:
            return len(self._waiting)

    def stop(self) -> None:
        """Serve everybody who waits, then end the thread; the next action starts a new one."""
        with self._bell:
            self._is_stopping, thread = True, self._thread
            self._bell.notify()
        if thread is not None and thread is not threading.current_thread():
            thread.join(STOP_S)

    def _start(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        thread = threading.Thread(target=self._serve, name="record-writer", daemon=True)
        thread.start()
        self._thread, self._is_stopping = thread, False

    def _serve(self) -> None:
        try:
            while (first := self._next()) is not None:
                self._serve_group(first)
        finally:
            connection.close()

    def _serve_group(self, first: Job) -> None:
        group = Group()
        try:
            if group.join(first):
                self._commit(group)
        except Exception as error:
            log.exception("writer_failed")  # a fault of ours: the thread lives on, and nobody waits for ever
            group.give_up(error)

    def _commit(self, group: Group) -> None:
        try:
            group.write(self._arriving(group))
        except Exception as error:  # noqa: BLE001  # each of them hears of it
            self._part(group, error)
        else:
            group.tell()

    def _part(self, group: Group, error: Exception) -> None:
        """Go on after a group that failed as a whole: it was rolled back, so each action gets a try of its own."""
        log.warning("group_failed", actions=len(group.jobs), error=type(error).__name__)
        is_away = group.is_outage(error)
        connection.close()
        if group.is_in_doubt(error):
            for job in group.jobs:
                job.fail(_in_doubt(error))
        elif is_away:
            self._refuse(group.jobs, error)
        else:
            self._serve_each(group.jobs)

    def _serve_each(self, jobs: list[Job]) -> None:
        for number, job in enumerate(jobs):
            try:
                self._serve_alone(job)
            except LOST as error:
                self._refuse(jobs[number:], error)
                return

    def _serve_alone(self, job: Job) -> None:
        """Raises what the database said if it is away: then it is so for all who wait."""
        alone = Group([job])
        try:
            alone.write(alone.jobs)
        except Exception as error:
            is_away = alone.is_outage(error)
            connection.close()
            if is_away:
                raise
            if isinstance(error, LOST):  # whoever asked is told to try again, and shows it to nobody
                log.exception("action_failed", action=job.name)
            job.fail(_told(error, is_in_doubt=alone.is_in_doubt(error)))
        else:
            alone.tell()

    def _refuse(self, jobs: list[Job], error: Exception) -> None:
        """Tell these and all who wait now that the database is away: each would only wait as long for the same."""
        with self._bell:
            waiting = [job for job in iter(self._waiting.take, None) if job.claim()]
        log.error("database_away", actions=len(jobs) + len(waiting), exc_info=error)
        for job in [*jobs, *waiting]:
            job.fail(_told(error))

    def _arriving(self, group: Group) -> Iterator[Job]:
        """Yield who is in the group already, then who comes while there is room."""
        yield from tuple(group.jobs)
        while not group.is_full() and (job := self._take()) is not None:
            if group.join(job):
                yield job

    def _take(self) -> Job | None:
        with self._bell:
            return self._waiting.take()

    def _next(self) -> Job | None:
        """Wait for an action; None when the thread is to end."""
        while True:
            with self._bell:
                if not self._waiting and not self._is_stopping:
                    self._bell.wait(IDLE_S)
                if self._waiting:
                    return self._waiting.take()
                if self._is_stopping:
                    self._thread = None
                    return None
            connection.close()  # not with the bell in hand: that may take long, and event loops ring it


_writer = Writer()


def action(*, lane: str = "") -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """Make a function an action: `transaction()` around it, shared with the actions that wait at the same time.

    On return it is committed. `lane` names the keyword argument whose values take turns ("conversation_id"). Called
    inside a transaction, the function runs there, in a savepoint. The function must do nothing slow: others wait.
    The caller gets what it raises, and TooBusy, NotRecorded, OutcomeUnknown.
    """

    def decorate(function: Callable[Given, Result]) -> Callable[Given, Result]:
        @wraps(function)
        def act(*args: Given.args, **kwargs: Given.kwargs) -> Result:
            if connection.in_atomic_block:
                with transaction():
                    return function(*args, **kwargs)
            _writer.require_elsewhere()
            give_back_connection()
            call = partial(_under_conditions, partial(function, *args, **kwargs))
            job = _writer.submit(call, name=function.__qualname__, lane=(function.__qualname__, kwargs.get(lane)))
            result: Result = job.finish()
            return result

        return act

    return decorate


def _under_conditions(call: Callable[[], Result]) -> Result:
    require_conditions()
    return call()


def hand_in(call: Callable[[], Result], *, name: str, lane: Hashable, then: Then[Result]) -> None:
    """Run an action for which no thread waits; `then(outcome)` is called in the writer's thread when it is over.

    `outcome` does what was to happen at the commit, and returns what the action returned or raises what it raised.
    `then` must return at once, and wait for no other action. Raises TooBusy.
    """
    # In an empty context: it is not of the one who happened to come first.
    Context().run(_writer.submit, call, name=name, lane=lane, then=then)


def waiting() -> int:
    """Return how many actions wait for this process's writer now."""
    return _writer.waiting()


def stop_writer() -> None:
    """Commit what waits and end the writer's thread; for the end of a process."""
    _writer.stop()


def give_back_connection() -> None:
    """Let another thread have this one's pooled connection meanwhile: a pool's size must not bound a group's."""
    if connection.settings_dict["OPTIONS"].get("pool"):
        connection.close()


def _told(error: Exception, *, is_in_doubt: bool = False) -> Exception:
    """Return what one who waits is told: each gets an exception of their own."""
    if is_in_doubt:
        return _in_doubt(error)
    if not isinstance(error, LOST):
        return error
    told = NotRecorded(*error.args)
    told.__cause__ = error
    return told


def _in_doubt(error: Exception) -> OutcomeUnknown:
    unknown = OutcomeUnknown("The database went away during the commit. Ask again with the same client key.")
    unknown.__cause__ = error
    return unknown


def _start_anew() -> None:
    global _writer  # a forked child has the object, but not its thread
    _writer = Writer()


atexit.register(stop_writer)
os.register_at_fork(after_in_child=_start_anew)
