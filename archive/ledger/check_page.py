"""The quick part of the check: a page of the record in which every row is exactly what its leaf says.

It accepts or it does not, and says nothing about why: a page that is not accepted goes to the thorough examination,
which names each fault. So a mistake here can cost time, or must be sought in what is accepted: nothing may be accepted
that was not compared. What lies between pages (links, tree, checkpoints) is not judged here.
"""

import hashlib
from collections.abc import Callable, Iterable
from typing import NamedTuple

from django.db import connection, models

from archive import merkle, sealing
from archive.canonical import Json, NotCanonical
from archive.events import StreamHeads, words_of
from archive.keys import KeyMissing, KeyStore
from archive.leaf import Leaf as LeafMembers
from archive.leaf import parse_time
from archive.ledger import check_gone
from archive.ledger.rows import UNREADABLE
from archive.ledger.words import searchable
from archive.models import Document, Entry, Leaf, RecordKey

Row = tuple[object, ...]
_LOWEST = -(2**63)
NEEDED = frozenset({StreamHeads.kind, *check_gone.KINDS})


class Item(NamedTuple):
    """What the rest of the check needs of an accepted entry; `content` only of kinds that it is needed of.

    `is_gone`: there is neither key nor search words, so whether that is right is for the disposals to say.
    """

    seq: int
    stream: str
    n: int
    prev: str
    digest: bytes
    at: str
    bucket: str
    kind: str
    content: dict[str, Json] | None
    is_gone: bool


def accept_page(numbers: range, *, after: int | None, store: KeyStore, origin: str) -> list[Item] | None:
    """Return the entries of these numbers, None unless all are there and each is as it was written.

    Nor may there be a row of another number above `after` (None: from the lowest there is) up to the last of them.
    """
    try:
        leaves, entries, keys, documents = (_read(*table, after=after, last=numbers[-1]) for table in _TABLES)
    except UNREADABLE:
        return None
    if not all(_are_of(rows, numbers) for rows in (leaves, entries)):
        return None
    words = {row[0]: row for row in documents}
    sealed_by = {row[0]: row for row in keys}
    if len(words) < len(documents) or len(sealed_by) < len(keys):  # two rows of one number
        return None
    page = _PageCheck(store=store, origin=origin)
    items = []
    for leaf, entry in zip(leaves, entries, strict=True):
        seq = leaf[0]
        item = page.accept(leaf, entry=entry, key=sealed_by.pop(seq, None), document=words.pop(seq, None))
        if item is None:
            return None
        items.append(item)
    return None if words or sealed_by else items  # what is left is of no entry here


class _PageCheck:
    """Compares the rows of one entry after another with its leaf."""

    def __init__(self, *, store: KeyStore, origin: str) -> None:
        self._store = store
        self._origin = origin
        self._wrappers: dict[str, sealing.Wrapper] = {}  # by the name of their key
        self._column: Callable[[str], object] = _text_of_sqlite if connection.vendor == "sqlite" else parse_time

    def accept(self, row: Row, *, entry: Row, key: Row | None, document: Row | None) -> Item | None:
        seq, data, stored = row
        if type(data) is not bytes or type(seq) is not int:
            return None
        digest = merkle.leaf_hash(data)
        try:
            leaf = LeafMembers.parse(data)
            if digest != stored or leaf.seq != seq or not self._is_entry(entry, leaf):
                return None
            if not _is_sealed(entry[-1], leaf):
                return None
            content = self._open(leaf, sealed=entry[-1], key=key) if key else {}
        except (KeyMissing, sealing.NotOpened, NotCanonical):
            return None
        if content is None or document != self._document(leaf, content):
            return None
        needed = content if leaf.kind in NEEDED else None
        return Item(seq, leaf.stream, leaf.n, leaf.prev, digest, leaf.at, leaf.bucket, leaf.kind, needed, key is None)

    def _is_entry(self, row: Row, leaf: LeafMembers) -> bool:
        return row[:-1] == (leaf.seq, leaf.stream, leaf.n, leaf.kind, self._column(leaf.at), leaf.bucket)

    def _open(self, leaf: LeafMembers, *, sealed: object, key: Row) -> dict[str, Json] | None:
        """Return the content once it is the one that the leaf commits to, None where it is not."""
        _, name, wrapped = key
        if type(sealed) is not bytes or type(wrapped) is not bytes or type(name) is not str:
            return None
        place = sealing.Place(self._origin, leaf.stream, leaf.n, leaf.bucket)
        record_key = self._wrapper(name).unwrap(wrapped, place=place)
        content, commitments = sealing.unseal_committed(sealed, record_key=record_key, place=place)
        return content if commitments == leaf.commitments else None

    def _wrapper(self, name: str) -> sealing.Wrapper:
        if name not in self._wrappers:
            self._wrappers[name] = sealing.Wrapper(self._store.bucket_key(name))
        return self._wrappers[name]

    def _document(self, leaf: LeafMembers, content: dict[str, Json]) -> Row | None:
        words, actor = words_of(leaf.kind, content), content.get("actor")
        if not words or not isinstance(actor, dict):
            return None
        said_by = (searchable(str(actor.get("id"))), searchable(str(actor.get("name"))))
        return (leaf.seq, leaf.stream, leaf.kind, self._column(leaf.at), *said_by, searchable(words))


def _is_sealed(sealed: object, leaf: LeafMembers) -> bool:
    return type(sealed) is bytes and hashlib.sha256(sealed).hexdigest() == leaf.ciphertext_digest


_TABLES: tuple[tuple[type[models.Model], tuple[str, ...]], ...] = (
    (Leaf, ("seq", "data", "hash")),
    (Entry, ("seq", "stream_id", "n", "kind", "at", "bucket", "ciphertext")),
    (RecordKey, ("seq", "bucket", "wrapped")),
    (Document, ("seq", "stream_id", "kind", "at", "actor_id", "actor_name", "text")),
)


def _read(model: type[models.Model], columns: Iterable[str], *, after: int | None, last: int) -> list[Row]:
    names, table = ", ".join(map(_selected, columns)), model._meta.db_table
    above = _LOWEST if after is None else after + 1
    with connection.cursor() as cursor:
        statement = f"SELECT {names} FROM {table} WHERE seq BETWEEN %s AND %s ORDER BY seq"  # noqa: S608 (names from above)
        cursor.execute(statement, [above, last])
        return list(cursor.fetchall())


def _selected(column: str) -> str:
    # So a time comes as the text that is stored: Django's reading of it costs more than all the rest. Only as text: a
    # blob of the same letters is found by no search by time.
    if column == "at" and connection.vendor == "sqlite":
        return "CASE typeof(\"at\") WHEN 'text' THEN \"at\" || '' END"
    return f'"{column}"'


def _text_of_sqlite(at: str) -> str:
    """Return the text in which Django stores the time of a leaf in SQLite."""
    milliseconds = at[20:23]
    return f"{at[:10]} {at[11:19]}" + ("" if milliseconds == "000" else f".{milliseconds}000")


def _are_of(rows: list[Row], numbers: range) -> bool:
    return len(rows) == len(numbers) and all(row[0] == number for row, number in zip(rows, numbers, strict=True))
