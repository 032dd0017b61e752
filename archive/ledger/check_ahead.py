"""Pages of the record, accepted ahead of the walk in other processes; the walk itself stays one after the other.

It must not change what is found: a page that no process accepted, or that is not exactly the one the walk has come to,
is looked at here, by the process that walks.
"""

from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache

import structlog
from django.conf import settings
from django.db import connection

from archive.keys import KeyStore
from archive.ledger.check_page import Page, accept_page
from archive.ledger.head import keystore
from archive.processes import call, start_workers

WORTH_IT = 20_000  # entries from which on new processes save more time than their start takes
PAGES_AHEAD = 3  # for each process
log = structlog.get_logger(__name__)

Span = tuple[int, int, int | None]  # first number, the one behind the last, `after`


class Pages:
    """Accepts page after page. Without workers it only does so when asked."""

    def __init__(self, *, origin: str, step: int) -> None:
        self._origin = origin
        self._step = step
        self._workers: ProcessPoolExecutor | None = None
        self._count = 0
        self._size = 0
        self._ahead: dict[Span, Future[object]] = {}

    @contextmanager
    def helped(self, *, workers: int, first: int, size: int) -> Iterator[None]:
        """Let processes work ahead on the entries from `first` to `size` while the block walks, where that is worth it.

        Inside a transaction they would not see what we see, so there it is never done.
        """
        if workers < 2 or size - first < WORTH_IT or connection.in_atomic_block:
            yield
            return
        self._count, self._size = workers, size
        with start_workers(workers) as self._workers:
            try:
                yield
            finally:
                self._stop()

    def accept(self, numbers: range, *, after: int | None, store: KeyStore) -> Page | None:
        """Return what a page says, None where it is not accepted, as accept_page() does."""
        waiting = self._ahead.pop((numbers.start, numbers.stop, after), None)
        self._submit(numbers.start)
        if waiting is not None:
            try:
                return _page(waiting.result())
            except BrokenExecutor:
                log.warning("check_worker_died")
                self._stop()
        return accept_page(numbers, after=after, store=store, origin=self._origin)

    def _submit(self, first: int) -> None:
        if self._workers is None:
            return
        for start in range(first + self._step, first + self._step * (PAGES_AHEAD * self._count + 1), self._step):
            span = (start, min(start + self._step, self._size), start - 1)
            if span[1] - start > 0 and span not in self._ahead:
                self._ahead[span] = self._workers.submit(call, f"{__name__}.accept_apart", *span)

    def _stop(self) -> None:
        if self._workers is not None:
            self._workers.shutdown(wait=False, cancel_futures=True)
        self._workers = None
        self._ahead.clear()


def accept_apart(first: int, stop: int, after: int | None) -> Page | None:
    """Accept a page in a process of our own. Called by name."""
    return accept_page(range(first, stop), after=after, store=_own_store(), origin=settings.ONRECORD_ORIGIN)


@cache
def _own_store() -> KeyStore:
    return keystore()


def _page(result: object) -> Page | None:
    return result if isinstance(result, Page) else None
