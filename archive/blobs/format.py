"""The form of a blob: a file sealed in chunks, so that it is never whole in memory (docs/record-format.md, Blobs).

Pure: no Django, no files. A key seals one blob only: the nonces count from zero.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CHUNK_BYTES = 65_536
TAG_BYTES = 16
SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES
KEY_BYTES = 32
_AAD = b"onrecord-blob-1"


class BlobDamaged(ValueError):
    """The blob is not what was sealed under this key: changed, cut, put together anew, or of another key."""


class Sealer:
    """Seals a file as it comes. Holds at most one chunk and what was just handed in."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._rest = bytearray()
        self._index = 0

    def update(self, plain: bytes) -> bytes:
        """Return the chunks that are complete. The last one stays here, because finish() marks it."""
        self._rest += plain
        sealed = bytearray()
        while len(self._rest) > CHUNK_BYTES:
            sealed += self._seal(bytes(self._rest[:CHUNK_BYTES]), is_last=False)
            del self._rest[:CHUNK_BYTES]
        return bytes(sealed)

    def finish(self) -> bytes:
        """Return the last chunk; it may be empty when the file is."""
        return self._seal(bytes(self._rest), is_last=True)

    def _seal(self, chunk: bytes, *, is_last: bool) -> bytes:
        sealed = self._cipher.encrypt(_nonce(self._index, is_last=is_last), chunk, _AAD)
        self._index += 1
        return sealed


class Opener:
    """Opens chunks of one blob, in any order."""

    def __init__(self, key: bytes, *, size_bytes: int) -> None:
        self._cipher = AESGCM(key)
        self._last = count_chunks(size_bytes) - 1

    def open(self, sealed: bytes, *, index: int) -> bytes:
        """Return the plain bytes of chunks that stand side by side, from number `index` on. Raises BlobDamaged."""
        pieces = []
        for start in range(0, len(sealed), SEALED_CHUNK_BYTES):
            pieces.append(self._open(sealed[start : start + SEALED_CHUNK_BYTES], index=index))
            index += 1
        return b"".join(pieces)

    def _open(self, sealed: bytes, *, index: int) -> bytes:
        try:
            return self._cipher.decrypt(_nonce(index, is_last=index == self._last), sealed, _AAD)
        except InvalidTag as error:
            raise BlobDamaged(f"chunk {index} is not what was sealed") from error


def count_chunks(size_bytes: int) -> int:
    """Return how many chunks a file of this size has; an empty file has one."""
    return max(1, -(-size_bytes // CHUNK_BYTES))


def sealed_size(size_bytes: int) -> int:
    """Return the size of the blob of a file of this size."""
    return size_bytes + TAG_BYTES * count_chunks(size_bytes)


def _nonce(index: int, *, is_last: bool) -> bytes:
    return index.to_bytes(11, "big") + (b"\x01" if is_last else b"\x00")
