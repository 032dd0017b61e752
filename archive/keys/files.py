"""Key files: written once, whole or not at all, on the disk before anybody uses them.

It must not change or delete a file that exists, and it must not say what is inside one.
"""

import os
import secrets
from pathlib import Path

FOLDER_MODE = 0o700
FILE_MODE = 0o600


class KeyMissing(Exception):
    """A key that is needed is not in the key store, or does not open; the message names the file, never its content."""


def make_folder(folder: Path) -> None:
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    folder.chmod(FOLDER_MODE)


def read_key_file(path: Path) -> bytes:
    """Return the file's bytes. Raises KeyMissing."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise KeyMissing(f"The key file {path} cannot be read: {error.strerror}.") from error


def create_key_file(path: Path, content: bytes) -> bytes:
    """Write a new key file and return its bytes; where another process was first, return that one's bytes.

    The file appears complete (it is linked into place) and is synced before this returns, folder included.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write_synced(draft, content)
        _link_unless_present(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return read_key_file(path)


def _write_synced(path: Path, content: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _link_unless_present(draft: Path, path: Path) -> None:
    # link() fails if the name exists, like O_EXCL, but the name never shows a half-written file.
    try:
        os.link(draft, path)
    except FileExistsError:
        return


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
