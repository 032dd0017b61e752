"""Comparing the rows that other rooms derive from the record with what its entries say.

The archive knows nothing of those rows: whoever keeps them registers a comparison. It must not repair anything, and it
says nothing about entries that cannot be opened: that is the check of the record itself.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import repeat
from typing import Protocol, Self, cast

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q

from archive.canonical import Json, NotCanonical
from archive.keys import KeyMissing
from archive.ledger.breaking import guard_problem
from archive.ledger.check_ahead import WORTH_IT
from archive.ledger.check_blobs import check_blobs
from archive.ledger.checking import CheckReport, Problem, check
from archive.ledger.findings import Findings
from archive.ledger.head import keystore
from archive.ledger.resuming import PlaceFile
from archive.ledger.rows import UNREADABLE
from archive.models import Entry, Head, RecordKey
from archive.processes import call, start_workers
from archive.sealing import NotOpened
from archive.unsealing import Opener

PAGE = 1000
_ENTRY_COLUMNS = ("seq", "stream__name", "stream_id", "n", "kind", "at", "bucket", "ciphertext")
_KEY_COLUMNS = ("seq", "bucket", "wrapped")
MOST_DOUBTFUL_PAGES = 20  # looked at a second time while the writers wait

log = structlog.get_logger(__name__)
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Recorded:
    """An entry as a comparison sees it. `content` is None where it cannot be opened."""

    seq: int
    stream: str
    n: int
    kind: str
    at: datetime
    content: dict[str, Json] | None


class Comparison(Protocol):
    """One walk along the entries. `examine` may be asked about the same entries twice and must then say the same.

    It can be pickled: pages may be examined by a comparison in another process, whose notes `merge` takes over.
    """

    def examine(self, entries: Sequence[Recorded], *, after: int | None, upto: int) -> list[Problem]:
        """Compare rows of entries with after < seq <= upto; `entries` are those of the streams asked for."""
        ...

    def merge(self, other: Self) -> None:
        """Take over what another one noted of later entries."""
        ...

    def finish(self, *, after: int | None) -> list[Problem]:
        """Say what is wrong with the rows as a whole, and with those of entries above `after`, which do not exist."""
        ...


@dataclass(frozen=True)
class _Registered:
    streams: str
    make: Callable[[], Comparison]


_Page = tuple[int | None, int]  # after, upto
_Examined = tuple[list[Problem], Comparison]
_registered: dict[str, _Registered] = {}


def register_comparison(name: str, *, streams: str, make: Callable[[], Comparison]) -> None:
    """Have `make()` compare its rows with the streams whose names begin with `streams`, whenever all is checked."""
    _registered[name] = _Registered(streams, make)


# rule: us-sec-17a-4-verify
def check_all(*, on_progress: Progress | None = None, place: PlaceFile | None = None, workers: int = 1) -> CheckReport:
    """Check the record, the rows that were derived from it, and the files that it names. Raises BadPlace."""
    report = check_without_files(on_progress=on_progress, place=place, workers=workers)
    problems = [*report.problems, *check_blobs(on_progress=on_progress)]
    return replace(report, is_sound=not problems, problems=problems)


def check_without_files(
    *, on_progress: Progress | None = None, place: PlaceFile | None = None, workers: int = 1
) -> CheckReport:
    """Check the record, ask the guard, then compare with it the rows that were derived from it. Raises BadPlace.

    A place that was kept spares the check of entries only: rows are always compared from the beginning. So many
    `workers` help, where there is more than one. For `on_progress`, an entry that is compared as well counts twice.
    """
    turns = 1 + len(_registered)
    report = check(on_progress=_part(on_progress, turn=0, turns=turns), place=place, workers=workers)
    compared = compare(on_progress=on_progress, workers=workers)
    behind = guard_problem()
    lost = [Problem(None, behind)] if behind else []
    problems = [*lost, *report.problems, *compared.problems]
    return replace(report, is_sound=not problems, problems=problems)


def compare(*, on_progress: Progress | None = None, workers: int = 1) -> CheckReport:
    """Run every registered comparison. Writers wait only while the last entries and doubtful pages are compared."""
    findings, turns = Findings(), 1 + len(_registered)
    walks = [
        _Walk(name, findings, on_progress=_part(on_progress, turn=turn, turns=turns))
        for turn, name in enumerate(_registered, start=1)
    ]
    for walk in walks:
        walk.go(workers=workers)
    with _record_standing_still():
        for walk in walks:
            walk.end()
        return findings.report(_size())


class _Walk:
    """One comparison on its way from the first entry to the last."""

    def __init__(self, name: str, findings: Findings, *, on_progress: Progress | None) -> None:
        self._name = name
        self._comparison = _registered[name].make()
        self._findings = findings
        self._on_progress = on_progress
        self._after: int | None = None
        self._doubtful: list[_Page] = []

    def go(self, *, workers: int = 1) -> None:
        """Compare page after page up to the present end. Writers go on, so what differs is looked at again later."""
        first, size = 0 if self._after is None else self._after + 1, _size()
        pages = [(start - 1 if start else None, min(start + PAGE, size) - 1) for start in range(first, size, PAGE)]
        for page, (problems, comparison) in zip(pages, self._examined(pages, workers=workers), strict=True):
            self._comparison.merge(comparison)
            if problems:
                self._doubtful.append(page)
            self._after = page[1]
            if self._on_progress:
                self._on_progress(page[1] + 1, size)

    def end(self) -> None:
        """Compare what came meanwhile, and note the differences that are still there now that nothing is written."""
        self.go()
        doubtful = self._doubtful[:MOST_DOUBTFUL_PAGES]
        found = [problem for page in doubtful for problem in examine_page(self._name, *page)[0]]
        for problem in (*found, *self._comparison.finish(after=self._after)):
            self._findings.add(problem.seq, problem.what)
        if len(self._doubtful) > MOST_DOUBTFUL_PAGES:
            self._findings.add(None, f"{len(self._doubtful) - MOST_DOUBTFUL_PAGES} more pages of rows differ.")

    def _examined(self, pages: Sequence[_Page], *, workers: int) -> Iterator[_Examined]:
        """Yield what each page gave, in their order. In a transaction other processes would not see what we see."""
        done = 0
        if workers > 1 and len(pages) * PAGE >= WORTH_IT and not connection.in_atomic_block:
            work = (repeat(f"{__name__}.{examine_page.__name__}"), repeat(self._name), *zip(*pages, strict=True))
            try:
                with start_workers(workers) as pool:
                    for result in pool.map(call, *work):
                        yield cast(_Examined, result)
                        done += 1
            except BrokenExecutor:
                log.warning("comparison_worker_died")
        yield from (examine_page(self._name, *page) for page in pages[done:])


def examine_page(name: str, after: int | None, upto: int) -> _Examined:
    """Examine one page with a comparison of its own. Called by name, too, in other processes."""
    comparison = _registered[name].make()
    try:
        entries = list(open_page(_registered[name].streams, after=after, upto=upto))
    except UNREADABLE as error:
        what = f"Entries up to {upto} cannot be read ({type(error).__name__}), nor compared."
        return [Problem(None, what)], comparison
    return comparison.examine(entries, after=after, upto=upto), comparison


def open_page(streams: str, *, after: int | None, upto: int) -> Iterator[Recorded]:
    within = Q(seq__lte=upto) if after is None else Q(seq__gt=after, seq__lte=upto)
    entries = Entry.objects.filter(within, stream__name__startswith=streams).order_by("seq")
    keys = {seq: (name, wrapped) for seq, name, wrapped in RecordKey.objects.filter(within).values_list(*_KEY_COLUMNS)}
    openers: dict[str, Opener] = {}
    for seq, name, stream, n, kind, at, bucket, sealed in entries.values_list(*_ENTRY_COLUMNS):
        content = None
        if key := keys.get(seq):
            with suppress(KeyMissing, NotOpened, NotCanonical):
                opener = openers.get(key[0]) or openers.setdefault(key[0], _opener(key[0]))
                content = opener.content(bytes(sealed), wrapped=bytes(key[1]), bucket=bucket, stream=stream, n=n)
        yield Recorded(seq, name, n, kind, at, content)


def _opener(name: str) -> Opener:
    return Opener(keystore().bucket_key(name), origin=settings.ONRECORD_ORIGIN)


def _part(on_progress: Progress | None, *, turn: int, turns: int) -> Progress | None:
    if on_progress is None:
        return None
    return lambda done, total: on_progress(turn * total + done, turns * total)


def _size() -> int:
    return Head.objects.values_list("size", flat=True).first() or 0


@contextmanager
def _record_standing_still() -> Iterator[None]:
    with transaction.atomic():
        list(Head.objects.select_for_update().values_list("id"))
        yield
