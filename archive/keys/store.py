"""The key store: the log's signing key, the key of stream ids and the keys that wrap record keys, each in a file.

A wrapping key is named as the bucket that it was made for (`7y/2026-11-21`), as a later key of that bucket
(`7y/2026-11-21.0a1b2c3d`) or as the key of a hold (`hold/3`, `hold/3.0a1b2c3d`). A name that was destroyed stays so.
It must not create what an existing record should already have: only create_keystore() makes the log's own keys.
Keys are kept in memory once opened, because every entry needs three of them. Each file names the KEK that opens it; new
keys go under the KEK that the log's key is under, so a rotation takes effect in every process at once.
"""

import contextlib
import hashlib
import hmac
import os
import re
import secrets
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from archive import checkpoint
from archive.keys.custody import Custody, KeyRing, custody_of_settings
from archive.keys.files import KeyDestroyed, KeyMissing, create_key_file, make_folder, read_key_file
from archive.keys.wrapping import split
from archive.sealing import KEY_SIZE_BYTES

__all__ = ["KeyMissing", "KeyStore", "create_keystore", "open_keystore"]

_NAME = re.compile(r"([0-9a-z]{1,12}/\d{4}-\d\d-\d\d|hold/[1-9]\d{0,8})(\.[0-9a-f]{8})?", re.ASCII)
OWN_KEYS = ("streams", "log")
STAGED = "staged"  # folder of the files that a rotation has written
SWITCHED = "switched"  # stands in it from the moment at which they are valid
DESTROYED = (
    "destroyed"  # lists the names of destroyed keys, one a line; it only grows, so its size says whether to look
)


class KeyStore:
    """The opened keys of one record. Its repr names the folder only."""

    def __init__(self, folder: Path, *, ring: KeyRing) -> None:
        self.folder = folder
        self._ring = ring
        self._bucket_keys: dict[str, bytes] = {}
        self._later: dict[str, str] = {}
        self._destroyed: frozenset[str] = frozenset()
        self._destroyed_size = 0
        self._destroyed_path = str(folder / DESTROYED)
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

    def bucket_key(self, name: str) -> bytes:
        """Return a wrapping key. Raises KeyDestroyed for one that a disposal destroyed, KeyMissing for what never was.

        A key that another process destroyed is forgotten here with the next key that is asked for, whichever it is.
        """
        self._forget_destroyed(name)
        known = self._bucket_keys.get(name)
        if known is None:
            known = self._bucket_keys[name] = self._open(bucket_path(self.folder, name), context=name.encode())
        return known

    def make_bucket_key(self, name: str) -> bytes:
        """Return a wrapping key for what is about to be wrapped; make it where it is the first under its name.

        Called under the head's lock, which a rotation holds too: the KEK that is current now stays so until the commit.
        """
        path = bucket_path(self.folder, name)
        self._forget_destroyed(name)
        if name not in self._bucket_keys and not path.exists():
            key = secrets.token_bytes(KEY_SIZE_BYTES)
            create_key_file(path, self._ring.wrap(key, kek=current_kek(self.folder), context=name.encode()))
        return self.bucket_key(name)

    def wrapping_key(self, name: str) -> tuple[str, bytes]:
        """Return name and key to wrap with: the one of this name, or a later one where that is destroyed already.

        Called under the head's lock, as make_bucket_key().
        """
        try:
            return name, self.make_bucket_key(name)
        except KeyDestroyed:
            later = self._later.get(name, "")
            if not later or later in self._destroyed:
                later = self._later[name] = later_name(name)
            return later, self.make_bucket_key(later)

    def _forget_destroyed(self, name: str) -> None:
        size = _size_bytes(self._destroyed_path)
        if size != self._destroyed_size:
            self._destroyed = destroyed_names(self.folder)
            self._destroyed_size = size
            for gone in self._destroyed:
                self._bucket_keys.pop(gone, None)
        if name in self._destroyed:
            raise KeyDestroyed(f"The key {name} was destroyed by a disposal.")

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


def bucket_path(folder: Path, name: str) -> Path:
    """Return the file of a wrapping key. Raises KeyMissing for what is no name of one.

    Names also come from database rows that somebody may have changed: they must not lead to other files.
    """
    if not _NAME.fullmatch(name):
        raise KeyMissing("There is no key for a bucket of that name.")
    return folder / "buckets" / name.replace("/", "_")


def bucket_names(folder: Path) -> list[str]:
    """Return the names of the wrapping keys that have a file; what somebody else put there is none."""
    names = (path.name.replace("_", "/", 1) for path in (folder / "buckets").glob("[!.]*"))
    return sorted(name for name in names if _NAME.fullmatch(name))


def later_name(name: str) -> str:
    """Return a new name for a key that takes the place of the named one."""
    return f"{name.partition('.')[0]}.{secrets.token_hex(4)}"


def destroyed_names(folder: Path) -> frozenset[str]:
    path = folder / DESTROYED
    return frozenset(read_key_file(path).decode("ascii").split()) if path.exists() else frozenset()


def _size_bytes(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


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


def confirm_files(folder: Path) -> None:
    """Raise KeyMissing where the log's key or the file of its KEK is not there. Opens neither, and asks no token."""
    ring_of(folder, custody=custody_of_settings()).protection(current_kek(folder))


def ring_of(folder: Path, *, custody: Custody) -> KeyRing:
    return KeyRing(custody.adapters(folder))
