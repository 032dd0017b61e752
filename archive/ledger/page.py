"""The open page: what the transaction at hand has appended, numbered at once and stored later, together.

It must not outlive its transaction, keep what a savepoint has taken back, or hide anything from a reader inside the
transaction: whatever statement names a table of the record finds everything stored.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from archive import checkpoint, merkle, sealing
from archive.events import Event
from archive.ledger import entries, storing, tiles, words
from archive.ledger.entries import End, Receipt
from archive.ledger.guarding import keep_on_commit
from archive.ledger.head import keystore, lock_head, signed_frontier
from archive.models import Checkpoint, Document, Entry, Head, Leaf, RecordKey, Stream
from archive.tables import Table, as_time

MOST_ENDS = 2000  # streams whose ends are remembered from one transaction to the next
Callback = tuple[Callable[[], object], bool]  # and whether it may fail without a consequence


class Page:
    """The entries of one transaction, under the head's lock.

    Each step stands in Django's list of what is to run at the commit. A savepoint that is rolled back takes its steps
    out of that list, and the page then takes them back as well, the last one first.
    """

    def __init__(self, head: Head) -> None:
        self._head = head
        self._origin: str = settings.ONRECORD_ORIGIN
        self._keys = keystore()
        self._maker = entries.Maker(origin=self._origin, keys=self._keys)
        self._size = head.size
        known = _memory.end_of(head)
        self._frontier = known.frontier.copy() if known else None  # of what is stored; else read with the first entry
        self._ends = dict(known.ends) if known else {}
        self._steps: list[_Turn | _Stored] = []
        self._is_at_work = False
        self.size_bytes = 0  # what has gone through it, to know when a group is large enough

    def append(self, events: Sequence[Event]) -> list[Receipt]:
        """Number, seal and keep entries; all or, when one cannot be sealed, none."""
        self._take_back()
        with self._at_work():
            self._frontier = self._frontier or signed_frontier(self._head)
            self._load_ends({event.stream for event in events})
            turn = _Turn(size_before=self._size)
            randomness = sealing.draw_fresh(len(events))
            try:
                receipts = [
                    self._add(event, turn=turn, fresh=one) for event, one in zip(events, randomness, strict=True)
                ]
            except BaseException:
                self._undo(turn)
                raise
        self._steps.append(turn)
        transaction.on_commit(turn)
        return receipts

    def store(self) -> None:
        """Write what is not in the database yet, under a signed checkpoint. Costs nothing where there is nothing."""
        self._take_back()
        turns = [step for step in self._steps if isinstance(step, _Turn) and not step.is_stored]
        if not turns or self._frontier is None:
            return
        made = [one for turn in turns for one in turn.made]
        # A copy: if the rows are refused inside a savepoint, the next try must not begin behind them.
        frontier = self._frontier.copy()
        frontier.extend([one.receipt.leaf_hash for one in made])
        with self._at_work():
            note = self._write(made, frontier=frontier)
        stored = _Stored(turns, self._frontier, known=Known(frontier.copy(), dict(self._ends)))
        self._frontier = frontier
        self._steps.append(stored)
        transaction.on_commit(stored)
        keep_on_commit(note)

    def show(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        """Run a statement of the transaction; what it may look for is stored first. (Any: Django's own signature.)"""
        if not self._is_at_work and "archive_" in str(sql):
            self.store()
        return execute(sql, params, many, context)

    def _add(self, event: Event, *, turn: "_Turn", fresh: sealing.Fresh) -> Receipt:
        end = self._ends[event.stream]
        made = self._maker.make(event, seq=self._size, end=end, fresh=fresh)
        turn.ends_before.setdefault(event.stream, end)
        turn.made.append(made)
        self._size += 1
        self.size_bytes += made.size_bytes
        self._ends[event.stream] = End(end.id, end.name, made.receipt.n, made.receipt.leaf_hash)
        return made.receipt

    def _write(self, made: Sequence[entries.Made], *, frontier: merkle.Frontier) -> str:
        """Write the entries under a signed checkpoint, and return its note."""
        statement = checkpoint.Statement(origin=self._origin, size=frontier.size, root=frontier.root())
        note = checkpoint.sign(statement, key=self._keys.log_key)
        signed = (statement.size, statement.root, note, as_time(made[-1].receipt.at))
        documents = [one.document for one in made if one.document is not None]
        ends = sorted(self._ends[name] for name in {one.receipt.stream for one in made})
        storing.store(
            [
                Table(Leaf, ("seq", "data", "hash"), [one.leaf for one in made]),
                Table(Entry, entries.COLUMNS, [one.entry for one in made]),
                Table(RecordKey, ("seq", "bucket", "wrapped"), [one.record_key for one in made]),
                Table(Document, words.COLUMNS, documents),
                Table(Checkpoint, ("size", "root", "note", "at"), [signed]),
            ],
            ends=[(end.id, end.name, end.n, end.last) for end in ends],
            size=frontier.size,
            frontier=frontier.to_bytes(),
        )
        words.index(documents)
        tiles.store_full(old_size=made[0].receipt.seq, leaves=[one.receipt.leaf_hash for one in made])
        return note

    def _load_ends(self, names: Collection[str]) -> None:
        wanted = [name for name in names if name not in self._ends]
        if not wanted:
            return
        ids = {self._keys.stream_id(name, origin=self._origin): name for name in wanted}
        found = Stream.objects.filter(id__in=list(ids)).values_list("id", "n", "last_hash")
        known = {stream_id: End(stream_id, ids[stream_id], n, bytes(last)) for stream_id, n, last in found}
        self._ends |= {name: known.get(stream_id) or End(stream_id, name) for stream_id, name in ids.items()}

    def _take_back(self) -> None:
        while self._steps and not _is_standing(self._steps[-1]):
            step = self._steps.pop()
            if isinstance(step, _Turn):
                self._undo(step)
            else:
                self._frontier = step.undo()

    def _undo(self, turn: "_Turn") -> None:
        self._size = turn.size_before
        self._ends |= turn.ends_before

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        self._is_at_work = True
        try:
            yield
        finally:
            self._is_at_work = False


@dataclass(eq=False)
class _Step:
    """Something that the page did, and that a savepoint may take back."""

    def __call__(self) -> None:
        """At the commit most have nothing left to do: being in the list was the point."""


@dataclass(eq=False)
class _Turn(_Step):
    """The entries of one call, and what the page knew before it."""

    size_before: int
    ends_before: dict[str, End] = field(default_factory=dict)
    made: list[entries.Made] = field(default_factory=list)
    is_stored: bool = False


@dataclass(eq=False)
class _Stored(_Step):
    """Turns whose rows have been written."""

    turns: list[_Turn]
    frontier_before: merkle.Frontier
    known: "Known"

    def __post_init__(self) -> None:
        for turn in self.turns:
            turn.is_stored = True

    def __call__(self) -> None:
        _memory.keep(self.known)

    def undo(self) -> merkle.Frontier:
        """Return to before: the rows are gone, and so they are still to be stored."""
        for turn in self.turns:
            turn.is_stored = False
        return self.frontier_before


@dataclass(frozen=True)
class Known:
    """Where a record ended when we signed it: the right edge of its tree, and the ends of some of its streams."""

    frontier: merkle.Frontier
    ends: dict[str, End]


class _Memory:
    """What this process committed last. It saves the look at the checkpoint, but only for the very same tree.

    The hashes in the head must be those that we signed ourselves; so what is known of its streams is so too.
    """

    def __init__(self) -> None:
        self._latest: Known | None = None

    def keep(self, known: Known) -> None:
        self._latest = known if len(known.ends) <= MOST_ENDS else Known(known.frontier, {})

    def end_of(self, head: Head) -> Known | None:
        known = self._latest
        if known is None or known.frontier.size != head.size or known.frontier.to_bytes() != bytes(head.frontier):
            return None
        return known


_memory = _Memory()


class _Here(threading.local):
    """The page of this thread's transaction: connections belong to threads, and so do their transactions."""

    page: Page | None = None


_here = _Here()


def open_page() -> Page | None:
    """Return the page of the transaction at hand, None where none is open."""
    return _here.page


@contextmanager
def new_page(*, is_bounded: bool = False) -> Iterator[Page]:
    """Open the page of this transaction under the head's lock, and store it at the end. As lock_head(), also raises."""
    page = Page(lock_head(is_bounded=is_bounded))
    _here.page = page
    try:
        with connection.execute_wrapper(page.show):
            yield page
            page.store()
    finally:
        _here.page = None


def take_callbacks() -> list[Callback]:
    """Take out of the transaction what is to run at its commit, but for the page's own steps; the caller runs it."""
    waiting: list[Any] = connection.run_on_commit  # Any: the stubs know pairs, Django keeps triples
    connection.run_on_commit = [one for one in waiting if isinstance(one[1], _Step)]
    return [(call, is_robust) for _, call, is_robust in waiting if not isinstance(call, _Step)]


def _is_standing(step: _Step) -> bool:
    return any(one[1] is step for one in reversed(connection.run_on_commit))
