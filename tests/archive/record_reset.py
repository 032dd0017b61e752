"""Empties the record between tests that commit. Test code only: the product has no way to do this.

It takes the fences down, empties the tables and puts the fences up again as they were, on both databases.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from archive.fences import fences_lifted
from archive.ledger.keeping import keeper

FENCED_TABLES = (
    "archive_leaf",
    "archive_entry",
    "archive_checkpoint",
    "archive_tile",
    "archive_witnessed",
    "archive_stamped",
    "archive_mailed",
)
# On PostgreSQL the chat's rows have a fence too: none without its entry.
ROWS_WITH_ENTRIES = ("messenger_message", "messenger_streamevent")
# In an order that foreign keys allow.
RECORD_TABLES = (
    "archive_document",
    "archive_entry",
    "archive_stream",
    "archive_leaf",
    "archive_recordkey",
    "archive_tile",
    "archive_checkpoint",
    "archive_witnessed",
    "archive_stamped",
    "archive_mailed",
    "archive_segment",
    "archive_evidencesource",
    "archive_blob",
    "archive_head",
)


def reset_record(connection: BaseDatabaseWrapper) -> None:
    """Leave a database that holds no entry, with its fences up."""
    with transaction.atomic(using=connection.alias), fences_down(connection), connection.cursor() as cursor:
        for table in RECORD_TABLES:
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608 (a name from above)
        if connection.vendor == "sqlite":
            cursor.execute("INSERT INTO archive_document_words(archive_document_words) VALUES ('delete-all')")
    keeper.flush()  # or it would tell of the commits of this test later
    settings.ONRECORD_GUARD.unlink(missing_ok=True)  # it would see a database that was put back


@contextmanager
def fences_down(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Let the block change insert-only tables, as an attacker with the rights of the database's owner could."""
    if connection.vendor == "postgresql":
        down, up = _postgres_switches(connection)
    else:
        down, up = _sqlite_switches(connection)
    with fences_lifted(connection):
        _run(connection, down)
        yield
        _run(connection, up)


def _postgres_switches(connection: BaseDatabaseWrapper) -> tuple[list[str], list[str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger "
            "WHERE NOT tgisinternal AND tgrelid::regclass::text = ANY(%s)",
            [[*FENCED_TABLES, *ROWS_WITH_ENTRIES]],
        )
        triggers = cursor.fetchall()
    disable = [f"ALTER TABLE {table} DISABLE TRIGGER {name}" for table, name in triggers]
    enable = [f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}" for table, name in triggers]
    # A table cannot be altered while checks of foreign keys wait for the end of the transaction.
    return ["SET CONSTRAINTS ALL IMMEDIATE", *disable], [*enable, "SET CONSTRAINTS ALL DEFERRED"]


def _sqlite_switches(connection: BaseDatabaseWrapper) -> tuple[list[str], list[str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = [(name, sql) for name, table, sql in cursor.fetchall() if table in FENCED_TABLES]
    return [f"DROP TRIGGER {name}" for name, _ in triggers], [sql for _, sql in triggers]


def _run(connection: BaseDatabaseWrapper, statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, None)
