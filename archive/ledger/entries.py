"""The making of an entry: an event at its place becomes leaf, sealed content, wrapped key and search words.

It must not write to the database; the one thing that it may create is the key of a bucket, for its first entry.
"""

import hashlib
from datetime import UTC, datetime
from typing import NamedTuple

from archive import canonical, merkle, sealing
from archive.canonical import Json
from archive.events import Event
from archive.keys import KeyDestroyed, KeyMissing, KeyStore
from archive.leaf import of_allowed_size
from archive.ledger import storing, words
from archive.models import RecordKey
from archive.tables import Row

COLUMNS = ("seq", "stream_id", "n", "kind", "at", "bucket", "ciphertext")
_WITHOUT_ZONE = len("2026-11-21T16:00:00.000")


class Receipt(NamedTuple):
    """Where an event stands in the record. `stream` is its name, `at` its time cut to milliseconds, as recorded."""

    seq: int
    stream: str
    n: int
    leaf_hash: bytes
    at: datetime


class End(NamedTuple):
    """The last item of a stream: its number and leaf hash, 0 and b"" before the first."""

    id: str
    name: str
    n: int = 0
    last: bytes = b""


class Made(NamedTuple):
    """An entry ready to be stored: rows in the order of their tables' columns."""

    receipt: Receipt
    leaf: Row
    entry: Row
    record_key: Row
    document: Row | None
    size_bytes: int


class Maker:
    """Makes the entries of one transaction: it holds the record's name and the keys that they need."""

    def __init__(self, *, origin: str, keys: KeyStore) -> None:
        self._origin = origin
        self._keys = keys
        self._wrappers: dict[str, tuple[str, sealing.Wrapper]] = {}  # by bucket; nothing else destroys keys meanwhile

    def make(self, event: Event, *, seq: int, end: End, fresh: sealing.Fresh) -> Made:
        """Make the entry that follows `end` in its stream and stands at `seq` in the record.

        Raises NotCanonical, LeafTooLarge, KeyMissing, ValueError (a time without a zone).
        """
        content, at = event.content(), _recorded_time(event.at)
        written_at = at.isoformat(timespec="milliseconds")[:_WITHOUT_ZONE] + "Z"
        stored_at = storing.as_written_time(at, written=written_at)
        place = sealing.Place(self._origin, end.id, end.n + 1, f"{event.retention}/{written_at[:10]}")
        sealed = sealing.seal_content(content, place=place, fresh=fresh)
        data = _leaf(event, seq=seq, at=written_at, place=place, prev=end.last.hex(), sealed=sealed)
        receipt = Receipt(seq, event.stream, place.n, merkle.leaf_hash(data), at)
        key_name, wrapper = self._wrappers.get(place.bucket) or self._open(place.bucket)
        return Made(
            receipt,
            leaf=(seq, data, receipt.leaf_hash),
            entry=(seq, end.id, place.n, event.kind, stored_at, place.bucket, sealed.ciphertext),
            record_key=(seq, key_name, wrapper.wrap(fresh, place=place)),
            document=words.row(event, seq=seq, stream=end.id, at=stored_at, content=content),
            size_bytes=len(data) + 2 * len(sealed.ciphertext),
        )

    def _open(self, bucket: str) -> tuple[str, sealing.Wrapper]:
        key_name, key = _wrapping_key(self._keys, bucket)
        self._wrappers[bucket] = key_name, sealing.Wrapper(key)
        return self._wrappers[bucket]


def _leaf(event: Event, *, seq: int, at: str, place: sealing.Place, prev: str, sealed: sealing.Sealed) -> bytes:
    members: dict[str, Json] = {
        "at": at,
        "bucket": place.bucket,
        "c": sealed.commitments,
        "ct": hashlib.sha256(sealed.ciphertext).hexdigest(),
        "kind": event.kind,
        "n": place.n,
        "prev": prev,
        "seq": seq,
        "stream": place.stream,
        "v": 1,
    }
    # Not looked at again: all of it is ours, and the names of the fields were looked at with the content.
    return of_allowed_size(canonical.encode_again(members))


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
    at, beyond = at.astimezone(UTC), at.microsecond % 1000
    return at.replace(microsecond=at.microsecond - beyond) if beyond else at
