"""Triggers that refuse to change or delete what the record consists of.

They stop accidents and ordinary bugs. They are no evidence: an administrator can drop them, and `record check` must
then still find what was done. On SQLite, Django rebuilds a table to alter it, and its triggers go with the old one:
a later migration that alters one of these tables must put them up again (a test counts them).
"""

from django.db import migrations

# Table -> the columns that name a row. On SQLite, INSERT OR REPLACE takes rows away without firing delete triggers,
# so an insert that would meet an existing row is refused before it starts.
FENCED = {
    "archive_leaf": [["seq"]],
    "archive_entry": [["seq"], ["stream_id", "n"]],
    "archive_checkpoint": [["size"]],
    "archive_tile": [["id"], ["level", "index"]],
}
POSTGRES_FUNCTION = """
CREATE FUNCTION archive_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the record is insert-only: % on % is refused', TG_OP, TG_TABLE_NAME;
END $$
"""


def put_up(_apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRES_FUNCTION, params=None)
    for table, identities in FENCED.items():
        for statement in _statements(schema_editor.connection.vendor, table, identities):
            schema_editor.execute(statement, params=None)


def take_down(_apps, schema_editor):
    for table in FENCED:
        if schema_editor.connection.vendor == "postgresql":
            for what in ("change", "truncate"):
                schema_editor.execute(f"DROP TRIGGER {table}_no_{what} ON {table}", params=None)
        else:
            for what in ("update", "delete", "replace"):
                schema_editor.execute(f"DROP TRIGGER {table}_no_{what}", params=None)
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION archive_refuse_change()", params=None)


def _statements(vendor, table, identities):
    if vendor == "postgresql":
        return _postgres_statements(table)
    return _sqlite_statements(table, identities)


def _postgres_statements(table):
    yield (
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION archive_refuse_change()"
    )
    yield (
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION archive_refuse_change()"
    )
    for what in ("change", "truncate"):
        # ALWAYS: a plain trigger is skipped under session_replication_role = replica.
        yield f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_no_{what}"


def _sqlite_statements(table, identities):
    for what in ("update", "delete"):
        yield (
            f"CREATE TRIGGER {table}_no_{what} BEFORE {what.upper()} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, 'the record is insert-only: {what} on {table} is refused'); END"
        )
    taken = " OR ".join(_exists(table, columns) for columns in identities)
    yield (
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {taken} "
        f"BEGIN SELECT RAISE(ABORT, 'the record is insert-only: replacing in {table} is refused'); END"
    )


def _exists(table, columns):
    same = " AND ".join(f'"{column}" = NEW."{column}"' for column in columns)
    return f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608 (both names stand above)


class Migration(migrations.Migration):
    dependencies = [("archive", "0001_initial")]
    operations = [migrations.RunPython(put_up, take_down)]
