"""Reading the record back: entries opened with their keys, exact leaves, stream heads, the latest checkpoint.

It must not write, and it does not ask who is reading: people come here through access and search, never directly.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max, QuerySet

from archive import canonical, merkle, sealing
from archive.canonical import Json
from archive.keys import KeyMissing
from archive.ledger.disposals import disposed_by
from archive.ledger.errors import EntryNotFound
from archive.ledger.head import stream_id
from archive.ledger.opening import content_of, record_keys
from archive.models import Checkpoint, Entry, Head, Leaf, Stream

PAGE = 500


@dataclass(frozen=True)
class Opened:
    """An entry with its content in the clear. `stream` is the stream's name.

    An entry that was disposed of has no content any more; `disposed_by` is then the entry that says so.
    """

    seq: int
    stream: str
    n: int
    kind: str
    at: datetime
    content: dict[str, Json]
    disposed_by: int | None = None


@dataclass(frozen=True)
class SignedCheckpoint:
    size: int
    root: bytes
    note: str
    at: datetime


# (stream id, n, leaf hash) of the last item of a stream
StreamHead = tuple[str, int, bytes]


def read_stream(name: str, *, after: int = 0, limit: int = PAGE) -> list[Opened]:
    """Return the entries of a stream in order, from item `after + 1` on. A stream that does not exist is empty.

    Raises KeyMissing where a key is gone without a disposal, and NotOpened where a row is not what was sealed.
    """
    return _open_all(_items(name).filter(n__gt=after)[:limit])


def open_entry(seq: int) -> Opened:
    """Return an entry by its number in the record. Raises EntryNotFound, KeyMissing, NotOpened."""
    return _open_all([_entry(seq)])[0]


def find_entry(stream: str, n: int) -> Opened:
    """Return an entry by its number in its stream. Raises EntryNotFound, KeyMissing, NotOpened."""
    row = _items(stream).filter(n=n).first()
    if row is None:
        raise EntryNotFound(f"Stream {stream} has no item {n}.")
    return _open_all([row])[0]


def opened_fields(seq: int) -> dict[str, tuple[bytes, Json]]:
    """Return commitment key and value of each field of an entry: what an export hands over. Raises as open_entry()."""
    row = _entry(seq)
    record_key = record_keys([row]).get(seq)
    if record_key is None:
        raise KeyMissing(f"The key of entry {seq} is gone.")
    content = content_of(row, record_key=record_key)
    keys = sealing.commitment_keys(content, record_key=record_key)
    return {field: (keys[field], value) for field, value in content.items()}


def leaf_text(seq: int) -> str:
    """Return the exact text of a leaf. Raises EntryNotFound."""
    data = Leaf.objects.filter(seq=seq).values_list("data", flat=True).first()
    if data is None:
        raise EntryNotFound(f"The record has no entry {seq}.")
    return bytes(data).decode()


def stream_leaves(name: str) -> Iterator[bytes]:
    """Yield the exact leaf bytes of a stream in order, a page at a time."""
    after = 0
    items = Entry.objects.filter(stream__name=name).order_by("n")
    while page := list(items.filter(n__gt=after).values_list("n", "seq")[:PAGE]):
        leaves = Leaf.objects.in_bulk([seq for _, seq in page])
        yield from (bytes(leaves[seq].data) for _, seq in page)
        after = page[-1][0]


def heads(*, before: int | None = None) -> list[StreamHead]:
    """Return the last item of every stream, sorted by stream id: now, or as it was before entry `before`.

    `heads(before=receipt.seq)` is the list that the stream.heads entry of that receipt commits to.
    """
    if before is None:
        rows = Stream.objects.values_list("id", "n", "last_hash")
        return sorted((stream, n, bytes(last)) for stream, n, last in rows)
    # Within a stream both numbers grow together, so the largest of each belong to one item.
    items = Entry.objects.filter(seq__lt=before).order_by().values("stream_id")
    last = items.annotate(last_n=Max("n"), last_seq=Max("seq"))
    hashes = dict(Leaf.objects.filter(seq__in=last.values("last_seq")).values_list("seq", "hash"))
    return sorted((row["stream_id"], row["last_n"], bytes(hashes[row["last_seq"]])) for row in last)


def heads_root(listing: Iterable[StreamHead]) -> bytes:
    """Return the tree hash that a stream.heads entry commits to, over a list sorted by stream id."""
    return merkle.root(merkle.leaf_hash(head_leaf(item)) for item in listing)


def head_leaf(item: StreamHead) -> bytes:
    stream, n, last = item
    return canonical.encode({"last": last.hex(), "n": n, "stream": stream})


def is_empty() -> bool:
    """Say whether nothing has been recorded yet; then there is no checkpoint."""
    return not Checkpoint.objects.exists()


def began_at() -> datetime | None:
    """Return the time of the first entry, None while the record is empty."""
    return Entry.objects.filter(seq=0).values_list("at", flat=True).first()


def latest_checkpoint() -> SignedCheckpoint:
    """Return the newest signed checkpoint. Raises EntryNotFound while the record is empty."""
    row = Checkpoint.objects.order_by("-size").first()
    if row is None:
        raise EntryNotFound("The record is empty: there is no checkpoint yet.")
    return SignedCheckpoint(size=row.size, root=bytes(row.root), note=row.note, at=row.at)


def _items(stream: str) -> QuerySet[Entry]:
    try:
        chosen = Entry.objects.filter(stream_id=stream_id(stream))
    except KeyMissing:
        if Head.objects.exists():
            raise
        chosen = Entry.objects.none()  # the first entry makes the keys
    return chosen.select_related("stream").order_by("n")


def _entry(seq: int) -> Entry:
    row = Entry.objects.select_related("stream").filter(seq=seq).first()
    if row is None:
        raise EntryNotFound(f"The record has no entry {seq}.")
    return row


def _open_all(rows: Iterable[Entry]) -> list[Opened]:
    entries = list(rows)
    keys = record_keys(entries)
    disposers = disposed_by(row.seq for row in entries if row.seq not in keys)
    return [_open(row, record_key=keys.get(row.seq), disposed_by=disposers.get(row.seq)) for row in entries]


def _open(row: Entry, *, record_key: bytes | None, disposed_by: int | None) -> Opened:
    if record_key is None and disposed_by is None:
        raise KeyMissing(f"The key of entry {row.seq} is gone, and no disposal says so.")
    content = {} if record_key is None else content_of(row, record_key=record_key)
    return Opened(row.seq, row.stream.name, row.n, row.kind, row.at, content, disposed_by)
