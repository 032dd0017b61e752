"""The key store: the log's signing key, the key of stream ids and one key per retention bucket, each wrapped in a file.

It must not create what an existing record should already have: only create_keystore() makes the log's own keys.
Keys are kept in memory once opened, because every entry needs three of them. Each file names the KEK that opens it; new
keys go under the KEK that the log's key is under, so a rotation takes effect in every process at once.
"""

import contextlib
import hashlib
import hmac
import re
import secrets
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from archive import checkpoint
from archive.keys.custody import Custody, KeyRing, custody_of_settings
from archive.keys.files import KeyMissing, create_key_file, make_folder, read_key_file
from archive.keys.wrapping import split
from archive.sealing import KEY_SIZE_BYTES

__all__ = ["KeyMissing", "KeyStore", "create_keystore", "open_keystore"]

_BUCKET = re.compile(r"[0-9a-z]{1,16}/\d{4}-\d\d-\d\d", re.ASCII)
OWN_KEYS = ("streams", "log")
STAGED = "staged"  # folder of the files that a rotation has written
SWITCHED = "switched"  # stands in it from the moment at which they are valid


class KeyStore:
    """The opened keys of one record. Its repr names the folder only."""

    def __init__(self, folder: Path, *, ring: KeyRing) -> None:
        self.folder = folder
        self._ring = ring
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
        """Return the key of a bucket for a new entry; make it where it is the bucket's first.

        Called under the head's lock, which a rotation holds too: the KEK that is current now stays so until the commit.
        """
        path = self._bucket_path(bucket)
        if bucket not in self._bucket_keys and not path.exists():
            key = secrets.token_bytes(KEY_SIZE_BYTES)
            create_key_file(path, self._ring.wrap(key, kek=current_kek(self.folder), context=bucket.encode()))
        return self.bucket_key(bucket)

    def _bucket_path(self, bucket: str) -> Path:
        # Bucket names also come from database rows that somebody may have changed: they must not name other files.
        if not _BUCKET.fullmatch(bucket):
            raise KeyMissing("There is no key for a bucket of that name.")
        return self.folder / "buckets" / bucket.replace("/", "_")

    def _open(self, path: Path, *, context: bytes) -> bytes:
        content = read_wrapped(self.folder, path)
        try:
            return self._ring.unwrap(content, context=context)
        except KeyMissing:
            # A rotation may have put a new file here, and destroyed the old KEK, since the file was read.
            again = read_wrapped(self.folder, path)
            if again == content:
                raise
            return self._ring.unwrap(again, context=context)


def read_wrapped(folder: Path, path: Path) -> bytes:
    """Return the content of a key file: the new one as soon as a rotation has switched, though it is not moved yet."""
    staged = folder / STAGED / path.relative_to(folder)
    if (folder / STAGED / SWITCHED).exists() and staged.exists():
        with contextlib.suppress(KeyMissing):  # moved into place just now
            return read_key_file(staged)
    return read_key_file(path)


def current_kek(folder: Path) -> str:
    """Return the id of the KEK that new keys go under: the one the log's own key is under. Raises KeyMissing."""
    return split(read_wrapped(folder, folder / "log"))[0]


def key_files(folder: Path) -> dict[Path, bytes]:
    """Return every wrapped key of a store with the context it is wrapped for."""
    buckets = sorted(path for path in (folder / "buckets").glob("*") if not path.name.startswith("."))
    contexts = {path: path.name.replace("_", "/", 1).encode() for path in buckets}
    return contexts | {folder / name: name.encode() for name in OWN_KEYS}


@lru_cache(maxsize=8)
def open_keystore(folder: Path) -> KeyStore:
    """Return the key store of a record that exists. Raises KeyMissing where a file is missing or does not open."""
    return KeyStore(folder, ring=ring_of(folder, custody=custody_of_settings()))


def create_keystore(folder: Path) -> KeyStore:
    """Make what a new record is missing and return the store; two processes that start at once get the same keys."""
    make_folder(folder)
    make_folder(folder / "buckets")
    ring = ring_of(folder, custody=custody_of_settings())
    missing = [name for name in OWN_KEYS if not (folder / name).exists()]
    if missing:
        kek = current_kek(folder) if "log" not in missing else ring.new_kek()
        for name in missing:
            key = secrets.token_bytes(KEY_SIZE_BYTES)
            create_key_file(folder / name, ring.wrap(key, kek=kek, context=name.encode()))
    return open_keystore(folder)


def confirm_protection(folder: Path) -> None:
    """Raise KeyMissing where a store does not open, or its KEK is kept less well than the settings ask for.

    For the start: who sets a passphrase must not go on believing that it protects something.
    """
    if not (folder / "log").exists():
        return
    open_keystore(folder)
    if reason := ring_of(folder, custody=custody_of_settings()).shortcoming(current_kek(folder)):
        raise KeyMissing(reason)


def ring_of(folder: Path, *, custody: Custody) -> KeyRing:
    return KeyRing(custody.adapters(folder))
