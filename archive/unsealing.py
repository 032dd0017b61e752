"""Opening of many entries at the least cost: from a wrapped key and a ciphertext to the content and its commitments.

The same arithmetic as sealing.py, in one go and with nothing built in between; half of the cost of checking a record is
here. Pure: it must not read key files or databases, and no key may reach a log line, an exception or a repr.
"""

from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from archive import canonical, hkdf
from archive.canonical import Json, NotCanonical
from archive.sealing import NONCE_SIZE_BYTES, NotOpened, commitment_expansion


class Opener:
    """Opens the entries of a record whose keys are wrapped under one key. Its repr shows no key."""

    def __init__(self, wrapping_key: bytes, *, origin: str) -> None:
        self._cipher = AESGCM(wrapping_key)
        self._origin = origin

    def open(self, sealed: bytes, *, wrapped: bytes, bucket: str, stream: str, n: int) -> tuple[dict[str, Json], bytes]:
        """Return the content of an entry and its commitments, as they stand in the leaf: member `c`, canonical JSON.

        Raises NotOpened for another key or place, NotCanonical for what we would not have sealed.
        """
        plain, root = self._plain(sealed, wrapped=wrapped, bucket=bucket, place=f"{stream}\n{n}")
        content, values = canonical.parse_members(plain)
        return content, _commitments(tuple(content), values, root=root)

    def content(self, sealed: bytes, *, wrapped: bytes, bucket: str, stream: str, n: int) -> dict[str, Json]:
        """Return the content of an entry. Raises as open()."""
        plain, _ = self._plain(sealed, wrapped=wrapped, bucket=bucket, place=f"{stream}\n{n}")
        return canonical.parse_object(plain)

    def _plain(self, sealed: bytes, *, wrapped: bytes, bucket: str, place: str) -> tuple[bytes, hkdf.Begun]:
        try:
            record_key = self._cipher.decrypt(
                wrapped[:NONCE_SIZE_BYTES], wrapped[NONCE_SIZE_BYTES:], f"dek\n{bucket}\n{place}".encode()
            )
            root = hkdf.extract(record_key)
            plain = AESGCM(hkdf.expand(root, info=b"enc")).decrypt(
                sealed[:NONCE_SIZE_BYTES], sealed[NONCE_SIZE_BYTES:], f"{self._origin}\n{place}".encode()
            )
        except (InvalidTag, ValueError) as error:
            raise NotOpened("the key does not open what is sealed here") from error
        return plain, root


def _commitments(names: tuple[str, ...], values: list[bytes], *, root: hkdf.Begun) -> bytes:
    form, expansions = _shape(names)
    return (form % tuple(hkdf.macs(root, expansions=expansions, messages=values))).encode()


@lru_cache(maxsize=1024)
def _shape(names: tuple[str, ...]) -> tuple[str, tuple[bytes, ...]]:
    """Return the object of commitments of these fields, `%s` for each, and what HKDF hashes for their keys."""
    form = canonical.object_form(names, slot=b'"%s"')
    if form is None:
        raise NotCanonical("the fields are not in canonical order")
    return form.decode(), tuple(map(commitment_expansion, names))
