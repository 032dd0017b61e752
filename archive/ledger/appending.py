"""Appending to the record: an event becomes leaf, entry, key, words and signed checkpoint in its act's transaction.

It must not open a transaction of its own for an event, read a clock, or decide whether something is worth recording.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db import transaction

from archive import checkpoint, merkle, sealing
from archive.events import SYSTEM, Event, StreamHeads
from archive.keys import KeyMissing
from archive.leaf import Leaf as LeafBytes
from archive.leaf import format_time, parse_time
from archive.ledger import storing, tiles, words
from archive.ledger.errors import ForeignRecord
from archive.ledger.guarding import keep_on_commit
from archive.ledger.head import keystore, lock_head
from archive.ledger.reading import heads, heads_root
from archive.models import Checkpoint, Entry, Head, Leaf, RecordKey, Stream


@dataclass(frozen=True)
class Receipt:
    """Where an event stands in the record. `stream` is its name, `at` its time cut to milliseconds, as recorded."""

    seq: int
    stream: str
    n: int
    leaf_hash: bytes
    at: datetime


# rule: us-sec-17a-4-audit-trail
def record(event: Event) -> Receipt:
    """Append one event under a new signed checkpoint; both are stored if and only if the caller's transaction commits.

    Appends wait for each other from here to the commit. An act that locks rows of its own locks them before it records,
    so that nobody who waits for the head holds what the head's owner still wants.
    Raises NotInTransaction, NotCanonical, LeafTooLarge, ForeignRecord, KeyMissing; then nothing has been written.
    """
    return record_all([event])[0]


def record_all(events: Sequence[Event]) -> list[Receipt]:
    """Append several events in order under one checkpoint. Raises as record() does; all are written or none."""
    if not events:
        return []
    batch = _Batch(lock_head(), names=[event.stream for event in events])
    receipts = [batch.add(event) for event in events]
    batch.store(at=receipts[-1].at)
    return receipts


def record_heads(at: datetime) -> Receipt:
    """Append the entry that commits to the last item of every stream, in a transaction or savepoint of its own."""
    with transaction.atomic():
        lock_head()
        listing = heads()
        event = StreamHeads(stream="system", actor=SYSTEM, at=at, count=len(listing), root=heads_root(listing).hex())
        return record(event)


@dataclass
class _End:
    """The last item of a stream as the batch goes on; `last` is its leaf hash in hex, "" before the first."""

    id: str
    name: str
    n: int = 0
    last: str = ""


class _Batch:
    """What one call appends, gathered in memory under the head's lock, then stored with one statement per table."""

    def __init__(self, head: Head, *, names: Sequence[str]) -> None:
        self._origin: str = settings.ONRECORD_ORIGIN
        self._keys = keystore()
        self._old_size = head.size
        self._frontier = _signed_frontier(head)
        self._ends = self._load_ends(set(names))
        self._leaves: list[storing.Row] = []
        self._entries: list[storing.Row] = []
        self._record_keys: list[storing.Row] = []
        self._documents: list[storing.Row] = []

    def add(self, event: Event) -> Receipt:
        end, seq, content = self._ends[event.stream], self._frontier.size, event.content()
        at = _recorded_time(event.at)
        place = sealing.Place(self._origin, end.id, end.n + 1, f"{event.retention}/{at.date().isoformat()}")
        sealed = sealing.seal_content(content, place=place)
        data = _leaf(event, seq=seq, at=at, place=place, prev=end.last, sealed=sealed).encode()
        leaf_hash = merkle.leaf_hash(data)
        self._frontier.append(leaf_hash)
        end.n, end.last = place.n, leaf_hash.hex()
        self._leaves.append((seq, data, leaf_hash))
        self._keep(event, seq=seq, at=at, place=place, sealed=sealed)
        if (row := words.row(event, seq=seq, stream=end.id, at=at, content=content)) is not None:
            self._documents.append(row)
        return Receipt(seq=seq, stream=event.stream, n=place.n, leaf_hash=leaf_hash, at=at)

    def store(self, *, at: datetime) -> None:
        """Write everything, with a checkpoint of the time of the last entry."""
        ends = sorted(self._ends.values(), key=lambda end: end.id)
        storing.put_stream_ends([(end.id, end.name, end.n, bytes.fromhex(end.last)) for end in ends])
        storing.insert(Leaf, ("seq", "data", "hash"), self._leaves)
        storing.insert(Entry, ("seq", "stream_id", "n", "kind", "at", "bucket", "ciphertext"), self._entries)
        storing.insert(RecordKey, ("seq", "bucket", "wrapped"), self._record_keys)
        words.store(self._documents)
        tiles.store_full(old_size=self._old_size, new_size=self._frontier.size)
        self._sign(at)

    def _keep(self, event: Event, *, seq: int, at: datetime, place: sealing.Place, sealed: sealing.Sealed) -> None:
        bucket_key = self._bucket_key(place.bucket)
        wrapped = sealing.wrap_record_key(sealed.record_key, bucket_key=bucket_key, place=place)
        self._record_keys.append((seq, place.bucket, wrapped))
        time = storing.as_time(at)
        self._entries.append((seq, place.stream, place.n, event.kind, time, place.bucket, sealed.ciphertext))

    def _bucket_key(self, bucket: str) -> bytes:
        """Return the bucket's key, made for its first entry only.

        A second key for one bucket would split it: on a server with a key folder of its own, or after a file was lost.
        """
        try:
            return self._keys.bucket_key(bucket)
        except KeyMissing:
            if RecordKey.objects.filter(bucket=bucket).exists():
                raise
            return self._keys.make_bucket_key(bucket)

    def _sign(self, at: datetime) -> None:
        root, size = self._frontier.root(), self._frontier.size
        statement = checkpoint.Statement(origin=self._origin, size=size, root=root)
        note = checkpoint.sign(statement, key=self._keys.log_key)
        storing.insert(Checkpoint, ("size", "root", "note", "at"), [(size, root, note, storing.as_time(at))])
        Head.objects.filter(id=Head.ONLY).update(size=size, frontier=self._frontier.to_bytes())
        keep_on_commit(note)

    def _load_ends(self, names: Collection[str]) -> dict[str, _End]:
        every = (_End(self._keys.stream_id(name, origin=self._origin), name) for name in names)
        ends = {end.id: end for end in every}
        for stream_id, n, last in Stream.objects.filter(id__in=list(ends)).values_list("id", "n", "last_hash"):
            ends[stream_id].n, ends[stream_id].last = n, bytes(last).hex()
        return {end.name: end for end in ends.values()}


def _signed_frontier(head: Head) -> merkle.Frontier:
    """Return the frontier to build on, once our own signature stands under its tree. Raises ForeignRecord.

    Whoever writes into the database could else change the latest entries, put the frontier of the changed tree into
    the head and wait: the next append would sign it, and no check could tell.
    """
    try:
        frontier = merkle.Frontier.from_bytes(bytes(head.frontier), size=head.size)
        signed = _signed_root(head) if head.size else frontier.root()
    except ValueError as error:
        raise ForeignRecord(f"The head of the record cannot be built on: {error}. Run `record check`.") from error
    if frontier.root() != signed:
        raise ForeignRecord("The head of the record is not what its checkpoint signed. Run `record check`.")
    return frontier


def _signed_root(head: Head) -> bytes:
    """Return the root that the checkpoint of the head's size signs. Raises BadCheckpoint where there is none."""
    note = Checkpoint.objects.filter(size=head.size).values_list("note", flat=True).first()
    if note is None:
        raise checkpoint.BadCheckpoint(f"there is no checkpoint of {head.size} entries")
    statement = checkpoint.verify(note, verifier_key=head.verifier_key)
    if statement.size != head.size:
        raise checkpoint.BadCheckpoint(f"the checkpoint of {head.size} entries signs {statement.size}")
    return statement.root


def _leaf(
    event: Event, *, seq: int, at: datetime, place: sealing.Place, prev: str, sealed: sealing.Sealed
) -> LeafBytes:
    return LeafBytes(
        at=format_time(at),
        bucket=place.bucket,
        commitments=sealed.commitments,
        ciphertext_digest=hashlib.sha256(sealed.ciphertext).hexdigest(),
        kind=event.kind,
        n=place.n,
        prev=prev,
        seq=seq,
        stream=place.stream,
    )


def _recorded_time(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise ValueError("An event's time must be aware, so that it can be recorded in UTC.")
    return parse_time(format_time(at.astimezone(UTC)))
