"""HKDF and HMAC (RFC 5869, RFC 2104) over SHA-256, for keys of 32 bytes, as an entry of the record needs them.

An entry takes about thirty of these hashes. OpenSSL looks its algorithm up at every call of hmac.digest, which costs
more than the hashing, so they are made of plain SHA-256 here; tests hold them against the library's. Pure arithmetic:
it must not know what a key is for, nor keep one.
"""

import hashlib
from collections.abc import Iterable

KEY_SIZE_BYTES = 32
_BLOCK_SIZE_BYTES = 64  # of SHA-256
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
_REST_OF_BLOCK = bytes(_BLOCK_SIZE_BYTES - KEY_SIZE_BYTES)
_sha256 = hashlib.sha256

Begun = tuple["hashlib._Hash", "hashlib._Hash"]  # the two hashes of an HMAC, each with the key's block in it


def begin(key: bytes) -> Begun:
    """Return the HMAC of a key of 32 bytes before any message."""
    block = key + _REST_OF_BLOCK
    return _sha256(block.translate(_INNER)), _sha256(block.translate(_OUTER))


def hmac(begun: Begun, message: bytes) -> bytes:
    inner, outer = begun[0].copy(), begun[1].copy()
    inner.update(message)
    outer.update(inner.digest())
    return outer.digest()


def extract(secret: bytes) -> Begun:
    """Return HKDF's pseudorandom key of a secret without a salt, ready for expand()."""
    return begin(hmac(_NO_SALT, secret))


def expand(root: Begun, *, info: bytes) -> bytes:
    """Return the 32 bytes that HKDF makes of the key for `info`."""
    return hmac(root, expansion(info))


def expansion(info: bytes) -> bytes:
    """Return what expand() hashes for `info`: for who keeps it."""
    return info + b"\x01"


def macs(root: Begun, *, expansions: Iterable[bytes], messages: Iterable[bytes]) -> list[str]:
    """Return the HMAC (hex) of each message, under the key that expand() gives for the info beside it.

    expand(), begin() and hmac() written out: half of the cost of an entry is here.
    """
    inner, outer = root
    found = []
    for info, message in zip(expansions, messages, strict=True):
        first, second = inner.copy(), outer.copy()
        first.update(info)
        second.update(first.digest())
        key = second.digest() + _REST_OF_BLOCK
        digest = _sha256(key.translate(_INNER) + message).digest()
        found.append(_sha256(key.translate(_OUTER) + digest).hexdigest())
    return found


_NO_SALT = begin(bytes(KEY_SIZE_BYTES))
