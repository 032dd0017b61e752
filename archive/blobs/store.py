"""Where blobs are kept: the one interface of folder and S3, and the choice between them by the settings.

A store sees ciphertext and digests only. It is trusted for being there, not for honesty: whoever reads a blob opens it
with its key, which shows every change.
"""

import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings

from archive.blobs.folder import FolderStore
from archive.blobs.s3 import Bucket, S3Store
from archive.blobs.trouble import BlobMissing, NotKept

__all__ = ["BlobMissing", "BlobStore", "NotKept", "open_store", "require_kept"]

WINDOW_BYTES = 1 << 20
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


class BlobStore(Protocol):
    """A blob's name is the SHA-256 (hex) of its bytes."""

    def put(self, draft: Path, *, digest: str) -> None:
        """Keep the draft's bytes; on return they survive a power cut. Raises NotKept."""
        ...

    def size(self, digest: str) -> int:
        """Return how many bytes the blob has. Raises BlobMissing, NotKept where the store does not answer."""
        ...

    def read(self, digest: str, *, start: int, length: int) -> bytes:
        """Return bytes of the blob, fewer only at its end. Raises as size() does."""
        ...

    def remove(self, digest: str) -> None:
        """Remove a blob; nothing happens where it is gone already. Raises NotKept."""
        ...


def open_store() -> BlobStore:
    """Return the store that the settings name."""
    address: str = settings.ONRECORD_BLOB_STORE
    return _s3_store(address) if address else FolderStore(settings.ONRECORD_BLOB_DIR)


def require_kept(store: BlobStore, digest: str) -> None:
    """Read a blob back as a whole; raises BlobMissing or NotKept unless its bytes are those of its name."""
    if not _DIGEST.fullmatch(digest):
        raise BlobMissing("there is no blob of that name")
    found, start, size = hashlib.sha256(), 0, store.size(digest)
    while start < size:
        piece = store.read(digest, start=start, length=WINDOW_BYTES)
        if not piece:
            break
        found.update(piece)
        start += len(piece)
    if found.hexdigest() != digest:
        raise NotKept(f"what is kept as blob {digest} is something else")


@lru_cache(maxsize=4)
def _s3_store(address: str) -> S3Store:
    """Return the store of `s3://bucket/prefix?region=…&endpoint=…`."""
    parts = urlsplit(address)
    options = dict(parse_qsl(parts.query))
    prefix = parts.path.strip("/")
    return S3Store(
        Bucket(
            name=parts.netloc,
            prefix=f"{prefix}/" if prefix else "",
            endpoint=options.get("endpoint", ""),
            region=options.get("region", ""),
        )
    )
