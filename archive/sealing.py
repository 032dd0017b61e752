"""Sealing of an entry's content: encryption, one commitment per field, and the wrapping of record keys.

Exactly the arithmetic of docs/record-format.md, section Content. Pure: it must not read key files or databases,
and no key may reach a log line, an exception or a repr from here.
"""

import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from archive import canonical, hkdf
from archive.canonical import Json

KEY_SIZE_BYTES = hkdf.KEY_SIZE_BYTES
NONCE_SIZE_BYTES = 12
_FRESH_SIZE_BYTES = KEY_SIZE_BYTES + 2 * NONCE_SIZE_BYTES


class NotOpened(ValueError):
    """The key does not open the ciphertext: one of the two is not what was sealed."""


class Place(NamedTuple):
    """Where sealed content belongs; it opens nowhere else. `stream` is the stream's id in the leaf."""

    origin: str
    stream: str
    n: int
    bucket: str

    def content_aad(self) -> bytes:
        return f"{self.origin}\n{self.stream}\n{self.n}".encode()

    def key_aad(self) -> bytes:
        return f"dek\n{self.bucket}\n{self.stream}\n{self.n}".encode()


class Sealed(NamedTuple):
    """What sealing gives: the ciphertext and the commitments to keep."""

    ciphertext: bytes
    commitments: dict[str, Json]


@dataclass(slots=True, repr=False)
class Fresh:
    """The random bytes of one entry. They seal once: a nonce that is used again gives content away."""

    record_key: bytes  # to be wrapped at once
    content_nonce: bytes
    wrapping_nonce: bytes


def draw_fresh(count: int) -> list[Fresh]:
    """Return the random bytes of so many entries, asked of the system at once.

    Use them up before anything else: what a process holds when it forks, both would seal with.
    """
    pool = os.urandom(count * _FRESH_SIZE_BYTES)
    return [_fresh(pool[start : start + _FRESH_SIZE_BYTES]) for start in range(0, len(pool), _FRESH_SIZE_BYTES)]


# rule: eu-gdpr-security
def seal_content(content: dict[str, Json], *, place: Place, fresh: Fresh) -> Sealed:
    """Seal named fields under a fresh record key. Raises NotCanonical for what is outside canonical JSON."""
    root = hkdf.extract(fresh.record_key)
    nonce = fresh.content_nonce
    sealed = AESGCM(_content_key(root)).encrypt(nonce, canonical.encode(content), place.content_aad())
    return Sealed(nonce + sealed, _commitments(content, root=root))


def unseal(ciphertext: bytes, *, record_key: bytes, place: Place) -> dict[str, Json]:
    """Return the content. Raises NotOpened for another key or place, NotCanonical for what we would not have sealed."""
    return _unseal(ciphertext, root=hkdf.extract(record_key), place=place)


def unseal_committed(ciphertext: bytes, *, record_key: bytes, place: Place) -> tuple[dict[str, Json], dict[str, Json]]:
    """Return the content and the commitments that it has. Raises as unseal()."""
    root = hkdf.extract(record_key)
    content = _unseal(ciphertext, root=root, place=place)
    return content, _commitments(content, root=root)


def wrap_record_key(record_key: bytes, *, bucket_key: bytes, place: Place) -> bytes:
    return encrypt(record_key, key=bucket_key, aad=place.key_aad())


class Wrapper:
    """Wraps record keys under one bucket key, made once for many entries. Its repr shows no key."""

    def __init__(self, bucket_key: bytes) -> None:
        self._cipher = AESGCM(bucket_key)

    def wrap(self, fresh: Fresh, *, place: Place) -> bytes:
        nonce = fresh.wrapping_nonce
        return nonce + self._cipher.encrypt(nonce, fresh.record_key, place.key_aad())


def unwrap_record_key(wrapped: bytes, *, bucket_key: bytes, place: Place) -> bytes:
    return decrypt(wrapped, key=bucket_key, aad=place.key_aad())


def commitment_key(record_key: bytes, *, field: str) -> bytes:
    """Return the key that opens one field to somebody; nothing about other fields follows from it."""
    return _commitment_key(hkdf.extract(record_key), field)


def commitment(value: Json, *, key: bytes) -> str:
    return hkdf.hmac(hkdf.begin(key), canonical.encode(value)).hex()


def commitments(content: dict[str, Json], *, record_key: bytes) -> dict[str, Json]:
    """Return one commitment for each field. Raises NotCanonical where the content is not canonical JSON."""
    root = hkdf.extract(record_key)
    return {field: commitment(value, key=_commitment_key(root, field)) for field, value in content.items()}


def commitment_keys(fields: Iterable[str], *, record_key: bytes) -> dict[str, bytes]:
    root = hkdf.extract(record_key)
    return {field: _commitment_key(root, field) for field in fields}


def encrypt(plain: bytes, *, key: bytes, aad: bytes) -> bytes:
    """Return nonce ‖ AES-256-GCM ciphertext."""
    nonce = secrets.token_bytes(NONCE_SIZE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, aad)


def decrypt(sealed: bytes, *, key: bytes, aad: bytes) -> bytes:
    """Return the plain bytes of nonce ‖ ciphertext. Raises NotOpened."""
    try:
        cipher = AESGCM(key)
    except ValueError as error:
        raise NotOpened("what should be a key has another length") from error
    return _decrypt(cipher, sealed, aad=aad)


def _fresh(data: bytes) -> Fresh:
    return Fresh(data[:KEY_SIZE_BYTES], data[KEY_SIZE_BYTES:-NONCE_SIZE_BYTES], data[-NONCE_SIZE_BYTES:])


def _decrypt(cipher: AESGCM, sealed: bytes, *, aad: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:NONCE_SIZE_BYTES], sealed[NONCE_SIZE_BYTES:], aad)
    except (InvalidTag, ValueError) as error:
        raise NotOpened("the key does not open what is sealed here") from error


def _unseal(ciphertext: bytes, *, root: hkdf.Begun, place: Place) -> dict[str, Json]:
    return canonical.parse_object(decrypt(ciphertext, key=_content_key(root), aad=place.content_aad()))


def _commitments(content: dict[str, Json], *, root: hkdf.Begun) -> dict[str, Json]:
    # Content that came through canonical.encode() or parse(): its values need no second look.
    values = map(canonical.encode_again, content.values())
    found = hkdf.macs(root, expansions=map(commitment_expansion, content), messages=values)
    return dict(zip(content, found, strict=True))


@cache
def commitment_expansion(field: str) -> bytes:
    """Return what HKDF hashes for the commitment key of a field."""
    return hkdf.expansion(_commitment_info(field))


def _commitment_info(field: str) -> bytes:
    return b"commit:" + field.encode()


def _content_key(root: hkdf.Begun) -> bytes:
    return hkdf.expand(root, info=b"enc")


def _commitment_key(root: hkdf.Begun, field: str) -> bytes:
    return hkdf.expand(root, info=_commitment_info(field))
