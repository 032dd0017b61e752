"""Reading a blob in the clear, a piece at a time, from any place in it. It must not keep more than one piece."""

import hashlib
import io
from collections.abc import Callable, Iterator

from archive.blobs.format import CHUNK_BYTES, SEALED_CHUNK_BYTES, BlobDamaged, Opener, sealed_size
from archive.blobs.store import BlobStore

CHUNKS_AT_ONCE = 16
_PIECE_BYTES = CHUNKS_AT_ONCE * CHUNK_BYTES
_SEALED_PIECE_BYTES = CHUNKS_AT_ONCE * SEALED_CHUNK_BYTES


class BlobReader(io.RawIOBase):
    """A file in the clear that can be read and sought in; `read_sealed(start, length)` gives bytes of the blob.

    Reading raises BlobDamaged where the blob is not what was sealed.
    """

    def __init__(self, read_sealed: Callable[[int, int], bytes], *, key: bytes, size_bytes: int) -> None:
        self._read_sealed = read_sealed
        self._opener = Opener(key, size_bytes=size_bytes)
        self._size = size_bytes
        self._place = 0
        self._piece_number, self._piece = -1, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # whatever has a buffer, says io
        number, within = divmod(self._place, _PIECE_BYTES)
        found = b"" if self._place >= self._size else self._open_piece(number)[within : within + len(view)]
        view[: len(found)] = found
        self._place += len(found)
        return len(found)

    def _open_piece(self, number: int) -> bytes:
        if number != self._piece_number:
            sealed = self._read_sealed(number * _SEALED_PIECE_BYTES, _SEALED_PIECE_BYTES)
            expected = min(_SEALED_PIECE_BYTES, sealed_size(self._size) - number * _SEALED_PIECE_BYTES)
            if len(sealed) != expected:
                raise BlobDamaged("the blob does not have the length of what was sealed")
            self._piece = self._opener.open(sealed, index=number * CHUNKS_AT_ONCE)
            self._piece_number = number
        return self._piece


def open_blob(store: BlobStore, digest: str, *, key: bytes, size_bytes: int) -> BlobReader:
    """Return a kept blob in the clear."""
    return BlobReader(
        lambda start, length: store.read(digest, start=start, length=length), key=key, size_bytes=size_bytes
    )


def read_blob(
    store: BlobStore, digest: str, *, key: bytes, size_bytes: int, start: int = 0, end: int | None = None
) -> Iterator[bytes]:
    """Yield the plain bytes from `start` up to, not with, `end` in pieces. Raises BlobMissing, BlobDamaged, NotKept."""
    reader = open_blob(store, digest, key=key, size_bytes=size_bytes)
    reader.seek(start)
    left = (size_bytes if end is None else end) - start
    while left > 0 and (piece := reader.read(min(left, _PIECE_BYTES))):
        yield piece
        left -= len(piece)


def require_sealed(store: BlobStore, digest: str, *, key: bytes, size_bytes: int, sha256: str) -> None:
    """Read a blob as a whole; raises BlobMissing, BlobDamaged or NotKept unless it is the file that was sealed."""
    if store.size(digest) != sealed_size(size_bytes):
        raise BlobDamaged("the blob does not have the length of what was sealed")
    sealed, plain, opener, index = hashlib.sha256(), hashlib.sha256(), Opener(key, size_bytes=size_bytes), 0
    while index * CHUNK_BYTES < max(size_bytes, 1):
        piece = store.read(digest, start=index * SEALED_CHUNK_BYTES, length=_SEALED_PIECE_BYTES)
        if not piece:
            raise BlobDamaged("the blob does not have the length of what was sealed")
        sealed.update(piece)
        plain.update(opener.open(piece, index=index))
        index += CHUNKS_AT_ONCE
    if (sealed.hexdigest(), plain.hexdigest()) != (digest, sha256):
        raise BlobDamaged("the blob is not the file that was sealed")
