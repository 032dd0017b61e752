"""Copies of our checkpoints in a folder of another system: one file each, which is never written again.

It must not make the folder: where a mount is missing, a folder of our own would look like the other system.
"""

import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog
from django.conf import settings

from archive import checkpoint, ledger
from archive.checkpoint import BadCheckpoint
from archive.evidence import sources

log = structlog.get_logger(__name__)
COPY = "copy"
FILE_MODE = 0o444
_PREFIX = "checkpoint-"
_STAMP_PREFIX = "stamp-"
_DIGITS = 19  # so that names sort as sizes do


@dataclass(frozen=True)
class Copy:
    """The newest copy. `at` is when the file was written."""

    size: int
    at: datetime
    note: str


def copy_checkpoint(*, at: datetime) -> bool:
    """Copy the latest checkpoint if there is anything new; return whether it was. Safe to call again.

    The newest copy is held against the record first: a record that was put back or rewritten is not copied over it.
    """
    folder: Path | None = settings.ONRECORD_COPY_DIR
    if folder is None or ledger.is_empty():
        return False
    try:
        last = newest_copy(folder)
        problem = contradiction(last)
        is_due = not problem and _has_news(last)
        if is_due:
            latest = ledger.latest_checkpoint()
            _write(folder / f"{_PREFIX}{latest.size:0{_DIGITS}}", latest.note.encode())
    except (OSError, ValueError) as error:
        is_due, problem = False, f"{folder} cannot be used: {error}."
    if problem:
        sources.note_problem(COPY, kind=COPY, at=at, problem=problem)
    else:
        sources.note_success(COPY, kind=COPY, at=at)
    return is_due


def copy_stamp(*, size: int, note: str, reply: bytes) -> None:
    """Put a stamp beside the copy of the checkpoint that it stamps; a failure is shown by the next copy."""
    folder: Path | None = settings.ONRECORD_COPY_DIR
    if folder is None:
        return
    try:
        write_stamp(folder, size=size, note=note, reply=reply)
    except OSError:
        log.exception("stamp_not_copied", size=size)


def write_stamp(folder: Path, *, size: int, note: str, reply: bytes) -> int:
    """Write a stamp and the checkpoint that it stamps as `openssl ts` reads them, each unless it is there already.

    Return how many files were written. Raises OSError.
    """
    files = {f"{_PREFIX}{size:0{_DIGITS}}": note.encode(), f"{_STAMP_PREFIX}{size:0{_DIGITS}}.tsr": reply}
    missing = {name: data for name, data in files.items() if not (folder / name).exists()}
    for name, data in missing.items():
        _write(folder / name, data)
    return len(missing)


def newest_copy(folder: Path) -> Copy | None:
    """Return the copy of the largest checkpoint. Raises OSError, or BadCheckpoint for a file that is none."""
    names = sorted(name for name in os.listdir(folder) if name.startswith(_PREFIX))
    if not names:
        return None
    path = folder / names[-1]
    note = path.read_text(encoding="utf-8")
    at = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
    return Copy(size=checkpoint.parse(note).size, at=at, note=note)


def contradiction(last: Copy | None) -> str:
    """Return in a sentence how the newest copy contradicts the record, "" where it does not."""
    if last is None:
        return ""
    try:
        statement = checkpoint.verify(last.note, verifier_key=ledger.verifier_key())
    except BadCheckpoint as error:
        return f"The newest copy is not of this record: {error}."
    size = ledger.latest_checkpoint().size
    if statement.size > size:
        return f"The newest copy is of {statement.size} entries, we have {size}: the record was put back."
    if ledger.Prover(statement.size).root() != statement.root:
        return f"The newest copy, of {statement.size} entries, contradicts the record."
    return ""


def _has_news(last: Copy | None) -> bool:
    return sources.has_news(since_size=last.size if last else 0, size=ledger.latest_checkpoint().size)


def _write(path: Path, data: bytes) -> None:
    # The name appears with the whole file behind it; a copy that is there already is left alone.
    # Two workers may copy at once: each has a draft of its own.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)
