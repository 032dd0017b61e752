"""The making of an entry: an event at its place becomes leaf, sealed content, wrapped key and search words.

It must not write to the database; the one thing that it may create is the key of a bucket, for its first entry.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from archive import merkle, sealing
from archive.events import Event
from archive.keys import KeyDestroyed, KeyMissing, KeyStore
from archive.leaf import Leaf as LeafBytes
from archive.leaf import format_time, parse_time
from archive.ledger import storing, words
from archive.models import RecordKey


@dataclass(frozen=True)
class Receipt:
    """Where an event stands in the record. `stream` is its name, `at` its time cut to milliseconds, as recorded."""

    seq: int
    stream: str
    n: int
    leaf_hash: bytes
    at: datetime


@dataclass(frozen=True)
class End:
    """The last item of a stream: its number and leaf hash, 0 and b"" before the first."""

    id: str
    name: str
    n: int = 0
    last: bytes = b""


@dataclass(frozen=True)
class Made:
    """An entry ready to be stored: rows in the order of their tables' columns."""

    receipt: Receipt
    leaf: storing.Row
    entry: storing.Row
    record_key: storing.Row
    document: storing.Row | None
    size_bytes: int


def make(event: Event, *, seq: int, end: End, origin: str, keys: KeyStore) -> Made:
    """Make the entry that follows `end` in its stream and stands at `seq` in the record.

    Raises NotCanonical, LeafTooLarge, KeyMissing, ValueError (a time without a zone).
    """
    content, at = event.content(), _recorded_time(event.at)
    place = sealing.Place(origin, end.id, end.n + 1, f"{event.retention}/{at.date().isoformat()}")
    sealed = sealing.seal_content(content, place=place)
    data = _leaf(event, seq=seq, at=at, place=place, prev=end.last.hex(), sealed=sealed).encode()
    receipt = Receipt(seq=seq, stream=event.stream, n=place.n, leaf_hash=merkle.leaf_hash(data), at=at)
    name, bucket_key = _wrapping_key(keys, place.bucket)
    wrapped = sealing.wrap_record_key(sealed.record_key, bucket_key=bucket_key, place=place)
    return Made(
        receipt=receipt,
        leaf=(seq, data, receipt.leaf_hash),
        entry=(seq, end.id, place.n, event.kind, storing.as_time(at), place.bucket, sealed.ciphertext),
        record_key=(seq, name, wrapped),
        document=words.row(event, seq=seq, stream=end.id, at=at, content=content),
        size_bytes=len(data) + 2 * len(sealed.ciphertext),
    )


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


def _wrapping_key(keys: KeyStore, bucket: str) -> tuple[str, bytes]:
    """Return name and key of what wraps record keys of a bucket: the bucket's own, made for its first entry only.

    A second key of that name would split it: on a server with a key folder of its own, or after a file was lost.
    """
    try:
        return bucket, keys.bucket_key(bucket)
    except KeyDestroyed:
        return keys.wrapping_key(bucket)
    except KeyMissing:
        if RecordKey.objects.filter(bucket=bucket).exists():
            raise
        return bucket, keys.make_bucket_key(bucket)


def _recorded_time(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise ValueError("An event's time must be aware, so that it can be recorded in UTC.")
    return parse_time(format_time(at.astimezone(UTC)))
