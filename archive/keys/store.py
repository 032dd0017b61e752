"""The key store: the log's signing key, the key of stream ids and one key per retention bucket, each wrapped in a file.

It must not create what an existing record should already have: only create_keystore() makes the log's own keys.
Keys are kept in memory once opened, because every entry needs three of them.
"""

import hashlib
import hmac
import re
import secrets
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from archive import checkpoint
from archive.keys.files import KeyMissing, create_key_file, make_folder, read_key_file
from archive.keys.wrapping import FileWrapper, Wrapper
from archive.sealing import KEY_SIZE_BYTES

__all__ = ["KeyMissing", "KeyStore", "create_keystore", "open_keystore"]

_BUCKET = re.compile(r"[0-9a-z]{1,16}/\d{4}-\d\d-\d\d", re.ASCII)


class KeyStore:
    """The opened keys of one record. Its repr names the folder only."""

    def __init__(self, folder: Path, *, wrapper: Wrapper) -> None:
        self.folder = folder
        self._wrapper = wrapper
        self._bucket_keys: dict[str, bytes] = {}
        self.log_key = Ed25519PrivateKey.from_private_bytes(self._open(folder / "log", context=b"log"))
        self._stream_key = self._open(folder / "streams", context=b"streams")

    def __repr__(self) -> str:
        return f"KeyStore({str(self.folder)!r})"

    def verifier_key(self, origin: str) -> str:
        return checkpoint.verifier_key(origin, public=checkpoint.public_bytes(self.log_key))

    def stream_id(self, name: str, *, origin: str) -> str:
        """Return the stream's id: random to everybody without this key, and the same each time for us.

        So a renamed stream is noticed, although names stand nowhere in the tree.
        """
        return hmac.digest(self._stream_key, f"{origin}\n{name}".encode(), hashlib.sha256).hex()[:32]

    def bucket_key(self, bucket: str) -> bytes:
        """Return the key of a bucket. Raises KeyMissing where there is none (never made, or destroyed)."""
        known = self._bucket_keys.get(bucket)
        if known is None:
            known = self._bucket_keys[bucket] = self._open(self._bucket_path(bucket), context=bucket.encode())
        return known

    def make_bucket_key(self, bucket: str) -> bytes:
        """Return the key of a bucket for a new entry; make it where it is the bucket's first."""
        path = self._bucket_path(bucket)
        if bucket not in self._bucket_keys and not path.exists():
            wrapped = self._wrapper.wrap(secrets.token_bytes(KEY_SIZE_BYTES), context=bucket.encode())
            create_key_file(path, wrapped)
        return self.bucket_key(bucket)

    def _bucket_path(self, bucket: str) -> Path:
        # Bucket names also come from database rows that somebody may have changed: they must not name other files.
        if not _BUCKET.fullmatch(bucket):
            raise KeyMissing("There is no key for a bucket of that name.")
        return self.folder / "buckets" / bucket.replace("/", "_")

    def _open(self, path: Path, *, context: bytes) -> bytes:
        key = self._wrapper.unwrap(read_key_file(path), context=context)
        if len(key) != KEY_SIZE_BYTES:
            raise KeyMissing(f"The key file {path} is damaged.")
        return key


@lru_cache(maxsize=8)
def open_keystore(folder: Path) -> KeyStore:
    """Return the key store of a record that exists. Raises KeyMissing where a file is missing or does not open."""
    return KeyStore(folder, wrapper=FileWrapper(folder / "kek"))


def create_keystore(folder: Path) -> KeyStore:
    """Make what a new record is missing and return the store; two processes that start at once get the same keys."""
    make_folder(folder)
    make_folder(folder / "buckets")
    if not (folder / "kek").exists():
        create_key_file(folder / "kek", secrets.token_bytes(KEY_SIZE_BYTES))
    wrapper = FileWrapper(folder / "kek")
    for name in ("log", "streams"):
        if not (folder / name).exists():
            create_key_file(folder / name, wrapper.wrap(secrets.token_bytes(KEY_SIZE_BYTES), context=name.encode()))
    return open_keystore(folder)
