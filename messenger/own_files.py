"""Folders and files of the embedded mode that only this account may read: words and sessions stand there in the clear.

It makes them closed, and closes what this account owns and others could read. It must not touch what belongs to
somebody else, nor the mode of a folder that the firm chose, and knows no settings.
"""

import os
import stat
from pathlib import Path
from typing import Final

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
OTHERS: Final = 0o077
BESIDE: Final = ("", "-wal", "-shm", "-journal")  # SQLite gives new ones the mode of the database


def private_folder(path: Path) -> Path:
    """Return the folder, made where it is missing, closed to other accounts."""
    path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    _close(path, mode=FOLDER_MODE)
    return path


def private_database(name: str) -> None:
    """Make the file of a SQLite database where it is missing, and close it and those beside it to other accounts.

    An empty file is an empty database. A folder that is there keeps its mode: it may hold what is not ours.
    """
    if name == ":memory:":
        return
    path = Path(name)
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT, FILE_MODE))
    for tail in BESIDE:
        _close(path.with_name(path.name + tail), mode=FILE_MODE)


def _close(path: Path, *, mode: int) -> None:
    try:
        found = path.stat()
        if found.st_uid == os.geteuid() and found.st_mode & OTHERS:
            path.chmod(mode & stat.S_IMODE(found.st_mode))
    except FileNotFoundError:  # another process has just closed the database, and these files went with it
        return
