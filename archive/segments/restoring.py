"""The rows of entries that come back from a segment: opened with the kept record keys, and written as they were.

Danger: this writes to the record without the ledger. It writes only what the verifier accepted, at the end of a record
that has the same root, inside the one transaction of a refill. It must not invent: an entry whose key is not kept has
no record key afterwards, and the check says so unless a disposal explains it.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db import connection

from archive import checkpoint, merkle, sealing
from archive.blobs.format import sealed_size
from archive.canonical import Json, NotCanonical
from archive.events import attachments_of, words_of
from archive.fences import acting_as_purger
from archive.keys import KeyMissing
from archive.keys.store import destroyed_names
from archive.leaf import parse_time
from archive.ledger import storing, tiles, words
from archive.ledger.entries import COLUMNS as ENTRY_COLUMNS
from archive.ledger.head import keystore
from archive.ledger.opening import place_of
from archive.models import (
    Blob,
    Checkpoint,
    Entry,
    Head,
    Leaf,
    Mailed,
    RecordKey,
    Segment,
    Stamped,
    Stream,
    Witnessed,
)
from archive.segments.reading import SealedEntry
from archive.segments.record_keys import KeptKeys, WrappedKey
from archive.tables import Row, Table, as_time

Content = dict[str, Json]
BRING_KEYS = "It was put back as well, or is another one: bring back the newer key folder first."


class RefillRefused(Exception):
    """What is missing cannot be given back as it was; the message says why, and nothing was written."""


@dataclass
class Restored:
    """What one segment gave back. `contents` has those entries that could be opened."""

    size: int
    at: datetime | None = None
    without_key: list[int] = field(default_factory=list)
    contents: list[tuple[SealedEntry, Content]] = field(default_factory=list)


def restore_entries(
    entries: Iterable[SealedEntry], *, head: Head, frontier: merkle.Frontier, kept: KeptKeys
) -> Restored:
    """Write the rows of entries that follow the head, and move the head on. Raises RefillRefused."""
    old_size, restored = frontier.size, Restored(size=frontier.size)
    ends = {stream: (n, bytes(last)) for stream, n, last in Stream.objects.values_list("id", "n", "last_hash")}
    leaves, rows, keys, documents = list[Row](), list[Row](), list[Row](), list[Row]()
    hashes: list[bytes] = []
    touched: dict[str, tuple[int, bytes]] = {}
    for entry in entries:
        leaf, digest = entry.leaf, merkle.leaf_hash(entry.data)
        frontier.append(digest)
        touched[leaf.stream] = ends[leaf.stream] = (leaf.n, digest)
        at = parse_time(leaf.at)
        hashes.append(digest)
        leaves.append((leaf.seq, entry.data, digest))
        rows.append((leaf.seq, leaf.stream, leaf.n, leaf.kind, as_time(at), leaf.bucket, entry.ciphertext))
        opened = open_entry(entry, kept=kept)
        if opened is None:
            restored.without_key.append(leaf.seq)
        else:
            key, content = opened
            keys.append((leaf.seq, *key))
            documents += _document(entry, content, at=at)
            restored.contents.append((entry, content))
        restored.at = at
    storing.put_stream_ends([(stream, _name(stream, kept), n, last) for stream, (n, last) in sorted(touched.items())])
    storing.insert(Table(Leaf, ("seq", "data", "hash"), leaves))
    storing.insert(Table(Entry, ENTRY_COLUMNS, rows))
    storing.insert(Table(RecordKey, ("seq", "bucket", "wrapped"), keys))
    words.store(documents)
    tiles.store_full(old_size=old_size, leaves=hashes)
    head.size, head.frontier, restored.size = frontier.size, frontier.to_bytes(), frontier.size
    head.save(update_fields=["size", "frontier"])
    return restored


def open_entry(entry: SealedEntry, *, kept: KeptKeys) -> tuple[WrappedKey, Content] | None:
    """Return the kept key that opens an entry to what its leaf commits to, and the content; None where none does."""
    leaf = entry.leaf
    place = sealing.Place(settings.ONRECORD_ORIGIN, leaf.stream, leaf.n, leaf.bucket)
    for key in kept.keys.get(leaf.seq, []):
        record_key = _unwrap(key, place=place)
        if record_key is None:
            continue
        try:
            content, commitments = sealing.unseal_committed(entry.ciphertext, record_key=record_key, place=place)
        except (sealing.NotOpened, NotCanonical):
            continue
        if commitments == leaf.commitments:
            return key, content
    return None


def _unwrap(key: WrappedKey, *, place: sealing.Place) -> bytes | None:
    try:
        return sealing.unwrap_record_key(key[1], bucket_key=keystore().bucket_key(key[0]), place=place)
    except (KeyMissing, sealing.NotOpened):
        return None


def restore_checkpoint(note: str, *, at: datetime) -> None:
    """Write the row of a checkpoint that the record contains again; nothing happens where it is there."""
    statement = checkpoint.parse(note)
    if not Checkpoint.objects.filter(size=statement.size).exists():
        row = (statement.size, statement.root, note, as_time(at))
        storing.insert(Table(Checkpoint, ("size", "root", "note", "at"), [row]))


def restore_what_entries_say(contents: Sequence[tuple[SealedEntry, Content]]) -> None:
    """Write the rows that repeat what entries say: evidence from outside, sealed segments, files that they name."""
    for entry, content in contents:
        at = parse_time(entry.leaf.at)
        restore = _REPEATED.get(entry.leaf.kind)
        if restore is not None:
            restore(content, at)
        for file in attachments_of(content):
            values = {"size_bytes": sealed_size(file.size_bytes), "at": at, "seq": entry.leaf.seq, "doomed_at": None}
            Blob.objects.update_or_create(digest=file.blob, defaults=values)


def renew_record_keys(kept: KeptKeys) -> int:
    """Exchange the keys of entries that were there, where a later disposal destroyed what wraps them; return how many.

    The kept files have what those that stayed were wrapped with instead.
    """
    gone = destroyed_names(settings.ONRECORD_KEY_DIR)
    stale = RecordKey.objects.filter(bucket__in=gone).order_by("seq").values_list("seq", flat=True)
    rows = [
        (*key, row.seq)
        for row in Entry.objects.filter(seq__in=stale).order_by("seq")
        for key in kept.keys.get(row.seq, [])
        if _unwrap(key, place=place_of(row)) is not None
    ]
    with acting_as_purger(), connection.cursor() as cursor:
        cursor.executemany("UPDATE archive_recordkey SET bucket = %s, wrapped = %s WHERE seq = %s", rows)
    return len(rows)


def _name(stream: str, kept: KeptKeys) -> str:
    name = kept.streams.get(stream) or Stream.objects.filter(id=stream).values_list("name", flat=True).first()
    if name is None or keystore().stream_id(name, origin=settings.ONRECORD_ORIGIN) != stream:
        raise RefillRefused(f"The key folder does not know the stream {stream}. {BRING_KEYS}")
    return name


def _document(entry: SealedEntry, content: Content, *, at: datetime) -> list[Row]:
    text, actor = words_of(entry.leaf.kind, content), content.get("actor")
    if not text or not isinstance(actor, dict):
        return []
    said_by = (words.searchable(str(actor.get("id"))), words.searchable(str(actor.get("name"))))
    leaf = entry.leaf
    return [(leaf.seq, leaf.stream, leaf.kind, as_time(at), *said_by, words.searchable(text))]


def _witnessed(content: Content, at: datetime) -> None:
    line = {"cosignature": content["cosignature"], "at": at}
    Witnessed.objects.get_or_create(witness=content["witness"], size=content["size"], defaults=line)


def _stamped(content: Content, at: datetime) -> None:
    values = {
        "note": content["checkpoint"],
        "authority": content["authority"],
        "reply": base64.b64decode(str(content["reply"])),
        "at": parse_time(str(content["stamped_at"])),
    }
    Stamped.objects.get_or_create(size=content["size"], defaults=values)


def _mailed(content: Content, at: datetime) -> None:
    Mailed.objects.get_or_create(size=content["size"], defaults={"at": at})


def _sealed(content: Content, at: datetime) -> None:
    values: dict[str, object] = {name: content[name] for name in ("size", "digest", "store", "name", "version")}
    values |= {"root": bytes.fromhex(str(content["root"])), "due_at": None, "sealed_at": at, "checked_at": at}
    Segment.objects.update_or_create(first=content["first"], defaults=values)


_REPEATED = {
    "checkpoint.witnessed": _witnessed,
    "checkpoint.stamped": _stamped,
    "checkpoint.mailed": _mailed,
    "segment.sealed": _sealed,
}
