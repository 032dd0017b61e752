"""Blobs as files of a folder: linked into place whole, read-only, synced before anybody is told that they are kept."""

import os
from pathlib import Path

from archive.blobs.trouble import BlobMissing, NotKept

FILE_MODE = 0o400
FOLDER_MODE = 0o700


class FolderStore:
    """A blob is `<first two digits>/<digest>`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, draft: Path, *, digest: str) -> None:
        path = self._path(digest)
        try:
            path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            draft.chmod(FILE_MODE)
            _sync(draft)
            _link_unless_present(draft, path)
            _sync(path.parent)
            _sync(self._folder)  # also where the folder was there: another process may have made it just now
        except OSError as error:
            raise NotKept(f"blob {digest} was not kept: {error.strerror}") from error

    def size(self, digest: str) -> int:
        try:
            return self._path(digest).stat().st_size
        except FileNotFoundError as error:
            raise BlobMissing(f"blob {digest} is missing") from error
        except OSError as error:
            raise NotKept(f"blob {digest} cannot be read: {error.strerror}") from error

    def read(self, digest: str, *, start: int, length: int) -> bytes:
        try:
            with self._path(digest).open("rb") as file:
                file.seek(start)
                return file.read(length)
        except FileNotFoundError as error:
            raise BlobMissing(f"blob {digest} is missing") from error
        except OSError as error:
            raise NotKept(f"blob {digest} cannot be read: {error.strerror}") from error

    def remove(self, digest: str) -> None:
        path = self._path(digest)
        try:
            path.unlink(missing_ok=True)
            if path.parent.is_dir():
                _sync(path.parent)
        except OSError as error:
            raise NotKept(f"blob {digest} was not removed: {error.strerror}") from error

    def _path(self, digest: str) -> Path:
        # Digests come out of rows and entries that somebody may have changed: they must not lead elsewhere.
        if len(digest) != 64 or not digest.isascii() or not digest.isalnum():
            raise BlobMissing("there is no blob of that name")
        return self._folder / digest[:2] / digest


def _link_unless_present(draft: Path, path: Path) -> None:
    # The name never shows a file that is not whole. What is there already has the same bytes: its name says so.
    try:
        os.link(draft, path)
    except FileExistsError:
        return


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
