"""Sealed files beside the record: kept as ciphertext under their own digest, in a folder or in S3.

Danger: a blob is readable by its key alone, and nothing here knows who may read it. The key goes into the sealed
content of the entry that names the blob, and nowhere else. Nothing here decides when a blob may go.
"""

from archive.blobs.drafts import Blob, Draft, remove_old_drafts
from archive.blobs.format import BlobDamaged
from archive.blobs.opening import BlobReader, open_blob, read_blob, require_sealed
from archive.blobs.store import BlobMissing, BlobStore, NotKept, open_store

__all__ = [
    "Blob",
    "BlobDamaged",
    "BlobMissing",
    "BlobReader",
    "BlobStore",
    "Draft",
    "NotKept",
    "open_blob",
    "open_store",
    "read_blob",
    "remove_old_drafts",
    "require_sealed",
]
