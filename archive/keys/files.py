"""Key files: written whole or not at all, and on the disk before anybody uses them.

Danger: a key file that is replaced or destroyed is the only copy here. Only rotation does that, and only with what it
has read back under the new key first, and disposal, once its entry is committed. Nothing here says what a file holds.
"""

import os
import secrets
from pathlib import Path

FOLDER_MODE = 0o700
FILE_MODE = 0o600
_DRAFT_BYTES = 8  # of chance in the name of a draft


class KeyMissing(Exception):
    """A key that is needed is not in the key store, or does not open; the message names the file, never its content."""


class KeyDestroyed(KeyMissing):
    """The key was destroyed on purpose, by a disposal; nothing under its name opens any more, whoever kept it."""


def make_folder(folder: Path) -> None:
    """Make a folder, if there is none, that only we can read; its name is on the disk when this returns."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    folder.chmod(FOLDER_MODE)
    for path in missing:
        sync_folder(path.parent)


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
    draft = _new_draft(path)
    try:
        _write_synced(draft, content)
        _link_unless_present(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)
    return read_key_file(path)


def create_key_files(contents: dict[Path, bytes]) -> None:
    """Write many new key files into folders that nobody reads yet; each one and the folders are synced."""
    for path, content in contents.items():
        _write_synced(path, content)
    for folder in {path.parent for path in contents}:
        sync_folder(folder)


def replace_key_file(path: Path, content: bytes) -> None:
    """Put new content in a key file's place: at every moment the old or the new one is there, whole."""
    draft = _new_draft(path)
    try:
        _write_synced(draft, content)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def destroy_key_file(path: Path) -> None:
    """Overwrite a key file and remove it; nothing happens where it is gone already.

    On disks and file systems that write elsewhere (flash, copy on write) the old bytes may stay until they are reused.
    """
    try:
        with open(path, "r+b") as file:
            file.write(bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
    except FileNotFoundError:
        return
    sync_folder(path.parent)


def drafts_of(path: Path) -> list[Path]:
    """Return what killed processes left of this key file, and of no other: a draft may be a key itself, linked already.

    `7y_2026-11-21.0a1b2c3d` is another key than `7y_2026-11-21`.
    """
    start, digits = f".{path.name}.", 2 * _DRAFT_BYTES
    return [draft for draft in path.parent.glob(f"{start}*") if len(draft.name) == len(start) + digits]


def _new_draft(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(_DRAFT_BYTES)}")


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


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
