"""The full-text index over Document.text.

On PostgreSQL it is a generated column. On SQLite it is an FTS5 table that the ledger keeps in step: triggers could not,
because with trusted_schema=OFF they may not touch a virtual table.

Words are the same on both: folded to their base letters without accents, and split at every mark that is no letter or
digit. PostgreSQL's own parser would keep addresses and hyphenated words whole, so marks become spaces before it reads.
"""

from django.db import migrations

# A tsvector holds 1 MB at most and refuses more; the words past this length are in the record, but not in the index.
POSTGRES_TEXT_LIMIT = 200_000
ASCII_MARKS = "!\"#$%&''()*+,-./:;<=>?@[\\]^_`{|}~"  # the quote doubled, as SQL writes it
POSTGRES = [
    f"""
    CREATE FUNCTION archive_fold(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
        SELECT translate(regexp_replace(normalize(words, NFD), '[\\u0300-\\u036f]', '', 'g'),
                         '{ASCII_MARKS}', '{" " * (len(ASCII_MARKS) - 1)}')
    $$
    """,
    f"""
    ALTER TABLE archive_document ADD COLUMN words tsvector
        GENERATED ALWAYS AS (to_tsvector('simple', archive_fold(left(text, {POSTGRES_TEXT_LIMIT})))) STORED
    """,
    "CREATE INDEX archive_document_words ON archive_document USING gin (words)",
]
POSTGRES_UNDO = [
    "DROP INDEX archive_document_words",
    "ALTER TABLE archive_document DROP COLUMN words",
    "DROP FUNCTION archive_fold(text)",
]
SQLITE = [
    """
    CREATE VIRTUAL TABLE archive_document_words USING fts5(
        text, content='archive_document', content_rowid='seq', tokenize='unicode61 remove_diacritics 2'
    )
    """,
]
SQLITE_UNDO = [
    "DROP TABLE archive_document_words",
]


def create(_apps, schema_editor):
    for statement in POSTGRES if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement, params=None)


def drop(_apps, schema_editor):
    for statement in POSTGRES_UNDO if schema_editor.connection.vendor == "postgresql" else SQLITE_UNDO:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("archive", "0002_fences")]
    operations = [migrations.RunPython(create, drop)]
