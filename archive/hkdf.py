"""HKDF and HMAC (RFC 5869, RFC 2104) over SHA-256, for keys of 32 bytes, as an entry of the record needs them.

An entry takes about thirty of these hashes. OpenSSL looks its algorithm up at every call of hmac.digest, which costs
more than the hashing, so they are made of plain SHA-256 here; tests hold them against the library's. Pure arithmetic:
it must not know what a key is for, nor keep one.
"""

import hashlib

BLOCK_SIZE_BYTES = 64  # of SHA-256
KEY_SIZE_BYTES = 32
INNER = bytes(byte ^ 0x36 for byte in range(256))  # tables for bytes.translate
OUTER = bytes(byte ^ 0x5C for byte in range(256))
REST_INNER = bytes(BLOCK_SIZE_BYTES - KEY_SIZE_BYTES).translate(INNER)  # the block behind a key of 32 bytes
REST_OUTER = bytes(BLOCK_SIZE_BYTES - KEY_SIZE_BYTES).translate(OUTER)
_sha256 = hashlib.sha256

Pads = tuple[bytes, bytes]  # a key of HMAC, as its two hashes begin


def pads(key: bytes) -> Pads:
    block = key.ljust(BLOCK_SIZE_BYTES, b"\x00")
    return block.translate(INNER), block.translate(OUTER)


def hmac(key: Pads, message: bytes) -> bytes:
    inner, outer = key
    return _sha256(outer + _sha256(inner + message).digest()).digest()


def extract(secret: bytes) -> Pads:
    """Return HKDF's pseudorandom key of a secret without a salt, ready for expand()."""
    return pads(hmac(_NO_SALT, secret))


def expand(root: Pads, *, info: bytes) -> bytes:
    """Return the 32 bytes that HKDF makes of the key for `info`."""
    return hmac(root, info + b"\x01")


def infos(labels: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Return what expand() hashes for each of these labels, for who writes the hashes out."""
    return tuple(label + b"\x01" for label in labels)


_NO_SALT = pads(bytes(KEY_SIZE_BYTES))
