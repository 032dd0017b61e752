"""Empties the database after tests that commit.

The record refuses DELETE and TRUNCATE, also in tests. So it is emptied by the tests' own master key
(tests/archive/record_reset.py), and the other tables by plain deletes. Must never be imported by the product.
"""

from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker

from archive import ledger
from tests.archive.record_reset import reset_record

# Rows of these come from migrations, not from tests.
KEPT_TABLES = frozenset({"django_content_type", "auth_permission"})


def empty_database() -> None:
    """Leave the database as the migrations made it."""
    every = connection.introspection.django_table_names(only_existing=True, include_views=False)
    tables = sorted(name for name in every if name not in KEPT_TABLES and not name.startswith("archive_"))
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Every row goes, so foreign keys need no order. DELETE, because TRUNCATE syncs a new file for each table.
            cursor.execute("SET LOCAL session_replication_role = replica")
        for table in tables:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")  # noqa: S608 (Django's own names)
    reset_record(connection)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """End the sessions that threads of the product still have, so that PostgreSQL lets the database be dropped."""
    yield
    if connection.vendor == "postgresql":
        connection.close()  # it may be in a transaction that has failed
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


def _fixture_teardown(self: TransactionTestCase) -> None:
    ledger.stop_writer()
    empty_database()


TransactionTestCase._fixture_teardown = _fixture_teardown  # type: ignore[attr-defined]  # Django has no public hook
