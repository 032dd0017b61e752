"""Empties the database after tests that commit.

The record refuses DELETE and TRUNCATE, also in tests. So the record is emptied by the tests' own master key
(tests/archive/record_reset.py), and the other tables by Django. Must never be imported by the product.
"""

from django.core.management.color import no_style
from django.db import connection
from django.test import TransactionTestCase

from tests.archive.record_reset import reset_record

# Rows of these come from migrations, not from tests.
KEPT_TABLES = frozenset({"django_content_type", "auth_permission"})


def empty_database() -> None:
    """Leave the database as the migrations made it."""
    reset_record(connection)
    every = connection.introspection.django_table_names(only_existing=True, include_views=False)
    tables = sorted(name for name in every if name not in KEPT_TABLES and not name.startswith("archive_"))
    statements = connection.ops.sql_flush(no_style(), tables, reset_sequences=True, allow_cascade=False)
    connection.ops.execute_sql_flush(statements)


def _fixture_teardown(self: TransactionTestCase) -> None:
    empty_database()


TransactionTestCase._fixture_teardown = _fixture_teardown  # type: ignore[attr-defined]  # Django has no public hook
