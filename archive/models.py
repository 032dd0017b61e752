"""The tables of the record. What each is trusted for:

- Leaf and Checkpoint are the evidence: bytes that a verifier hashes. Insert-only.
- Entry (the sealed content) and Tile (hashes, 256 wide) must agree with them and are checked against them. Insert-only.
- RecordKey opens an entry and is what disposal destroys. Head and Stream save a scan and can be recomputed.
- Document is derived: the words that a search finds an entry by.
- Witnessed, Stamped and Mailed repeat what entries say about evidence from outside, for queries. Insert-only.
- EvidenceSource and Segment are states, overwritten by each try. Blob says which sealed files there are.

Only archive.ledger writes here; archive.evidence, archive.segments and archive.uploads what the last two points name.
These rows must not refer to tables of other apps; the database refuses changes to the insert-only tables (migrations
0002, 0004, 0005): a fence, and not the evidence.
"""

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from archive.outbox import Leased, due_index, parked_index, parked_rests

STREAM_ID_LENGTH = 32


class SequenceField(models.BigIntegerField):  # type: ignore[type-arg]  # the class takes no parameters at run time
    """A number that the ledger gives out: 64 bits; on SQLite the row id itself, which cannot hold anything else."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        return "integer" if connection.vendor == "sqlite" else super().db_type(connection)

    def rel_db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        return self.db_type(connection)


class Head(models.Model):
    """Where the record ends: one row, locked by whoever appends."""

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    origin = models.TextField()
    verifier_key = models.TextField()
    size = models.BigIntegerField(default=0)
    frontier = models.BinaryField(default=bytes)

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="archive_head_is_one_row"),)


class Stream(models.Model):
    """The last item of a stream. `id` stands in the leaves, `name` ("conversation:7") only here."""

    id = models.CharField(primary_key=True, max_length=STREAM_ID_LENGTH)
    name = models.CharField(max_length=200, unique=True)
    n = models.BigIntegerField()
    last_hash = models.BinaryField()


class Leaf(models.Model):
    """The exact bytes of an entry in the tree, and their leaf hash."""

    seq = SequenceField(primary_key=True)
    data = models.BinaryField()
    hash = models.BinaryField()


class Entry(models.Model):
    """What a leaf stands for: its place in a stream and the sealed content."""

    seq = SequenceField(primary_key=True)
    stream = models.ForeignKey(Stream, on_delete=models.PROTECT, db_index=False)
    n = models.BigIntegerField()
    kind = models.CharField(max_length=64)
    at = models.DateTimeField()
    bucket = models.CharField(max_length=32)
    ciphertext = models.BinaryField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["stream", "n"], name="archive_entry_place"),)


class RecordKey(models.Model):
    """The wrapped key of one entry. Deleting the row is not yet destruction: the bucket key in the key store is."""

    seq = SequenceField(primary_key=True)
    bucket = models.CharField(max_length=32, db_index=True)
    wrapped = models.BinaryField()


class Tile(models.Model):
    """A full tile of C2SP tlog-tiles: 256 hashes side by side, and the root over them, an item of the tile above."""

    level = models.PositiveSmallIntegerField()
    index = models.BigIntegerField()
    hashes = models.BinaryField()
    root = models.BinaryField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["level", "index"], name="archive_tile_place"),)


class Checkpoint(models.Model):
    """A signed statement of size and root. `note` is the evidence, the other columns repeat it for queries."""

    size = SequenceField(primary_key=True)
    root = models.BinaryField()
    note = models.TextField()
    at = models.DateTimeField()


class Document(models.Model):
    """The words of an entry in the clear, for search only: derived, and erased with the entry's key."""

    seq = SequenceField(primary_key=True)
    stream = models.ForeignKey(Stream, on_delete=models.PROTECT, db_index=False)
    kind = models.CharField(max_length=64)
    at = models.DateTimeField(db_index=True)
    actor_id = models.CharField(max_length=64)
    actor_name = models.TextField()
    text = models.TextField()

    class Meta:
        indexes = (
            models.Index(fields=["stream", "seq"], name="archive_document_by_stream"),
            models.Index(fields=["actor_id", "seq"], name="archive_document_by_actor"),
        )


class Witnessed(models.Model):
    """A witness's cosignature of a checkpoint, as the record's entry has it. Insert-only."""

    size = models.BigIntegerField()
    witness = models.CharField(max_length=200)
    cosignature = models.TextField()
    at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["witness", "size"], name="archive_witnessed_once"),)


class Stamped(models.Model):
    """A time stamp over a note, as the record's entry has it. `at` is the time of the authority. Insert-only."""

    size = models.BigIntegerField(unique=True)
    note = models.TextField()
    authority = models.TextField()
    reply = models.BinaryField()
    at = models.DateTimeField()


class Mailed(models.Model):
    """A checkpoint that was handed to the mail server, as the record's entry has it. Insert-only."""

    size = models.BigIntegerField(unique=True)
    at = models.DateTimeField()


class Segment(Leased):
    """A run of entries that goes to the segment store: a state of work. What was sealed stands in the record's entry.

    It has the entries `first` up to `size` - 1. Once `sealed_at` is set, `name`, `digest` (hex) and `version` say what
    is in the store, and `problem` what the last look at it found wrong.
    """

    first = models.BigIntegerField(unique=True)
    size = models.BigIntegerField()
    root = models.BinaryField()
    problem = models.TextField(default="")
    sealed_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    store = models.TextField(default="")
    name = models.TextField(default="")
    digest = models.CharField(max_length=64, default="")
    version = models.TextField(default="")

    class Meta:
        indexes = (due_index("archive_segment"), parked_index("archive_segment"))
        constraints = (parked_rests("archive_segment"),)


class Blob(models.Model):
    """A sealed file in the store of blobs: waiting until an entry names it, removed once it is doomed."""

    digest = models.CharField(primary_key=True, max_length=64)
    size_bytes = models.BigIntegerField()
    at = models.DateTimeField()
    seq = models.BigIntegerField(null=True, db_index=True)  # the entry that names it
    doomed_at = models.DateTimeField(null=True, db_index=True)


class EvidenceSource(models.Model):
    """How the last try at a source of outside evidence went. Not evidence: it is overwritten by the next try."""

    name = models.CharField(primary_key=True, max_length=200)
    kind = models.CharField(max_length=16)
    tried_at = models.DateTimeField()
    problem = models.TextField()
