"""The fences that must be there now, held against what the database says: also one that never was put up is named.

What changed since the last look is the fingerprint's work; this needs no look before. It must not put a fence up.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.db import DatabaseError, connection

from archive.fences.catalog import Definitions, describe
from archive.fences.roles import APP, OWNER, PURGE, READER
from archive.fences.tables import FENCED, PURGED, ROWS_WITH_ENTRIES

# Table -> the columns that name a row, each set unique.
IDENTITIES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "archive_leaf": (("seq",),),
    "archive_entry": (("seq",), ("stream_id", "n")),
    "archive_checkpoint": (("size",),),
    "archive_tile": (("id",), ("level", "index")),
    "archive_witnessed": (("id",), ("witness", "size")),
    "archive_stamped": (("id",), ("size",)),
    "archive_mailed": (("id",), ("size",)),
}
_ROLES = (OWNER, APP, PURGE, READER)
# What a function of a trigger must do, at least.
_REFUSES = "RAISE EXCEPTION"


@dataclass(frozen=True)
class Trigger:
    """A trigger by its name in the catalog, with the text that defines it there, and what puts it up."""

    name: str
    definition: str
    statements: tuple[str, ...]


def missing_fences() -> dict[str, str]:
    """Return the names of expected fences that do not stand, each with the SQL that puts it up, "" where none does."""
    is_postgres = connection.vendor == "postgresql"
    schema = f" ON {_schema()}." if is_postgres else " ON "
    found = {name: text.replace(schema, " ON ") for name, text in describe().items()}
    missing = {trigger.name: ";\n".join(trigger.statements) for trigger in triggers() if not _stands(trigger, found)}
    missing |= dict.fromkeys(_missing_keys(), "")
    missing |= dict.fromkeys(_missing_on_postgres(found) if is_postgres else _missing_on_sqlite(), "")
    return missing


def triggers() -> list[Trigger]:
    """Return the triggers that this database must have."""
    if connection.vendor == "postgresql":
        return [*_insert_only_on_postgres(), *_rows_with_entries()]
    return list(_insert_only_on_sqlite())


def _stands(trigger: Trigger, found: Definitions) -> bool:
    return found.get(trigger.name) == trigger.definition


def _insert_only_on_postgres() -> Iterator[Trigger]:
    for table in FENCED:
        for what, when, each in (("change", "DELETE OR UPDATE", "ROW"), ("truncate", "TRUNCATE", "STATEMENT")):
            name = f"{table}_no_{what}"
            create = (
                f"CREATE TRIGGER {name} BEFORE {when} ON {table} FOR EACH {each} "
                "EXECUTE FUNCTION archive_refuse_change()"
            )
            yield _on_postgres(table, name, create)


def _rows_with_entries() -> Iterator[Trigger]:
    for table in ROWS_WITH_ENTRIES:
        name = f"{table}_has_entry"
        create = (
            f"CREATE CONSTRAINT TRIGGER {name} AFTER INSERT OR UPDATE OF conversation_id, n, seq ON {table} "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION messenger_require_entry()"
        )
        yield _on_postgres(table, name, create)


def _on_postgres(table: str, name: str, create: str) -> Trigger:
    # A: always, also under session_replication_role = replica.
    always = f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"
    again = f"DROP TRIGGER IF EXISTS {name} ON {table}"
    return Trigger(f"trigger {table}.{name}", f"{create} A", (again, create, always))


def _insert_only_on_sqlite() -> Iterator[Trigger]:
    for table in FENCED:
        for what in ("update", "delete"):
            yield _on_sqlite(f"{table}_no_{what}", f"BEFORE {what.upper()} ON {table}", f"{what} on {table}")
        taken = " OR ".join(_exists(table, columns) for columns in IDENTITIES[table])
        yield _on_sqlite(f"{table}_no_replace", f"BEFORE INSERT ON {table} WHEN {taken}", f"replacing in {table}")


def _on_sqlite(name: str, when: str, what: str) -> Trigger:
    create = (
        f"CREATE TRIGGER {name} {when} BEGIN SELECT RAISE(ABORT, 'the record is insert-only: {what} is refused'); END"
    )
    return Trigger(f"trigger {name}", create, (f"DROP TRIGGER IF EXISTS {name}", create))


def _exists(table: str, columns: tuple[str, ...]) -> str:
    same = " AND ".join(f'"{column}" = NEW."{column}"' for column in columns)
    return f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608 (both names stand above)


def _missing_keys() -> Iterator[str]:
    with connection.cursor() as cursor:
        for table, identities in IDENTITIES.items():
            constraints = connection.introspection.get_constraints(cursor, table).values()
            unique = {tuple(found["columns"]) for found in constraints if found["unique"] or found["primary_key"]}
            yield from (f"unique {table} ({', '.join(columns)})" for columns in identities if columns not in unique)


def _missing_on_postgres(found: Definitions) -> Iterator[str]:
    for name in ("archive_refuse_change", "messenger_require_entry"):
        if _REFUSES not in found.get(f"function {name}()", ""):
            yield f"function {name}()"
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolname, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = ANY(%s)", [list(_ROLES)])
        roles = dict(cursor.fetchall())
        if not roles:
            return  # a small installation without roles
        yield from (f"role {role}" for role in _ROLES if role not in roles)
        if APP not in roles:
            return
        if roles[APP]:
            yield f"role {APP}, which must not be a superuser"
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname = ANY(%s) "
            "AND (has_table_privilege(%s, oid, 'DELETE, TRUNCATE') OR has_any_column_privilege(%s, oid, 'UPDATE')) "
            "ORDER BY relname",
            [[*FENCED, *PURGED], APP, APP],
        )
        yield from (f"rights on {table}: {APP} may change it" for (table,) in cursor.fetchall())


def _missing_on_sqlite() -> Iterator[str]:
    """Ask our own connection for what its authorizer must refuse. Nothing is run: a statement is only explained."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN DELETE FROM archive_leaf WHERE 0")
    except DatabaseError:
        return
    yield "authorizer of this connection"


def _schema() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(current_schema())")
        return str(cursor.fetchone()[0])
