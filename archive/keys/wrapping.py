"""What every keeper of the firm's key-encryption key (KEK) offers: the one interface of key file, HSM and KMS.

It must not know which keys are wrapped nor where they are kept. An adapter is one more file beside this one that passes
tests/archive/test_key_adapters.py, and one more line in custody.py.
"""

import re
from typing import Protocol

from archive.keys.files import KeyMissing

# A wrapped key says which KEK opens it: "file:kek", "pkcs11:0a1b2c3d4e5f6071".
_HEADER = re.compile(rb"onrecord-key-1 ([a-z0-9]{1,16}:[0-9A-Za-z._-]{1,64})\n", re.ASCII)
_WITHOUT_HEADER = "file:kek"  # as the first stores wrote them


class Wrapper(Protocol):
    """One KEK, opened. `context` names the key's use: what was wrapped for one use opens for no other."""

    def wrap(self, key: bytes, *, context: bytes) -> bytes: ...

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        """Return the key. Raises KeyMissing where the KEK does not open it."""
        ...


class Adapter(Protocol):
    """A place that keeps KEKs, each under a name that the adapter gives."""

    @property
    def name(self) -> str: ...

    def create(self) -> str:
        """Make a KEK that outlives a crash and return its name. Raises KeyMissing."""
        ...

    def open(self, kek: str) -> Wrapper:
        """Return the KEK of that name, to be used. Raises KeyMissing, in a sentence for the person who starts us."""
        ...

    def destroy(self, kek: str) -> None:
        """Destroy the KEK; nothing happens where it is gone already. Raises KeyMissing where it is out of reach."""
        ...

    def protection(self, kek: str) -> str:
        """Say in a few words what keeps a thief of the disk from using this KEK. Raises KeyMissing."""
        ...

    def shortcoming(self, kek: str) -> str:
        """Say in a sentence where this KEK is kept less well than the settings ask for; "" where it is not."""
        ...


def label(wrapped: bytes, *, kek: str) -> bytes:
    """Return the content of a key file: which KEK, then the wrapped key."""
    return f"onrecord-key-1 {kek}\n".encode() + wrapped


def split(content: bytes) -> tuple[str, bytes]:
    """Return the id of the KEK that a key file names, and the wrapped key."""
    header = _HEADER.match(content)
    if header is None:
        return _WITHOUT_HEADER, content
    return header[1].decode(), content[header.end() :]


def require_key(key: bytes, *, size_bytes: int) -> bytes:
    if len(key) != size_bytes:
        raise KeyMissing("A wrapped key does not have the size of a key: it is damaged.")
    return key
