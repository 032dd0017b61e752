"""Appending to the record: an event becomes leaf, entry, key, words and signed checkpoint in its act's transaction.

It must not open a transaction of its own for an event, read a clock, or decide whether something is worth recording.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db import transaction

from archive import checkpoint, merkle, sealing
from archive.events import SYSTEM, Event, StreamHeads
from archive.leaf import Leaf as LeafBytes
from archive.leaf import format_time, parse_time
from archive.ledger import tiles, words
from archive.ledger.head import keystore, lock_head
from archive.ledger.reading import heads, heads_root
from archive.models import Checkpoint, Document, Entry, Head, Leaf, RecordKey, Stream


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
    batch.store()
    return receipts


def record_heads(at: datetime) -> Receipt:
    """Append the entry that commits to the last item of every stream, in a transaction or savepoint of its own."""
    with transaction.atomic():
        lock_head()
        listing = heads()
        event = StreamHeads(stream="system", actor=SYSTEM, at=at, count=len(listing), root=heads_root(listing).hex())
        return record(event)


class _Batch:
    """What one call appends, gathered in memory under the head's lock, then stored with one statement per table."""

    def __init__(self, head: Head, *, names: Sequence[str]) -> None:
        self._origin: str = settings.ONRECORD_ORIGIN
        self._keys = keystore()
        self._old_size = head.size
        self._frontier = merkle.Frontier.from_bytes(bytes(head.frontier), size=head.size)
        self._streams = self._load_streams(names)
        self._leaves: list[Leaf] = []
        self._entries: list[Entry] = []
        self._record_keys: list[RecordKey] = []
        self._documents: list[Document] = []

    def add(self, event: Event) -> Receipt:
        stream, seq = self._streams[event.stream], self._frontier.size
        at = _recorded_time(event.at)
        bucket = f"{event.retention}/{at.date().isoformat()}"
        place = sealing.Place(origin=self._origin, stream=stream.id, n=stream.n + 1, bucket=bucket)
        sealed = sealing.seal_content(event.content(), place=place)
        data = _leaf(event, seq=seq, at=at, place=place, prev=bytes(stream.last_hash), sealed=sealed).encode()
        leaf_hash = merkle.leaf_hash(data)
        self._frontier.append(leaf_hash)
        stream.n, stream.last_hash = place.n, leaf_hash
        self._leaves.append(Leaf(seq=seq, data=data, hash=leaf_hash))
        self._keep(event, seq=seq, at=at, place=place, sealed=sealed)
        self._note_words(event, seq=seq, stream=stream, at=at)
        return Receipt(seq=seq, stream=event.stream, n=place.n, leaf_hash=leaf_hash, at=at)

    def store(self) -> None:
        streams = list(self._streams.values())
        Stream.objects.bulk_create(
            streams, update_conflicts=True, unique_fields=["id"], update_fields=["n", "last_hash"]
        )
        Leaf.objects.bulk_create(self._leaves)
        Entry.objects.bulk_create(self._entries)
        RecordKey.objects.bulk_create(self._record_keys)
        words.store(self._documents)
        tiles.store_full(old_size=self._old_size, new_size=self._frontier.size)
        self._sign()

    def _keep(self, event: Event, *, seq: int, at: datetime, place: sealing.Place, sealed: sealing.Sealed) -> None:
        bucket_key = self._keys.make_bucket_key(place.bucket)
        wrapped = sealing.wrap_record_key(sealed.record_key, bucket_key=bucket_key, place=place)
        self._record_keys.append(RecordKey(seq=seq, bucket=place.bucket, wrapped=wrapped))
        entry = Entry(seq=seq, stream_id=place.stream, n=place.n, kind=event.kind, at=at, bucket=place.bucket)
        entry.ciphertext = sealed.ciphertext
        self._entries.append(entry)

    def _note_words(self, event: Event, *, seq: int, stream: Stream, at: datetime) -> None:
        text = event.words()
        if not text:
            return
        self._documents.append(
            Document(
                seq=seq,
                stream_id=stream.id,
                kind=event.kind,
                at=at,
                actor_id=words.searchable(event.actor.id),
                actor_name=words.searchable(event.actor.name),
                text=words.searchable(text),
            )
        )

    def _sign(self) -> None:
        root, size = self._frontier.root(), self._frontier.size
        statement = checkpoint.Statement(origin=self._origin, size=size, root=root)
        note = checkpoint.sign(statement, key=self._keys.log_key)
        Checkpoint.objects.bulk_create([Checkpoint(size=size, root=root, note=note, at=self._entries[-1].at)])
        Head.objects.filter(id=Head.ONLY).update(size=size, frontier=self._frontier.to_bytes())

    def _load_streams(self, names: Sequence[str]) -> dict[str, Stream]:
        ids = {name: self._keys.stream_id(name, origin=self._origin) for name in names}
        known = Stream.objects.in_bulk(list(ids.values()))
        return {
            name: known.get(stream_id) or Stream(id=stream_id, name=name, n=0, last_hash=b"")
            for name, stream_id in ids.items()
        }


def _leaf(
    event: Event, *, seq: int, at: datetime, place: sealing.Place, prev: bytes, sealed: sealing.Sealed
) -> LeafBytes:
    return LeafBytes(
        at=format_time(at),
        bucket=place.bucket,
        commitments=sealed.commitments,
        ciphertext_digest=hashlib.sha256(sealed.ciphertext).hexdigest(),
        kind=event.kind,
        n=place.n,
        prev=prev.hex(),
        seq=seq,
        stream=place.stream,
    )


def _recorded_time(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise ValueError("An event's time must be aware, so that it can be recorded in UTC.")
    return parse_time(format_time(at.astimezone(UTC)))
