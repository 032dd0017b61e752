"""Files on their way in: sealed as they come, on the disk as ciphertext only, under their name once they are whole.

Danger: the key is in memory alone until the caller keeps it. A process that is killed leaves a draft that nobody can
open; the sweep removes it.
"""

import contextlib
import hashlib
import os
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from archive.blobs.format import KEY_BYTES, Sealer
from archive.blobs.opening import BlobReader
from archive.blobs.store import BlobStore, require_kept
from archive.blobs.trouble import NotKept

DRAFTS = "drafts"
FOLDER_MODE, FILE_MODE = 0o700, 0o600


@dataclass(frozen=True)
class Blob:
    """A sealed file: where it is, what opens it, and what it is in the clear (`size_bytes`, `sha256`)."""

    digest: str
    size_bytes: int
    sha256: str
    key: bytes = field(repr=False)


class Draft:
    """One file on its way in; leaving the block without keep() leaves nothing behind."""

    def __init__(self, folder: Path) -> None:
        self._key = secrets.token_bytes(KEY_BYTES)
        self._sealer = Sealer(self._key)
        self._plain, self._sealed = hashlib.sha256(), hashlib.sha256()
        self.size_bytes = 0
        self._path = folder / DRAFTS / secrets.token_hex(16)
        try:
            self._path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            self._file = open(  # noqa: SIM115 (closed by finish() and __exit__)
                os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE), "w+b"
            )
        except OSError as error:
            raise NotKept(f"no draft can be written: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        # A file that did not fit on the disk complains again as it is closed.
        try:
            self._file.close()
        except OSError:
            pass
        finally:
            self._path.unlink(missing_ok=True)

    def write(self, plain: bytes) -> None:
        """Add bytes of the file. Raises NotKept where the disk takes no more."""
        self._plain.update(plain)
        self.size_bytes += len(plain)
        self._write(self._sealer.update(plain))

    def finish(self) -> Blob:
        """Seal the end and return what the file has become; nothing can be added any more."""
        self._write(self._sealer.finish())
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise NotKept(f"the draft was not kept: {error.strerror}") from error
        return Blob(
            digest=self._sealed.hexdigest(),
            size_bytes=self.size_bytes,
            sha256=self._plain.hexdigest(),
            key=self._key,
        )

    def reader(self) -> BlobReader:
        """Return the finished draft in the clear, a piece at a time, for a look at what it is."""
        return BlobReader(self._read, key=self._key, size_bytes=self.size_bytes)

    def keep(self, blob: Blob, *, store: BlobStore) -> None:
        """Bring the finished draft into the store and read it back. Raises NotKept."""
        store.put(self._path, digest=blob.digest)
        require_kept(store, blob.digest)

    def _read(self, start: int, length: int) -> bytes:
        return os.pread(self._file.fileno(), length, start)

    def _write(self, sealed: bytes) -> None:
        self._sealed.update(sealed)
        try:
            self._file.write(sealed)
        except OSError as error:
            raise NotKept(f"the draft was not kept: {error.strerror}") from error


def remove_old_drafts(folder: Path, *, older_than_s: float) -> int:
    """Remove what killed processes left; return how many files that were."""
    limit, removed = time.time() - older_than_s, 0
    for path in (folder / DRAFTS).glob("*"):
        with contextlib.suppress(FileNotFoundError):  # it came to its end meanwhile
            if path.stat().st_mtime < limit:
                path.unlink()
                removed += 1
    return removed
