"""The one place where rows of the record are changed or deleted: record keys, and the search rows beside them.

Danger: a record key that is deleted here, and whose wrapping key is destroyed after, is gone for ever. Whoever calls
this holds the head's lock, has decided (archive.retention, archive.holds) and has recorded it in the same transaction.
It must not touch leaves, entries or checkpoints: those stay, whatever is destroyed.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog
from django.db import connection
from psycopg.errors import Diagnostic

from archive import sealing
from archive.fences import acting_as_purger
from archive.ledger import words
from archive.ledger.head import keystore, lock_head
from archive.ledger.opening import place_of, record_keys
from archive.models import Entry, RecordKey

log = structlog.get_logger(__name__)
AT_ONCE = 500  # numbers in one statement
TABLES = ("archive_recordkey", "archive_document")


@contextmanager
def purging() -> Iterator[None]:
    """Let the block change what only a purge may change: all of it runs inside here, in the open transaction."""
    lock_head()
    yield


def rewrap(seqs: Sequence[int], *, name: str) -> str:
    """Wrap the record keys of entries with the key of that name, made where it is not there yet.

    Return the name it has: a later one where that one is destroyed. Raises KeyMissing, NotOpened.
    """
    with purging():
        used, bucket_key = keystore().wrapping_key(name)
        for some in portions_of(seqs):
            entries = list(Entry.objects.filter(seq__in=some))
            keys = record_keys(entries)
            wrapped = {
                entry.seq: sealing.wrap_record_key(keys[entry.seq], bucket_key=bucket_key, place=place_of(entry))
                for entry in entries
                if entry.seq in keys
            }
            rows = [(used, key, seq) for seq, key in wrapped.items()]
            with acting_as_purger(), connection.cursor() as cursor:
                cursor.executemany("UPDATE archive_recordkey SET bucket = %s, wrapped = %s WHERE seq = %s", rows)
        return used


def delete(seqs: Sequence[int]) -> None:
    """Delete the record keys and the search rows of entries."""
    with purging(), acting_as_purger():
        for some in portions_of(seqs):
            words.erase(some)
            RecordKey.objects.filter(seq__in=some).delete()


def portions_of(seqs: Sequence[int]) -> Iterator[Sequence[int]]:
    """Yield the numbers in pieces that fit into one statement."""
    for start in range(0, len(seqs), AT_ONCE):
        yield seqs[start : start + AT_ONCE]


def scrub(tables: Sequence[str] = ()) -> bool:
    """Clear what deleted and changed rows leave behind, of these tables too; say whether that came to its end.

    SQLite zeroes what is deleted (secure_delete); its full-text index is merged and its log of writes emptied.
    PostgreSQL gives the space free for reuse, if we own the tables; docs/trust.md says what that leaves.
    Call it outside of a transaction.
    """
    if connection.vendor == "sqlite":
        words.merge_index()
        return _empty_sqlite_log()
    return _vacuum(f"VACUUM {_names(tables)}")


def rewrite(tables: Sequence[str] = ()) -> bool:
    """Write these tables and those of the record that disposals change into new files; say whether that was done.

    Nobody else can use a table meanwhile. What PostgreSQL's log of writes still has of the old ones goes as it is
    recycled. Call it outside of a transaction.
    """
    if connection.vendor == "sqlite":
        words.merge_index()
        with connection.cursor() as cursor:
            cursor.execute("VACUUM")
        return _empty_sqlite_log()
    return _vacuum(f"VACUUM FULL {_names(tables)}")


def _vacuum(statement: str) -> bool:
    """Run it; say whether PostgreSQL did it. A table that belongs to others it skips, with no more than a warning."""
    warnings: list[str] = []

    def note(notice: Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            warnings.append(notice.message_primary or "")

    with connection.cursor() as cursor:
        driver = connection.connection
        driver.add_notice_handler(note)
        try:
            cursor.execute(statement)
        finally:
            driver.remove_notice_handler(note)
    if warnings:
        log.warning("not_vacuumed", why=warnings[0], tables=len(warnings))
    return not warnings


def _names(tables: Sequence[str]) -> str:
    return ", ".join(connection.ops.quote_name(table) for table in (*TABLES, *tables))


def _empty_sqlite_log() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        is_busy = cursor.fetchone()[0]
    return not is_busy
