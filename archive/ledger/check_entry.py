"""One entry's part of the check: its leaf, its place in its stream, and the rows that must say the same as the leaf.

It must take the leaf's bytes as the measure; the rows beside it are compared with them, never the other way round.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from archive import merkle, sealing
from archive.canonical import Json, NotCanonical
from archive.events import StreamHeads, words_of
from archive.keys import KeyMissing, KeyStore
from archive.leaf import Leaf, parse_time
from archive.ledger.check_gone import KINDS, GoneCheck
from archive.ledger.check_page import End, Page, Part
from archive.ledger.findings import Findings
from archive.ledger.reading import heads_root
from archive.ledger.rows import Row, as_bytes
from archive.ledger.words import searchable


@dataclass(frozen=True)
class EntryRows:
    """The rows of one number in the tables beside the leaf; None where there is none that can be read."""

    entry: Row | None
    key: Row | None
    document: Row | None


class EntryCheck:
    """Follows every stream through the record and examines entry after entry."""

    def __init__(self, findings: Findings, *, store: KeyStore | None, origin: str, gone: GoneCheck) -> None:
        self.streams: dict[str, End] = {}  # id -> n and leaf hash of its last item
        self._gone = gone
        self._findings = findings
        self._store = store
        self._origin = origin

    def examine(self, seq: int, *, data: bytes, rows: EntryRows) -> str | None:
        """Examine one entry and return the time in its leaf, None where the leaf cannot be read."""
        try:
            leaf = Leaf.parse(data)
        except NotCanonical as error:
            self._findings.add(seq, f"The leaf is not one of the format: {error}.")
            return None
        for what in self._differences(leaf, seq=seq, rows=rows):
            self._findings.add(seq, what)
        self._gone.last_at = leaf.at
        self.streams[leaf.stream] = (leaf.n, merkle.leaf_hash(data).hex())
        return leaf.at

    def follow(self, parts: Iterable[Part]) -> bool:
        """Link accepted entries to their streams. Where one does not fit, change nothing and return False."""
        ends: dict[str, End] = {}
        for part in parts:
            if any(before != (ends.get(stream) or self._end(stream)) for stream, before in part.before.items()):
                return False
            ends |= part.ends
            if part.heads is not None and not _are_heads(part.heads, {**self.streams, **ends}):
                return False
        self.streams.update(ends)
        return True

    def note(self, page: Page) -> None:
        """Note what an accepted page that was followed says of disposals, and which of its entries are gone."""
        for seq, kind, at, bucket, content in page.notes:
            if content is None:
                self._gone.note_gone(seq, bucket=bucket)
            else:
                self._gone.note_content(content, seq=seq, kind=kind, at=at)
        self._gone.last_at = page.times[-1]

    def _end(self, stream: str) -> End:
        return self.streams.get(stream, (0, ""))

    def _differences(self, leaf: Leaf, *, seq: int, rows: EntryRows) -> Iterator[str]:
        if leaf.seq != seq:
            yield f"The leaf stands at number {seq}, but says that it is number {leaf.seq}."
        yield from self._chain_faults(leaf)
        if rows.entry is None:
            yield "The leaf's entry is not there."
            return
        yield from _column_faults(leaf, rows.entry)
        yield from self._content_faults(leaf, seq=seq, rows=rows)

    def _chain_faults(self, leaf: Leaf) -> Iterator[str]:
        n, last = self._end(leaf.stream)
        if leaf.n != n + 1:
            yield f"In its stream, item {leaf.n} follows item {n}."
        elif leaf.prev != last:
            yield f"Its link does not lead to item {n} of its stream."

    def _content_faults(self, leaf: Leaf, *, seq: int, rows: EntryRows) -> Iterator[str]:
        ciphertext = as_bytes(rows.entry["ciphertext"]) if rows.entry else None
        if ciphertext is None or hashlib.sha256(ciphertext).hexdigest() != leaf.ciphertext_digest:
            yield "The sealed content is not the one that the leaf names."
            return
        if self._store is None:
            return
        if rows.key is None:
            self._gone.note_gone(seq, bucket=leaf.bucket)
            if rows.document is not None:
                yield "There are words for the search, but the entry's key is gone."
            return
        place = sealing.Place(origin=self._origin, stream=leaf.stream, n=leaf.n, bucket=leaf.bucket)
        try:
            record_key = _record_key(rows.key, store=self._store, place=place)
            content = sealing.unseal(ciphertext, record_key=record_key, place=place)
            fits = sealing.commitments(content, record_key=record_key) == leaf.commitments
        except (KeyMissing, sealing.NotOpened, NotCanonical) as error:
            yield f"The content cannot be opened: {str(error).rstrip('.')}."
            return
        if not fits:
            yield "The content does not have the commitments of the leaf."
        yield from _document_faults(leaf, content=content, row=rows.document)
        if leaf.kind in KINDS:
            self._gone.note_content(content, seq=seq, kind=leaf.kind, at=leaf.at)
        if leaf.kind == StreamHeads.kind and not _are_heads(content, self.streams):
            yield "The stream heads that it commits to are not those of the record at that point."


def _are_heads(content: dict[str, Json], streams: Mapping[str, tuple[int, str]]) -> bool:
    listing = sorted((stream, n, bytes.fromhex(last)) for stream, (n, last) in streams.items())
    return content.get("count") == len(listing) and content.get("root") == heads_root(listing).hex()


def _record_key(row: Row, *, store: KeyStore, place: sealing.Place) -> bytes:
    wrapped, name = as_bytes(row["wrapped"]), row["bucket"]
    if wrapped is None or not isinstance(name, str):
        raise KeyMissing("the row of its key is not the one that was written.")
    return sealing.unwrap_record_key(wrapped, bucket_key=store.bucket_key(name), place=place)


def _column_faults(leaf: Leaf, row: Row) -> Iterator[str]:
    expected = {
        "stream_id": leaf.stream,
        "n": leaf.n,
        "kind": leaf.kind,
        "at": parse_time(leaf.at),
        "bucket": leaf.bucket,
    }
    for column, value in expected.items():
        if row[column] != value:
            yield f"The entry's column {column} differs from the leaf."


def _document_faults(leaf: Leaf, *, content: dict[str, Json], row: Row | None) -> Iterator[str]:
    expected = _document(leaf, content)
    if expected is None and row is not None:
        yield "There are words for the search, but the entry has none."
    elif expected is not None and row is None:
        yield "The words for the search are missing."
    elif expected is not None and row is not None:
        changed = [column for column, value in expected.items() if row[column] != value]
        if changed:
            yield f"The words for the search differ from the content, in column {', '.join(changed)}."


def _document(leaf: Leaf, content: dict[str, Json]) -> Row | None:
    words = words_of(leaf.kind, content)
    actor = content.get("actor")
    if not words or not isinstance(actor, dict):
        return None
    return {
        "stream_id": leaf.stream,
        "kind": leaf.kind,
        "at": parse_time(leaf.at),
        "actor_id": searchable(str(actor.get("id"))),
        "actor_name": searchable(str(actor.get("name"))),
        "text": searchable(words),
    }
