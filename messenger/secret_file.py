"""A secret made once and kept in a file: whole or not there, also when two processes start at once."""

import contextlib
import os
import tempfile
from pathlib import Path


def keep_secret(path: Path, *, fresh: str) -> str:
    """Return the secret in the file; a file that is missing is made with `fresh`, readable by its owner only.

    A crash in between leaves no empty file, and of two processes that start at once both return the same secret.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # mode 0600
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(fresh)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        os.unlink(draft)
    return path.read_text(encoding="utf-8").strip()
