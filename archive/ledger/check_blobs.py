"""The check of the files that entries name: each is read as a whole and opened with the key in its entry.

It takes the leaves as they are (the check of the record judges them) and says nothing of entries that cannot be opened.
It must not repair, and must not stop at the first fault.
"""

from collections.abc import Callable, Iterator

from django.db import connection

from archive import blobs
from archive.canonical import NotCanonical
from archive.events import Attachment, BadAttachment, attachments_of
from archive.keys import KeyMissing
from archive.ledger.errors import EntryNotFound
from archive.ledger.findings import Problem
from archive.ledger.reading import open_entry
from archive.models import Blob, Leaf
from archive.sealing import NotOpened

PAGE = 10_000  # leaves in one statement
_MARK = b'"att.0":"'  # in the leaf of every entry that names a file, and of no other

Progress = Callable[[int, int], None]


def check_blobs(*, on_progress: Progress | None = None) -> list[Problem]:
    """Return what is wrong with the files of the record, by entry. `on_progress(done, total)` counts entries."""
    problems, size = [], _end()
    for first in range(0, size, PAGE):
        end = min(first + PAGE, size)
        for seq in _with_files(first, end):
            problems += [Problem(seq, what) for what in _faults(seq)]
        if on_progress:
            on_progress(end, size)
    return problems


def _with_files(first: int, end: int) -> list[int]:
    found = "instr(data, %s)" if connection.vendor == "sqlite" else "position(%s::bytea in data)"
    statement = f"SELECT seq FROM archive_leaf WHERE seq >= %s AND seq < %s AND {found} > 0 ORDER BY seq"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, [first, end, _MARK])
        return [seq for (seq,) in cursor.fetchall()]


def _faults(seq: int) -> Iterator[str]:
    try:
        files = attachments_of(open_entry(seq).content)
    except (EntryNotFound, KeyMissing, NotOpened, NotCanonical):
        return
    except BadAttachment as error:
        yield f"A file that it names is not described as it should be: {error}."
        return
    for place, file in enumerate(files):
        if what := _fault(file, seq=seq):
            yield f"Its file {place} {what}."


def _fault(file: Attachment, *, seq: int) -> str:
    try:
        key = bytes.fromhex(file.key)
        blobs.require_sealed(blobs.open_store(), file.blob, key=key, size_bytes=file.size_bytes, sha256=file.sha256)
    except blobs.BlobMissing:
        return f"is missing (blob {file.blob})"
    except blobs.BlobDamaged as error:
        return f"was changed (blob {file.blob}): {error}"
    except blobs.NotKept as error:
        return f"cannot be read: {error}"
    # A row that does not name the entry would let the sweep take the file for one that nobody wants.
    is_noted = Blob.objects.filter(digest=file.blob, seq=seq, doomed_at=None).exists()
    return "" if is_noted else f"is not noted as the record's own (blob {file.blob})"


def _end() -> int:
    last: int | None = Leaf.objects.order_by("-seq").values_list("seq", flat=True).first()
    return 0 if last is None else last + 1
