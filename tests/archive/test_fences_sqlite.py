"""SQLite's authorizer: our own connections refuse what no part of the product does, also where no trigger looks."""

import sqlite3
import threading
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from archive import ledger
from archive.fences import fences_lifted
from archive.fences.tables import FENCED
from tests.archive.record_reset import FENCED_TABLES, fences_down
from tests.archive.samples import record, said

pytestmark = [pytest.mark.django_db, pytest.mark.backend("sqlite")]
REFUSED = "not authorized"


def run(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def triggers() -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        return dict(cursor.fetchall())


STATEMENTS = (
    "UPDATE archive_leaf SET hash = hash",
    "UPDATE Archive_LEAF SET hash = hash WHERE seq = 99",
    "DELETE FROM archive_entry",
    "DROP TABLE archive_checkpoint",
    "DROP TRIGGER archive_leaf_no_update",
    "DROP TRIGGER IF EXISTS ARCHIVE_LEAF_NO_DELETE",
    "CREATE TRIGGER swap BEFORE INSERT ON archive_leaf BEGIN SELECT 1; END",
    "CREATE TEMPORARY TRIGGER swap AFTER INSERT ON archive_leaf BEGIN SELECT 1; END",
    "ALTER TABLE archive_entry RENAME TO archive_old",
    "ALTER TABLE archive_entry ADD COLUMN other text",
    "DROP INDEX archive_witnessed_by_nobody",
    "PRAGMA Writable_Schema = ON",
    "PRAGMA ignore_check_constraints(1)",
    "PRAGMA schema_version = 7",
    "ATTACH ':memory:' AS elsewhere",
)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_our_own_connection_refuses(statement: str) -> None:
    record(said("kept"))
    if "INDEX" in statement:
        with fences_lifted(connection):
            run("CREATE INDEX archive_witnessed_by_nobody ON archive_witnessed (size)")
    before = triggers()
    with pytest.raises(DatabaseError, match=REFUSED):
        run(statement)
    assert triggers() == before
    assert ledger.check().is_sound


def test_the_list_of_fenced_tables_is_that_of_the_triggers() -> None:
    assert {f"{table}_no_{what}" for table in FENCED for what in ("update", "delete", "replace")} <= set(triggers())
    assert set(FENCED) == set(FENCED_TABLES)


def test_what_the_product_does_is_not_in_the_way() -> None:
    record(*(said(f"message {i}") for i in range(300)))  # fills a tile
    assert ledger.check().is_sound
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        assert cursor.fetchone() == ("wal",)


def test_the_authorizer_is_back_after_migrations_and_in_every_thread() -> None:
    refused: list[str] = []

    def try_in_a_thread() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM archive_leaf WHERE seq = 99")
        except DatabaseError as error:
            refused.append(str(error))
        finally:
            connection.close()

    call_command("migrate", verbosity=0)
    with pytest.raises(DatabaseError, match=REFUSED):
        run("DELETE FROM archive_leaf WHERE seq = 99")
    thread = threading.Thread(target=try_in_a_thread)
    thread.start()
    thread.join()
    assert refused == [REFUSED]


@pytest.mark.django_db(transaction=True)
def test_room_is_made_by_vacuum() -> None:
    record(said("kept"))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
    assert ledger.check().is_sound


@pytest.mark.breaks_the_record
def test_control_without_authorizer_and_triggers_the_statement_passes() -> None:
    record(said("kept"))
    with fences_down(connection):
        run("DELETE FROM archive_leaf")
    assert not ledger.check().is_sound


def test_control_another_program_is_not_bound(tmp_path: Path) -> None:
    """Why the fence is no evidence."""
    with sqlite3.connect(tmp_path / "copied.sqlite3") as other:
        other.execute("CREATE TABLE archive_leaf (seq integer)")
        assert other.execute("DELETE FROM archive_leaf").rowcount == 0
