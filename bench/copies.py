"""Ten times the rows of a populated history by SQL, on PostgreSQL: to time reading at sizes that take too long to say.

The copies are NOT in the record: no entry was signed for them, no leaf is in the tree, and `record check` would name
every one. So only reading may be measured afterwards. What a page reads is as it would be: each conversation has its
messages again and again, with numbers and times that go on, and everybody has as much unread as before. People,
conversations and their members stay as many. It must not be imported by anything but a benchmark.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

TABLES = ("messenger_message", "messenger_streamevent", "messenger_mention", "archive_document", "archive_entry")
FAR = 10**9  # copies have entry numbers beyond those of the record, which goes on below them

# `talk` is the conversation as it was, `k` which copy; every number moves on by what the conversation had.
_COPIES = (
    """
    INSERT INTO archive_entry (seq, stream_id, n, kind, at, bucket, ciphertext)
    SELECT entry.seq + k * %(far)s, entry.stream_id, entry.n + k * talk.head, entry.kind, entry.at + k * %(span)s,
           entry.bucket, ''
    FROM generate_series(1::bigint, %(last)s) k, messenger_message said
    JOIN archive_entry entry ON entry.seq = said.seq JOIN messenger_conversation talk ON talk.id = said.conversation_id
    ORDER BY k, entry.seq
    """,
    """
    INSERT INTO archive_document (seq, stream_id, kind, at, actor_id, actor_name, text)
    SELECT document.seq + k * %(far)s, document.stream_id, document.kind, document.at + k * %(span)s,
           document.actor_id, document.actor_name, document.text
    FROM generate_series(1::bigint, %(last)s) k, messenger_message said
    JOIN archive_document document ON document.seq = said.seq
    ORDER BY k, document.seq
    """,
    """
    INSERT INTO messenger_streamevent (conversation_id, n, seq, kind, data, at)
    SELECT event.conversation_id, event.n + k * talk.head, event.seq + k * %(far)s, event.kind, event.data,
           event.at + k * %(span)s
    FROM generate_series(1::bigint, %(last)s) k, messenger_message said
    JOIN messenger_streamevent event ON event.seq = said.seq
    JOIN messenger_conversation talk ON talk.id = said.conversation_id
    ORDER BY k, event.seq
    """,
    """
    INSERT INTO messenger_mention (message_id, conversation_id, person_id, ordinal)
    SELECT mention.message_id + k * %(ids)s, mention.conversation_id, mention.person_id,
           mention.ordinal + k * talk.ordinal
    FROM generate_series(1::bigint, %(last)s) k, messenger_mention mention
    JOIN messenger_conversation talk ON talk.id = mention.conversation_id
    ORDER BY k, mention.id
    """,
    """
    INSERT INTO messenger_message (id, conversation_id, n, ordinal, seq, body, html, channel, client_key, state,
                                   removal_reason, at, author_id, contact_id, attachments, is_disposed)
    SELECT said.id + k * %(ids)s, said.conversation_id, said.n + k * talk.head, said.ordinal + k * talk.ordinal,
           said.seq + k * %(far)s, said.body, said.html, said.channel, gen_random_uuid(), said.state,
           said.removal_reason, said.at + k * %(span)s, said.author_id, said.contact_id, said.attachments,
           said.is_disposed
    FROM generate_series(1::bigint, %(last)s) k, messenger_message said
    JOIN messenger_conversation talk ON talk.id = said.conversation_id
    ORDER BY k, said.id
    """,
    """
    UPDATE messenger_readmarker mark
    SET n = mark.n + %(last)s * talk.head, ordinal = mark.ordinal + %(last)s * talk.ordinal
    FROM messenger_conversation talk WHERE talk.id = mark.conversation_id
    """,
    """
    UPDATE messenger_conversation
    SET head = head * (%(last)s + 1), ordinal = ordinal * (%(last)s + 1), last_at = last_at + %(last)s * %(span)s
    """,
)


def multiply(times: int) -> None:
    """Let there be so many times the messages, with everything that a page or a search reads of them."""
    with connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '1GB'")
        cursor.execute("SET session_replication_role = replica")  # no look at foreign keys: the rows are copies
        cursor.execute("SELECT greatest(max(seq) + 1, %s), max(id), max(at) - min(at) FROM messenger_message", [FAR])
        far, ids, span = cursor.fetchone()
        values = {"last": times - 1, "far": far, "ids": ids, "span": span}
        with _without_indexes():
            for statement in _COPIES:
                cursor.execute(statement, values)
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("VACUUM ANALYZE")


@contextmanager
def _without_indexes() -> Iterator[None]:
    """Take away indexes and fences of the tables that grow, and put up the indexes again: at once is many times faster.

    The fences stay down: they are what says that a row without an entry must not be.
    """
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE contype = 'u' AND conrelid::regclass::text = ANY(%s)",
            [list(TABLES)],
        )
        constraints = cursor.fetchall()
        for table, name, _ in constraints:
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        cursor.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
            "WHERE NOT indisprimary AND indrelid::regclass::text = ANY(%s)",
            [list(TABLES)],
        )
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        yield
        for _, statement in indexes:
            cursor.execute(statement)
        for table, name, statement in constraints:
            cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {statement}')
