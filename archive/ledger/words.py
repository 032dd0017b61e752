"""The words that a search finds an entry by, and the index over them. It must not lose words.

PostgreSQL indexes a document as it is stored. SQLite's FTS5 table has to be told, in the same transaction.
"""

from collections.abc import Sequence

from django.db import DatabaseError, connection, transaction

from archive.models import Document


def searchable(text: str) -> str:
    # PostgreSQL stores no NUL in text. The record itself keeps it, in the sealed content.
    return text.replace("\x00", " ")


def store(documents: Sequence[Document]) -> None:
    """Store search rows and index them. Costs nothing where there are none."""
    if not documents:
        return
    Document.objects.bulk_create(documents)
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            rows = [(document.seq, document.text) for document in documents]
            cursor.executemany("INSERT INTO archive_document_words(rowid, text) VALUES (%s, %s)", rows)


def is_index_in_step() -> bool:
    """Say whether the index has exactly the words of the rows. On PostgreSQL it cannot be otherwise."""
    if connection.vendor != "sqlite":
        return True
    statement = "INSERT INTO archive_document_words(archive_document_words, rank) VALUES ('integrity-check', 1)"
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except DatabaseError:
        return False
    return True
