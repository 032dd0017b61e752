"""The words that a search finds an entry by, and the index over them. It must lose no words but those of disposals.

PostgreSQL indexes a document as it is stored. SQLite's FTS5 table has to be told, in the same transaction.
"""

from collections.abc import Sequence

from django.db import DatabaseError, connection, transaction

from archive.canonical import Json
from archive.events import Event, words_of
from archive.ledger import storing
from archive.models import Document
from archive.tables import Row, Table, Value

# As migration 0003 makes the column, without its function.
_MARKS = "!\"#$%&''()*+,-./:;<=>?@[\\]^_`{|}~"  # the quote doubled, as SQL writes it
_TSVECTOR = f"""to_tsvector('simple', translate(
    regexp_replace(normalize(left(text, 200000), NFD), '[\\u0300-\\u036f]', '', 'g'),
    '{_MARKS}', '{" " * (len(_MARKS) - 1)}'))"""
_INDEX = """INSERT INTO archive_document_words(rowid, text)
    SELECT seq, text FROM archive_document WHERE seq BETWEEN %s AND %s"""
COLUMNS = ("seq", "stream_id", "kind", "at", "actor_id", "actor_name", "text")


def searchable(text: str) -> str:
    # PostgreSQL stores no NUL in text. The record itself keeps it, in the sealed content.
    return text.replace("\x00", " ")


def row(event: Event, *, seq: int, stream: str, at: Value, content: dict[str, Json]) -> Row | None:
    """Return an entry's search row in the order of COLUMNS, None where a search cannot find it by words.

    `at` is the time as the column holds it.
    """
    text = words_of(event.kind, content)
    if not text:
        return None
    actor = event.actor
    return (
        seq,
        stream,
        event.kind,
        at,
        searchable(actor.id),
        searchable(actor.name),
        searchable(text),
    )


def store(rows: Sequence[Row]) -> None:
    """Store search rows, ascending and with none between them, and index them. Costs nothing where there are none."""
    storing.insert(Table(Document, COLUMNS, rows))
    index(rows)


def index(rows: Sequence[Row]) -> None:
    """Index search rows that are stored, ascending and with none between them."""
    if rows and connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(_INDEX, (rows[0][0], rows[-1][0]))


def erase(seqs: Sequence[int]) -> None:
    """Delete the search rows of entries that are disposed of, and their words in the index.

    What SQLite's index keeps of them until it is merged goes with merge_index().
    """
    rows = Document.objects.filter(seq__in=seqs)
    if connection.vendor == "sqlite":
        statement = "INSERT INTO archive_document_words(archive_document_words, rowid, text) VALUES ('delete', %s, %s)"
        with connection.cursor() as cursor:
            cursor.executemany(statement, list(rows.values_list("seq", "text")))
    rows.delete()


def merge_index() -> None:
    """Write SQLite's index anew as one: only so the words of deleted rows leave its pages."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO archive_document_words(archive_document_words) VALUES ('optimize')")


def is_index_in_step() -> bool:
    """Say whether the index has exactly the words of the rows."""
    return _is_fts5_in_step() if connection.vendor == "sqlite" else _is_tsvector_in_step()


def _is_fts5_in_step() -> bool:
    statement = "INSERT INTO archive_document_words(archive_document_words, rank) VALUES ('integrity-check', 1)"
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except DatabaseError:
        return False
    return True


def _is_tsvector_in_step() -> bool:
    """PostgreSQL makes the column by itself, but its owner can drop that rule, or change the function behind it."""
    statement = f"SELECT EXISTS (SELECT 1 FROM archive_document WHERE words IS DISTINCT FROM {_TSVECTOR})"  # noqa: S608
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
            return bool(cursor.fetchone() == (False,))
    except DatabaseError:
        return False
