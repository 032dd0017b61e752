"""Secrets in files: one made once and kept, whole or not there; one that the firm gives by itself or by its file."""

import contextlib
import os
import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def keep_secret(path: Path, *, fresh: str) -> str:
    """Return the secret in the file; a file that is missing is made with `fresh`, readable by its owner only.

    A crash in between leaves no empty file, and of two processes that start at once both return the same secret.
    """
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # mode 0600
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(fresh)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        os.unlink(draft)
    return path.read_text(encoding="utf-8").strip()


def given_secret(value: str, path: str, *, name: str) -> str:
    """Return a secret given by itself or by the file that holds it (its first line; mode and place are the firm's).

    Raises ImproperlyConfigured with a sentence where both are given, or the file gives none.
    """
    if value and path:
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set: give one of them.")
    if not path:
        return value
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error}") from error
    if not lines or not lines[0]:
        raise ImproperlyConfigured(f"{name}_FILE is empty.")
    return lines[0]
