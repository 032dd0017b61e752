"""On PostgreSQL, a message or an event without its entry in the record is refused at the commit.

Deferred, because the rows of the record may be written after the rows that stand for them, in the same transaction.
SQLite has no triggers at the commit: there the comparison of `record check` finds such a row, and nothing refuses it.
A fence, and no evidence: who owns the tables can drop it.
"""

from django.db import migrations

# With a path of its own: a table of the same name in another schema, or a temporary one, must not answer.
FUNCTION = """
CREATE FUNCTION messenger_require_entry() RETURNS trigger LANGUAGE plpgsql SET search_path = {schema}, pg_temp AS $$
BEGIN
    PERFORM 1 FROM archive_entry JOIN archive_stream ON archive_stream.id = archive_entry.stream_id
        WHERE archive_entry.seq = NEW.seq AND archive_entry.n = NEW.n
        AND archive_stream.name = 'conversation:' || NEW.conversation_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the record has no entry % of conversation %, number %', NEW.seq, NEW.conversation_id, NEW.n
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$
"""
TABLES = ("messenger_message", "messenger_streamevent")


def put_up(_apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(current_schema())")
        schema = cursor.fetchone()[0]
    schema_editor.execute(FUNCTION.format(schema=schema), params=None)
    for table in TABLES:
        schema_editor.execute(
            f"CREATE CONSTRAINT TRIGGER {table}_has_entry AFTER INSERT OR UPDATE OF conversation_id, n, seq ON {table} "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION messenger_require_entry()",
            params=None,
        )
        # ALWAYS: a plain trigger is skipped under session_replication_role = replica.
        schema_editor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_has_entry", params=None)


def take_down(_apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    for table in TABLES:
        schema_editor.execute(f"DROP TRIGGER {table}_has_entry ON {table}", params=None)
    schema_editor.execute("DROP FUNCTION messenger_require_entry()", params=None)


class Migration(migrations.Migration):
    dependencies = [("messenger", "0001_initial"), ("archive", "0001_initial")]
    operations = [migrations.RunPython(put_up, take_down)]
