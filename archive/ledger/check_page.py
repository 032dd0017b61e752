"""The quick part of the check: a page of the record in which every row is exactly what its leaf says.

It accepts or it does not, and says nothing about why: a page that is not accepted goes to the thorough examination,
which names each fault. So a mistake here can cost time, or must be sought in what is accepted: nothing may be accepted
that was not compared. A leaf is not read: it is made again from the rows and the opened content, and must be the same
bytes. What lies between pages (links to the entries before, tree, checkpoints) is not judged here.
"""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

from django.db import models

from archive import canonical
from archive.canonical import Json, NotCanonical
from archive.events import StreamHeads, words_of
from archive.keys import KeyMissing, KeyStore
from archive.leaf import SIZE_LIMIT_BYTES, frame
from archive.leaf import Leaf as LeafMembers
from archive.ledger import check_gone, plain_rows
from archive.ledger.plain_rows import Row
from archive.ledger.rows import UNREADABLE
from archive.ledger.words import searchable
from archive.models import Document, Entry, Leaf, RecordKey
from archive.sealing import NotOpened
from archive.unsealing import Opener

End = tuple[int, str]  # n and leaf hash (hex) of an item of a stream
_AT = slice(7, 31)  # where the time stands in every leaf
_TABLES: tuple[tuple[type[models.Model], tuple[str, ...]], ...] = (
    (Leaf, ("seq", "data", "hash")),
    (Entry, ("seq", "stream_id", "n", "kind", "at", "bucket", "ciphertext")),
    (RecordKey, ("seq", "bucket", "wrapped")),
    (Document, ("seq", "stream_id", "kind", "at", "actor_id", "actor_name", "text")),
)
_NONE: Row = (None,)
_sha256 = hashlib.sha256


class Part(NamedTuple):
    """A run of entries that are linked among themselves, and what the heads entry behind it says of all streams.

    `before` has for each of their streams the end that they go on from, `ends` the one that they come to.
    `heads` is None where no heads entry ends the part, or where it cannot be opened.
    """

    before: dict[str, End]
    ends: dict[str, End]
    heads: dict[str, Json] | None


class Note(NamedTuple):
    """An entry that the check of disposals must know of. Without `content`, it has neither key nor search words."""

    seq: int
    kind: str
    at: str
    bucket: str
    content: dict[str, Json] | None


class Page(NamedTuple):
    """What the rest of the check needs of an accepted page: leaf hashes and times of its entries, in order."""

    digests: list[bytes]
    times: list[str]
    parts: list[Part]
    notes: list[Note]


def accept_page(numbers: range, *, after: int | None, store: KeyStore, origin: str) -> Page | None:
    """Return what the entries of these numbers say, None unless all are there and each is as it was written.

    Nor may there be a row of another number above `after` (None: from the lowest there is) up to the last of them.
    """
    page = _PageCheck(store=store, origin=origin)
    try:
        with ExitStack() as tables:
            leaves, entries, keys, documents = (
                tables.enter_context(plain_rows.reading(*table, after=after, last=numbers[-1])) for table in _TABLES
            )
            is_taken = page.takes_all(numbers, leaves=leaves, entries=entries, keys=keys, documents=documents)
    except (*UNREADABLE, KeyMissing, NotOpened, NotCanonical):
        return None
    return page.taken() if is_taken else None


class _PageCheck:
    """Compares the rows of one entry after another with its leaf, and gathers what the entries say."""

    def __init__(self, *, store: KeyStore, origin: str) -> None:
        self._store = store
        self._origin = origin
        self._openers: dict[str, Opener] = {}  # by the name of the wrapping key
        self._page = Page([], [], [], [])
        self._part = Part({}, {}, None)
        self._as_stored = plain_rows.time_as_stored()

    def taken(self) -> Page:
        self._page.parts.append(self._part)
        return self._page

    def takes_all(
        self,
        numbers: range,
        *,
        leaves: Iterator[Row],
        entries: Iterator[Row],
        keys: Iterator[Row],
        documents: Iterator[Row],
    ) -> bool:
        """Say whether there is one sound entry for each number, and no row besides."""
        key, document = next(keys, _NONE), next(documents, _NONE)
        for seq in numbers:
            leaf, entry, own_key, own_document = next(leaves, _NONE), next(entries, _NONE), None, None
            if leaf[0] != seq or entry[0] != seq:
                return False
            if key[0] == seq:
                own_key, key = key, next(keys, _NONE)
            if document[0] == seq:
                own_document, document = document, next(documents, _NONE)
            if not self.takes(leaf, entry=entry, key=own_key, document=own_document):
                return False
        # A row of another number, or a second one of the same, was never come past.
        return all(row is _NONE for row in (next(leaves, _NONE), next(entries, _NONE), key, document))

    def takes(self, row: Row, *, entry: Row, key: Row | None, document: Row | None) -> bool:
        """Say whether an entry is as it was written. Raises KeyMissing, NotOpened, NotCanonical where it is not."""
        seq, data, stored = row
        _, stream, n, kind, stored_at, bucket, sealed = entry
        if not (type(seq) is int and type(n) is int and type(data) is bytes and type(sealed) is bytes):
            return False
        if not (type(stream) is str and type(kind) is str and type(bucket) is str):
            return False
        digest, at = _sha256(b"\x00" + data).digest(), data[_AT].decode("latin-1")
        stored_as = self._as_stored(at)
        if digest != stored or stored_at != stored_as:
            return False
        content, commitments = self._open(sealed, key=key, bucket=bucket, stream=stream, n=n) if key else _closed(data)
        before, behind = frame(
            at=at,
            bucket=bucket,
            commitments=commitments,
            ciphertext_digest=_sha256(sealed).hexdigest(),
            kind=kind,
            n=n,
            seq=seq,
            stream=stream,
        )
        prev = data[len(before) : -len(behind)]
        if before + prev + behind != data or len(data) > SIZE_LIMIT_BYTES:
            return False
        if document != _document(content or {}, at=stored_as, seq=seq, stream=stream, kind=kind):
            return False
        self._note(seq, kind=kind, at=at, bucket=bucket, content=content)
        self._page.digests.append(digest)
        self._page.times.append(at)
        return self._links(stream, n=n, prev=prev.decode("latin-1"), digest=digest.hex())

    def _open(self, sealed: bytes, *, key: Row, bucket: str, stream: str, n: int) -> tuple[dict[str, Json], bytes]:
        _, name, wrapped = key
        if type(name) is not str or type(wrapped) is not bytes:
            raise NotOpened("the row of its key is not the one that was written")
        opener = self._openers.get(name)
        if opener is None:
            opener = self._openers[name] = Opener(self._store.bucket_key(name), origin=self._origin)
        return opener.open(sealed, wrapped=wrapped, bucket=bucket, stream=stream, n=n)

    def _note(self, seq: int, *, kind: str, at: str, bucket: str, content: dict[str, Json] | None) -> None:
        if content is None or kind in check_gone.KINDS:
            self._page.notes.append(Note(seq, kind, at, bucket, content))
        elif kind == StreamHeads.kind:
            self._page.parts.append(self._part._replace(heads=content))
            self._part = Part({}, {}, None)

    def _links(self, stream: str, *, n: int, prev: str, digest: str) -> bool:
        """Note the entry as the end of its stream; say whether it follows the one before it, where that is here."""
        before, link = self._part.ends.get(stream), (n - 1, prev)
        if before is None:
            self._part.before[stream] = link
        elif before != link:
            return False
        self._part.ends[stream] = n, digest
        return True


def _closed(data: bytes) -> tuple[None, bytes]:
    """Return the commitments that a leaf states, where there is no key to hold them against the content."""
    return None, canonical.encode(LeafMembers.parse(data).commitments)


def _document(content: dict[str, Json], *, at: str, seq: int, stream: str, kind: str) -> Row | None:
    words, actor = words_of(kind, content), content.get("actor")
    if not words or not isinstance(actor, dict):
        return None
    said_by = (searchable(str(actor.get("id"))), searchable(str(actor.get("name"))))
    return (seq, stream, kind, at, *said_by, searchable(words))
