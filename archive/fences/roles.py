"""PostgreSQL's fence: roles (deploy/postgres/roles.sql). The app adds to the record; only a purge takes keys away.

Where the roles do not exist, as in a small installation, nothing here does anything. It must not make roles: that is
for whoever runs the database.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from archive.fences.tables import FENCED, PURGED

OWNER, APP, PURGE, READER = "onrecord_owner", "onrecord_app", "onrecord_purge", "onrecord_reader"
# What `manage.py migrate` alone writes.
_OF_MIGRATIONS = "django_migrations"


def grant_rights(connection: BaseDatabaseWrapper) -> bool:
    """Give each role its rights on every table there is, where we are the owner; return whether that was done."""
    if connection.vendor != "postgresql" or not _is_owner(connection):
        return False
    tables = set(connection.introspection.table_names())
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(current_schema())")
        for statement in _statements(tables, schema=cursor.fetchone()[0]):
            cursor.execute(statement)
    return True


@contextmanager
def acting_as_purger() -> Iterator[None]:
    """Take the role that may change and delete record keys and search rows, and may do nothing else, in a transaction.

    Without that role, or on SQLite, the block runs as it is. When the block fails, its savepoint takes the role back.
    """
    before = _role_now() if connection.vendor == "postgresql" and _may_take(PURGE) else ""
    if not before:
        yield
        return
    with transaction.atomic():
        _take(PURGE)
        yield
        _take(before)


def _statements(tables: set[str], *, schema: str) -> Iterator[str]:
    yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {APP}"
    yield f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {APP}"
    yield f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {PURGE}, {READER}"
    yield f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {READER}"
    for table in sorted(tables.intersection(FENCED)):
        yield f"REVOKE UPDATE, DELETE ON {table} FROM {APP}"
    for table in sorted(tables.intersection(PURGED)):
        yield f"REVOKE UPDATE, DELETE ON {table} FROM {APP}"
        yield f"GRANT UPDATE, DELETE ON {table} TO {PURGE}"
    if "archive_head" in tables:  # to lock it
        yield f"GRANT UPDATE ON archive_head TO {PURGE}"
    if _OF_MIGRATIONS in tables:
        yield f"REVOKE INSERT, UPDATE, DELETE ON {_OF_MIGRATIONS} FROM {APP}"


def _is_owner(connection: BaseDatabaseWrapper) -> bool:
    """Say whether all four roles exist and we may act as the owner."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) = 4, bool_or(rolname = %s AND pg_has_role(current_user, oid, 'MEMBER')) "
            "FROM pg_roles WHERE rolname = ANY(%s)",
            [OWNER, [OWNER, APP, PURGE, READER]],
        )
        return all(cursor.fetchone())


def _may_take(role: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s AND pg_has_role(session_user, oid, 'MEMBER'))",
            [role],
        )
        return bool(cursor.fetchone()[0])


def _role_now() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        return str(cursor.fetchone()[0])


def _take(role: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {connection.ops.quote_name(role)}")
