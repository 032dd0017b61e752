"""Files on their way into the record: sealed and kept before an entry names them, swept when none ever does.

Principle: a blob is known here before it is in the store, and it goes only once it is marked, in a transaction of its
own, as named by no entry or by one that was disposed of. What is not known here is never removed.
Worst case of a mistake: a file of the record is gone. `record check` reads every blob that an entry names.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import Q

from archive import blobs, ledger, sealing
from archive.blobs import Blob as SealedBlob
from archive.blobs import BlobDamaged, BlobMissing, Draft, NotKept
from archive.blobs.format import sealed_size
from archive.events import Attachment
from archive.keys import KeyMissing
from archive.keys.destroying import destroy_wrapping_keys
from archive.keys.store import bucket_names
from archive.ledger.head import keystore
from archive.models import Blob
from archive.spans import Span

__all__ = ["LIFETIME", "BlobDamaged", "BlobMissing", "Draft", "KeptKey", "NotClaimed", "NotKept"]

LIFETIME = timedelta(hours=24)  # of a file that nobody has posted yet
_MARGIN = timedelta(hours=1)  # between the last moment at which it may be posted and its removal
_CLASS = "upload"

log = structlog.get_logger(__name__)


class NotClaimed(Exception):
    """A file is not waiting any more: another entry names it, or it was given up."""


@dataclass(frozen=True)
class KeptKey:
    """The key of a waiting file, wrapped under the key of its day, which is destroyed when the day's files are gone."""

    bucket: str
    wrapped: bytes = field(repr=False)


# --- in --------------------------------------------------------------------------------------------------------------
def open_draft() -> Draft:
    """Return an empty file to write to; raises NotKept where the disk takes nothing."""
    return Draft(settings.ONRECORD_BLOB_DIR)


def keep(draft: Draft, blob: SealedBlob, *, at: datetime) -> None:
    """Bring a finished file into the store; on return it is durable and was read back. Raises NotKept."""
    Blob.objects.create(digest=blob.digest, size_bytes=sealed_size(blob.size_bytes), at=at)
    draft.keep(blob, store=blobs.open_store())


def wrap_key(key: bytes, *, upload: UUID, at: datetime) -> KeptKey:
    """Return the key as it may wait in the database. Raises KeyMissing."""
    bucket = f"{_CLASS}/{at.date().isoformat()}"
    return KeptKey(bucket, sealing.encrypt(key, key=_day_key(bucket), aad=_aad(bucket, upload)))


def unwrap_key(kept: KeptKey, *, upload: UUID) -> bytes:
    """Return the key of a waiting file. Raises KeyMissing, NotOpened."""
    return sealing.decrypt(kept.wrapped, key=keystore().bucket_key(kept.bucket), aad=_aad(kept.bucket, upload))


def is_kept(digest: str, *, size_bytes: int) -> bool:
    """Say whether the blob of a file of this size is in the store. Raises NotKept where the store does not answer."""
    try:
        return blobs.open_store().size(digest) == sealed_size(size_bytes)
    except BlobMissing:
        return False


def claim(files: Sequence[Attachment], *, seq: int) -> None:
    """Note that an entry names these files, in its transaction. Raises NotClaimed unless each was waiting."""
    digests = {file.blob for file in files}
    waiting = Blob.objects.filter(digest__in=digests, seq=None, doomed_at=None)
    if digests and waiting.update(seq=seq) != len(digests):
        raise NotClaimed


# --- out -------------------------------------------------------------------------------------------------------------
def read(file: Attachment, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Yield a file in the clear, in pieces. Raises BlobMissing, BlobDamaged, NotKept."""
    key = bytes.fromhex(file.key)
    return blobs.read_blob(blobs.open_store(), file.blob, key=key, size_bytes=file.size_bytes, start=start, end=end)


# --- away ------------------------------------------------------------------------------------------------------------
def give_up(digests: Collection[str], *, at: datetime) -> None:
    """Mark waiting files as wanted by nobody; the sweep removes them."""
    Blob.objects.filter(digest__in=digests, seq=None, doomed_at=None).update(doomed_at=at)


def dispose_of(entries: Sequence[Span]) -> None:
    """Remove the files of entries that were disposed of; their keys went with the entries. For `archive.retention`.

    What a store keeps in spite of us is tried again by the sweep; nobody can open it.
    """
    for first, last in entries:
        Blob.objects.filter(seq__range=(first, last), doomed_at=None).update(doomed_at=datetime.now(UTC))
    for digest in _doomed():
        _try_remove(digest)


def sweep(*, at: datetime) -> int:
    """Remove what nobody wants: marked files, files that were never posted, drafts, keys of days that are over.

    Returns how many blobs went. A database that was put back removes nothing: raises BehindGuard.
    """
    with ledger.transaction():
        Blob.objects.filter(seq=None, doomed_at=None, at__lt=at - LIFETIME - _MARGIN).update(doomed_at=at)
    removed = sum(_try_remove(digest) for digest in _doomed())
    blobs.remove_old_drafts(settings.ONRECORD_BLOB_DIR, older_than_s=LIFETIME.total_seconds())
    _destroy_day_keys(at=at)
    return removed


def _doomed() -> list[str]:
    return list(Blob.objects.filter(~Q(doomed_at=None)).order_by("doomed_at").values_list("digest", flat=True)[:1000])


def _try_remove(digest: str) -> bool:
    try:
        blobs.open_store().remove(digest)
    except (NotKept, BlobMissing):  # a store that is away, or a bucket that keeps it: the next sweep tries again
        log.exception("blob_not_removed", digest=digest)
        return False
    Blob.objects.filter(~Q(doomed_at=None), digest=digest).delete()
    return True


def _destroy_day_keys(*, at: datetime) -> None:
    """Destroy the keys of days whose files cannot wait any more. Copies in free pages of the database die with them."""
    last = (at - LIFETIME - 2 * _MARGIN).date()
    over = [name for name in bucket_names(settings.ONRECORD_KEY_DIR) if _is_of_uploads_before(name, last)]
    if over:
        with ledger.transaction():
            destroy_wrapping_keys(settings.ONRECORD_KEY_DIR, over)


def _is_of_uploads_before(name: str, last: date) -> bool:
    kind, _, day = name.partition("/")
    return kind == _CLASS and date.fromisoformat(day[:10]) < last


def _day_key(bucket: str) -> bytes:
    keys = keystore()
    try:
        return keys.bucket_key(bucket)
    except KeyMissing:
        with ledger.transaction():  # a rotation waits meanwhile
            return keys.make_bucket_key(bucket)


def _aad(bucket: str, upload: UUID) -> bytes:
    return f"upload\n{bucket}\n{upload}".encode()
