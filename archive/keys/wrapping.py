"""Wrapping of keys under the firm's key-encryption key (KEK): the one interface that an HSM or KMS has to offer.

It must not know which keys it wraps nor where they are kept. The file adapter keeps the KEK in memory, unseen.
"""

from pathlib import Path
from typing import Protocol

from archive import sealing
from archive.keys.files import KeyMissing, read_key_file


class Wrapper(Protocol):
    """An adapter to the KEK. `context` names the key's use: what was wrapped for one use opens for no other."""

    def wrap(self, key: bytes, *, context: bytes) -> bytes: ...

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        """Return the key. Raises KeyMissing where the KEK does not open it."""
        ...


class FileWrapper:
    """The KEK is a file of 32 random bytes, readable by the server's account only."""

    def __init__(self, path: Path) -> None:
        self._kek = read_key_file(path)
        if len(self._kek) != sealing.KEY_SIZE_BYTES:
            raise KeyMissing(f"The key-encryption key {path} is damaged: it must have {sealing.KEY_SIZE_BYTES} bytes.")

    def wrap(self, key: bytes, *, context: bytes) -> bytes:
        return sealing.encrypt(key, key=self._kek, aad=b"kek\n" + context)

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        try:
            return sealing.decrypt(wrapped, key=self._kek, aad=b"kek\n" + context)
        except sealing.NotOpened as error:
            raise KeyMissing("The key-encryption key does not open the key that was asked for.") from error
