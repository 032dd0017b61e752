"""Segments in a folder: read-only files, synced, with the immutable bit where the file system and our rights allow it.

Honestly: this is a fence for mistakes ("enterprise" retention). Whoever administers the machine can take it away.
It must not make the folder: where a mount is missing, a folder of our own would look like it.
"""

import array
import contextlib
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from archive.worm.stores import BLOCK_BYTES, StoreAway, Stored, StoreRefused, digest_of

FILE_MODE = 0o444
DRAFTS_KEPT_S = 86_400.0  # those of killed processes; none is written for so long
# linux/fs.h: the flags of a file, and the one that lets nobody change, rename or remove it.
_GET_FLAGS, _SET_FLAGS, _IMMUTABLE = 0x80086601, 0x40086602, 0x10


@dataclass(frozen=True)
class FileStore:
    """A folder. With `immutable` false the bit is not tried."""

    folder: Path
    immutable: bool = True

    @property
    def label(self) -> str:
        return f"folder {self.folder} (enterprise: whoever administers the machine can change it)"

    def put_sealed(self, name: str, path: Path, *, digest: str) -> Stored:
        stored = self.put_tail(name, path, digest=digest)
        if self.immutable:
            set_immutable(self.folder / name, on=True)
        return stored

    def put_tail(self, name: str, path: Path, *, digest: str) -> Stored:
        try:
            self._remove_old_drafts()
            self._link(name, path)
        except OSError as error:
            raise StoreAway(f"{self.folder} cannot be written: {error.strerror}.") from error
        if digest_of(self.read(name)) != digest:
            raise StoreRefused(f"{self.folder} holds another file of the name {name}.")
        return Stored(name=name, version="", retained_until="")

    def remove_tail(self, name: str) -> None:
        try:
            (self.folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise StoreAway(f"{self.folder / name} cannot be removed: {error.strerror}.") from error

    def read(self, name: str, *, version: str = "") -> Iterator[bytes]:
        try:
            with (self.folder / name).open("rb") as file:
                yield from iter(lambda: file.read(BLOCK_BYTES), b"")
        except FileNotFoundError as error:
            raise StoreRefused(f"{self.folder} has no file {name}.") from error
        except OSError as error:
            raise StoreAway(f"{self.folder / name} cannot be read: {error.strerror}.") from error

    def names(self) -> list[str]:
        try:
            return sorted(name for name in os.listdir(self.folder) if not name.startswith("."))
        except OSError as error:
            raise StoreAway(f"{self.folder} cannot be read: {error.strerror}.") from error

    def shortcoming(self, name: str, *, version: str) -> str:
        try:
            mode = (self.folder / name).stat().st_mode & 0o777
        except OSError as error:
            return f"It cannot be looked at: {error.strerror}."
        return "" if mode == FILE_MODE else f"Its mode is {mode:o}, not {FILE_MODE:o}: somebody changed it."

    def _link(self, name: str, path: Path) -> None:
        # A name of its own: the draft of a process that was killed may be the sealed file itself, linked already.
        draft = self.folder / f".{name}.{secrets.token_hex(8)}"
        try:
            with path.open("rb") as source, draft.open("xb") as file:
                shutil.copyfileobj(source, file, BLOCK_BYTES)
                file.flush()
                os.fchmod(file.fileno(), FILE_MODE)
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(draft, self.folder / name)  # unlike a rename, this never replaces a file
        finally:
            draft.unlink(missing_ok=True)
        self._sync()

    def _remove_old_drafts(self) -> None:
        limit = time.time() - DRAFTS_KEPT_S
        for draft in self.folder.glob(".*.tar.*"):
            with contextlib.suppress(OSError):  # gone meanwhile, or immutable with the file that it became
                if draft.stat().st_mtime < limit:
                    draft.unlink()

    def _sync(self) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def set_immutable(path: Path, *, on: bool) -> bool:
    """Set or clear the immutable bit of a file; return whether that could be done."""
    flags = array.array("L", [0])
    try:
        with path.open("rb") as file:
            fcntl.ioctl(file, _GET_FLAGS, flags, True)  # noqa: FBT003 (as the library takes it)
            flags[0] = flags[0] | _IMMUTABLE if on else flags[0] & ~_IMMUTABLE
            fcntl.ioctl(file, _SET_FLAGS, flags)
    except OSError:
        return False
    return True
