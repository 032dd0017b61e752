"""The check of the whole record against itself: bytes, tree, signatures, streams, sealed content, search rows, head.

It must not repair, must not stop at the first fault, and must not trust any row: each may have been written by the
attacker whom it is to find. What no check of a database by itself can see (a record cut back together with all its
checkpoints) is seen by those who keep checkpoints elsewhere.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from django.conf import settings
from django.db import models, transaction

from archive import merkle
from archive.keys import KeyMissing, KeyStore
from archive.ledger.check_ahead import Pages
from archive.ledger.check_entry import EntryCheck, EntryRows
from archive.ledger.check_gone import GoneCheck
from archive.ledger.check_page import Page
from archive.ledger.check_tree import TreeCheck
from archive.ledger.findings import CheckReport, Findings, Problem
from archive.ledger.head import keystore
from archive.ledger.resuming import PlaceFile
from archive.ledger.rows import UNREADABLE, Row, Rows, as_bytes, as_int, read_range
from archive.ledger.words import is_index_in_step
from archive.models import Checkpoint, Document, Entry, Head, Leaf, RecordKey, Stream, Tile

__all__ = ["CheckReport", "Problem", "check"]

BATCH = 1000

Progress = Callable[[int, int], None]


# rule: us-sec-17a-4-verify
def check(*, on_progress: Progress | None = None, place: PlaceFile | None = None, workers: int = 1) -> CheckReport:
    """Check every entry, in memory that grows with the number of streams only.

    `on_progress(done, total)` is called after each batch. Writers wait only while the last entries are checked, and a
    page that has a fault: under the head's lock nothing moves on between two tables that are compared. With `place`,
    the check goes on where an earlier one kept its place, and does not look at the entries before it again. With more
    than one of `workers`, so many processes open entries ahead. Raises BadPlace.
    """
    examination = _Examination(on_progress=on_progress, place=place)
    examination.resume()
    with examination.helped(workers=workers):
        examination.walk()
    examination.examine_index()
    with _record_standing_still():
        examination.walk()
        examination.finish()
    if place:
        place.forget()
    return examination.report()


class _Examination:
    """One walk from the first entry to the last; what is expected next is kept here."""

    def __init__(self, *, on_progress: Progress | None, place: PlaceFile | None) -> None:
        self._findings = Findings()
        self._place = place
        self._origin: str = settings.ONRECORD_ORIGIN
        self._on_progress = on_progress
        self._expected = 0  # the next number, if none is missing
        self._after: int | None = None  # rows up to this number are examined
        self._store = self._open_store()
        self._verifier_key = self._store.verifier_key(self._origin) if self._store else None
        self._tree = TreeCheck(self._findings, verifier_key=self._verifier_key)
        self._gone = GoneCheck(self._findings)
        self._pages = Pages(origin=self._origin, step=BATCH)
        self._entries = EntryCheck(self._findings, store=self._store, origin=self._origin, gone=self._gone)

    def resume(self) -> None:
        """Go to the place that was kept, if there is one."""
        place = self._place.load(origin=self._origin, key=self._store.log_key) if self._place and self._store else None
        if place is None or place.size == 0:
            return
        self._expected, self._after = place.size, place.size - 1
        self._entries.streams.update((stream, (n, last)) for stream, (n, last) in place.streams.items())
        self._gone.resume([(first, last) for first, last in place.gone])
        self._tree.resume(place)

    def helped(self, *, workers: int) -> AbstractContextManager[None]:
        """Let other processes work ahead while the block walks."""
        return self._pages.helped(workers=workers, first=self._expected, size=_size_in_head())

    def walk(self) -> None:
        """Examine all entries that are there and were not examined yet."""
        while (last := self._next_end()) is not None:
            if not self._accept(last):
                with _record_standing_still():
                    self._examine(upto=last)
            self._keep_place()
            if self._on_progress:
                self._on_progress(self._expected, max(self._expected, _size_in_head()))

    def _keep_place(self) -> None:
        if self._place and self._store and not self._findings.is_any and self._place.is_due():
            streams = dict(self._entries.streams)
            gone = self._gone.unexplained()
            place = self._tree.place(origin=self._origin, size=self._expected, streams=streams, gone=gone)
            self._place.keep(place, key=self._store.log_key)

    def examine_index(self) -> None:
        """Compare the search index with its rows: all of it at once, so before the writers have to wait."""
        if not is_index_in_step():
            self._findings.add(None, "The search index does not have the words of the search rows.")

    def finish(self) -> None:
        """Examine what is left after the last entry: rows of no entry, the end of the record, head and streams."""
        self._examine(upto=None)
        self._examine_end()
        self._examine_head()
        self._examine_streams()
        if self._store:
            self._gone.finish()

    def report(self) -> CheckReport:
        return self._findings.report(self._expected, disposed=self._gone.disposed)

    def _open_store(self) -> KeyStore | None:
        try:
            return keystore()
        except KeyMissing as error:
            if Head.objects.exists() or Leaf.objects.exists():
                self._findings.add(None, f"Contents and signatures cannot be checked without the keys. {error}")
            return None

    def _next_end(self) -> int | None:
        rest = Leaf.objects.all() if self._after is None else Leaf.objects.filter(seq__gt=self._after)
        end: int | None = rest.order_by("seq")[:BATCH].aggregate(end=models.Max("seq"))["end"]
        return end

    def _accept(self, last: int) -> bool:
        """Examine the entries up to `last` the quick way; where one is not as it should be, do nothing: False."""
        if self._store is None or not 0 <= last - self._expected < BATCH:
            return False
        numbers = range(self._expected, last + 1)
        page = self._pages.accept(numbers, after=self._after, store=self._store)
        if page is None or not self._entries.follow(page.parts):
            return False
        self._entries.note(page)
        self._grow(page, checkpoints=self._read_checkpoints(upto=last))
        self._expected, self._after = last + 1, last
        return True

    def _grow(self, page: Page, *, checkpoints: Rows) -> None:
        """Grow the tree by an accepted page, and hold it against the checkpoints on the way."""
        first, done = self._expected, 0
        for size in sorted(size for size in checkpoints.found if size > first):
            self._tree.grow(page.digests[done : size - first])
            done = size - first
            self._tree.examine_checkpoint(checkpoints.found.pop(size), size=size, last_at=page.times[done - 1])
        self._tree.grow(page.digests[done:])
        self._examine_loose(checkpoints)

    def _examine(self, *, upto: int | None) -> None:
        leaves, entries, keys, documents = (
            self._read(model, upto=upto) for model in (Leaf, Entry, RecordKey, Document)
        )
        checkpoints = self._read_checkpoints(upto=upto)
        present = leaves.keys()
        for seq in sorted(present | entries.keys() | keys.keys() | documents.keys()):
            if seq not in present:
                self._findings.add(seq, "There are rows of an entry here, but no leaf.")
                continue
            beside = EntryRows(entries.found.get(seq), keys.found.get(seq), documents.found.get(seq))
            last_at = self._examine_leaf(seq, row=leaves.found.get(seq), beside=beside)
            if signed := checkpoints.found.pop(seq + 1, None):
                self._tree.examine_checkpoint(signed, size=seq + 1, last_at=last_at)
        self._examine_loose(checkpoints)
        self._after = upto

    def _examine_loose(self, checkpoints: Rows) -> None:
        for size, row in sorted(checkpoints.found.items()):
            self._tree.examine_checkpoint(row, size=size, last_at=None)

    def _examine_leaf(self, seq: int, *, row: Row | None, beside: EntryRows) -> str | None:
        if seq < self._expected:
            self._findings.add(seq, "A leaf stands where the record has no number.")
            return None
        if seq > self._expected:
            self._findings.add(self._expected, _missing(self._expected, seq))
            self._tree.is_whole = False
        self._expected = seq + 1
        data = as_bytes(row["data"]) if row else None
        if row is None or data is None:
            self._findings.add(seq, "The leaf's bytes cannot be read.")
            self._tree.is_whole = False
            return None
        digest = merkle.leaf_hash(data)
        if digest != as_bytes(row["hash"]):
            self._findings.add(seq, "The leaf's bytes do not have the stored hash.")
        self._tree.grow([digest])
        return self._entries.examine(seq, data=data, rows=beside)

    def _read(self, model: type[models.Model], *, upto: int | None) -> Rows:
        return self._named(model, read_range(model, key="seq", after=self._after, upto=upto), offset=0)

    def _read_checkpoints(self, *, upto: int | None) -> Rows:
        # A checkpoint of size s ends with entry s - 1.
        after = None if self._after is None else self._after + 1
        rows = read_range(Checkpoint, key="size", after=after, upto=None if upto is None else upto + 1)
        return self._named(Checkpoint, rows, offset=1)

    def _named(self, model: type[models.Model], rows: Rows, *, offset: int) -> Rows:
        for number, reason in rows.unreadable.items():
            self._findings.add(number - offset, f"A value in {model._meta.db_table} cannot be read ({reason}).")
        return rows

    def _examine_end(self) -> None:
        promised = max(_size_in_head(), self._tree.last_signed_size)
        if promised > self._expected:
            self._findings.add(self._expected, _missing(self._expected, promised))
        elif self._tree.last_signed_size < self._expected:
            self._findings.add(self._tree.last_signed_size, "No signed checkpoint covers the record from here on.")
        if self._tree.is_whole and Tile.objects.count() > self._tree.tile_count:
            self._findings.add(None, "There are more tiles than the record fills.")

    def _examine_head(self) -> None:
        heads = read_range(Head, key="id", after=None, upto=None)
        if heads.keys() - {Head.ONLY}:
            self._findings.add(None, "There is another head beside the head of the record.")
        row = heads.found.get(Head.ONLY)
        if row is None:
            if self._expected:
                self._findings.add(None, "The head is missing, or cannot be read.")
            return
        expected: dict[str, object] = {
            "origin": self._origin,
            "size": self._expected,
            "frontier": self._tree.frontier.to_bytes(),
        }
        if self._verifier_key:
            expected["verifier_key"] = self._verifier_key
        found = {**row, "frontier": as_bytes(row["frontier"])}
        for column, value in expected.items():
            if found[column] != value:
                self._findings.add(None, f"The head's column {column} is not what the entries give.")

    def _examine_streams(self) -> None:
        try:
            listed = list(Stream.objects.values())
        except UNREADABLE as error:
            self._findings.add(None, f"A value in {Stream._meta.db_table} cannot be read ({type(error).__name__}).")
            return
        rows = {row["id"]: row for row in listed}
        if len(rows) < len(listed):
            self._findings.add(None, "There are two rows of one stream.")
        for stream_id in sorted(rows.keys() | self._entries.streams.keys(), key=str):
            self._examine_stream(stream_id, row=rows.get(stream_id))

    def _examine_stream(self, stream_id: str, *, row: Row | None) -> None:
        n, last = self._entries.streams.get(stream_id, (0, ""))
        if row is None or row["n"] != n or as_bytes(row["last_hash"]) != bytes.fromhex(last):
            self._findings.add(None, f"The row of stream {stream_id} does not say where its entries end.")
        elif self._store and self._store.stream_id(str(row["name"]), origin=self._origin) != stream_id:
            self._findings.add(None, f"The row of stream {stream_id} has been given another name.")


@contextmanager
def _record_standing_still() -> Iterator[None]:
    """Hold the head's lock: nobody appends, disposes of or wraps again what is looked at meanwhile."""
    with transaction.atomic():
        list(Head.objects.select_for_update().values_list("id"))
        yield


def _size_in_head() -> int:
    return as_int(Head.objects.filter(id=Head.ONLY).values_list("size", flat=True).first()) or 0


def _missing(first: int, end: int) -> str:
    return f"Entry {first} is missing." if end == first + 1 else f"Entries {first} to {end - 1} are missing."
