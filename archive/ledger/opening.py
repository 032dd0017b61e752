"""Opening of sealed entries: from the row of a record key to the content. All readers of the record come through here.

It must not say why a key is gone: a disposal may have taken it, or somebody without a right to.
"""

from collections.abc import Sequence

from django.conf import settings

from archive import sealing
from archive.canonical import Json
from archive.keys import KeyMissing
from archive.ledger.head import keystore
from archive.models import Entry, RecordKey


def place_of(row: Entry) -> sealing.Place:
    return sealing.Place(origin=settings.ONRECORD_ORIGIN, stream=row.stream_id, n=row.n, bucket=row.bucket)


def record_keys(entries: Sequence[Entry]) -> dict[int, bytes]:
    """Return the record keys of entries by number, but for those whose rows are gone. Raises KeyMissing, NotOpened."""
    if not entries:
        return {}
    try:
        return _unwrap_all(entries)
    except KeyMissing:
        # A disposal may have put keys under another wrapping key, and destroyed theirs, since the rows were read.
        return _unwrap_all(entries)


def unwrap(row: RecordKey, *, place: sealing.Place) -> bytes:
    """Return the record key in a row. `row.bucket` names the key that wraps it, the place has the leaf's bucket."""
    bucket_key = keystore().bucket_key(row.bucket)
    return sealing.unwrap_record_key(bytes(row.wrapped), bucket_key=bucket_key, place=place)


def content_of(row: Entry, *, record_key: bytes) -> dict[str, Json]:
    """Return the content of an entry. Raises NotOpened, NotCanonical."""
    return sealing.unseal(bytes(row.ciphertext), record_key=record_key, place=place_of(row))


def _unwrap_all(entries: Sequence[Entry]) -> dict[int, bytes]:
    rows = RecordKey.objects.in_bulk([row.seq for row in entries])
    return {row.seq: unwrap(rows[row.seq], place=place_of(row)) for row in entries if row.seq in rows}
