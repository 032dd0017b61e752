"""The rollback guard's store: one file with the last checkpoint, outside the database (docs/decisions/0006).

It must never go back by itself: a smaller checkpoint does not replace a larger one. It is trusted for being apart from
the database, not for secrecy: the note in it is signed and says nothing about content.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archive import checkpoint
from archive.keys.files import sync_folder


class GuardUnreadable(Exception):
    """There is something where the guard is kept, but it is not a checkpoint that can be read."""


def read(path: Path) -> str:
    """Return the note that is kept, "" where none is. Raises GuardUnreadable."""
    try:
        note = path.read_text(encoding="utf-8")
        checkpoint.parse(note)
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:  # BadCheckpoint and undecodable bytes are ValueErrors
        raise GuardUnreadable(f"The guard {path} cannot be read: {error}.") from error
    return note


def advance(path: Path, *, note: str) -> None:
    """Keep the note unless a larger checkpoint is kept already; on the disk when this returns.

    Raises OSError where the file cannot be written, GuardUnreadable.
    """
    with _locked(path):
        kept = read(path)
        if not kept or checkpoint.parse(kept).size < checkpoint.parse(note).size:
            _write(path, note)


def replace(path: Path, *, expected: str, note: str) -> None:
    """Keep the note instead of the expected one, also if it is smaller; nothing happens if another one is kept."""
    with _locked(path):
        if read(path) == expected:
            _write(path, note)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    # A file of its own: the guard's file is replaced, and a lock on it would stay with the old one.
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(path.with_name(f"{path.name}.lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(path: Path, note: str) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with open(draft, "x", encoding="utf-8") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)
