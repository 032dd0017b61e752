"""Write data/entries.jsonl and data/heads.json of an export package (docs/record-format.md), a batch at a time.

Danger: it opens sealed content, exactly what the scope opens. It must not hold a stream in memory, must not leave an
entry out, and must not go on when the record itself has a hole.
"""

import base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from archive import canonical, ledger, merkle, spans, verify
from archive.canonical import Json
from archive.export.files import StoreAway, write_files
from archive.export.opening import Fields, open_batch
from archive.export.scope import Scope
from archive.leaf import Leaf as LeafMembers
from archive.leaf import parse_time
from archive.ledger.disposals import Claim, read_disposals
from archive.ledger.reading import StreamHead, head_leaf
from archive.models import Checkpoint, Entry, Leaf

BATCH = 500
Progress = Callable[[], object]


class ExportFailed(RuntimeError):
    """The package could not be made as it should be: nothing was handed out. The message says what is wrong."""


@dataclass(frozen=True)
class Cut:
    """The state of the record that an export shows: the heads entry, all heads before it, a checkpoint over both."""

    heads_seq: int
    heads: Sequence[StreamHead]  # sorted by stream id
    note: str
    origin: str
    size: int
    root: bytes


@dataclass
class Counts:
    """What was written, in the form of the manifest."""

    entries: int = 0
    opened: int = 0
    kinds: dict[str, dict[str, int]] = field(default_factory=dict)
    streams: dict[str, int] = field(default_factory=dict)
    exceptions: list[Json] = field(default_factory=list)
    disposed: int = 0
    disposals: set[int] = field(default_factory=set)  # the entries that say so

    def add(self, leaf: LeafMembers, *, is_opened: bool) -> None:
        kind = self.kinds.setdefault(leaf.kind, {"entries": 0, "opened": 0})
        for count in ("entries", "opened") if is_opened else ("entries",):
            kind[count] += 1
        self.entries += 1
        self.opened += is_opened
        self.streams[leaf.stream] = self.streams.get(leaf.stream, 0) + 1

    def as_json(self) -> dict[str, Json]:
        kinds: dict[str, Json] = {kind: dict[str, Json](counts) for kind, counts in self.kinds.items()}
        streams: dict[str, Json] = dict(self.streams)
        disposed: dict[str, Json] = {"disposed": self.disposed} if self.disposed else {}
        return {**disposed, "entries": self.entries, "kinds": kinds, "opened": self.opened, "streams": streams}


def cut_at(heads_seq: int) -> Cut:
    """Return the state of the record at a heads entry, under the first checkpoint that covers it."""
    row = Checkpoint.objects.filter(size__gt=heads_seq).order_by("size").first()
    if row is None:
        raise ExportFailed(f"No checkpoint covers entry {heads_seq}.")
    heads = ledger.heads(before=heads_seq)
    origin = row.note.partition("\n")[0]
    return Cut(heads_seq, heads, row.note, origin, row.size, bytes(row.root))


def write_entries(
    bag: Path, *, scope: Scope, streams: Sequence[str], cut: Cut, on_progress: Progress = lambda: None
) -> Counts:
    """Write a line for each entry of the streams (ids) up to the cut, sorted by stream and number, and their files.

    `on_progress` is called after each batch; what it raises ends the writing.
    """
    counts, prover = Counts(), ledger.Prover(cut.size)
    claims = [claim for claim in read_disposals().claims if claim.seq < cut.size]
    ends = {stream: n for stream, n, _ in cut.heads}
    with (bag / verify.ENTRIES).open("wb") as file:
        for stream in sorted(streams):
            for leaves in _batches(stream, last=ends.get(stream, 0)):
                _count_disposed(counts, leaves, claims=claims)
                file.write(b"".join(_lines(leaves, bag=bag, scope=scope, counts=counts, prover=prover)))
                on_progress()
    return counts


def disposals_jsonl(seqs: Iterable[int], *, cut: Cut) -> bytes:
    """Return disposals.jsonl: the entries of these disposals, with what each one took opened, and its cause."""
    numbers, prover, lines = sorted(seqs), ledger.Prover(cut.size), []
    batch = open_batch(numbers)
    leaves = dict(Leaf.objects.filter(seq__in=numbers).values_list("seq", "data"))
    for seq in numbers:
        shown = {name: value for name, value in batch.opened.get(seq, {}).items() if name in ("cause", "entries")}
        lines.append(canonical.encode(_line(seq, bytes(leaves[seq]), opened=shown, prover=prover)) + b"\n")
    return b"".join(lines)


def heads_json(cut: Cut, *, streams: Sequence[str]) -> bytes:
    """Return heads.json: the heads entry, and for each of the streams (ids) its proof that it ends where it does."""
    data = bytes(Leaf.objects.get(seq=cut.heads_seq).data)
    opened = open_batch([cut.heads_seq]).opened.get(cut.heads_seq, {})
    line = _line(cut.heads_seq, data, opened=opened, prover=ledger.Prover(cut.size))
    tree = merkle.Tree([merkle.leaf_hash(head_leaf(item)) for item in cut.heads])
    places = {stream: index for index, (stream, _, _) in enumerate(cut.heads)}
    if not set(streams) <= set(places):
        raise ExportFailed(f"A stream of the scope had no entry yet at entry {cut.heads_seq}.")
    proofs: dict[str, Json] = {stream: _head(cut.heads[places[stream]], places[stream], tree) for stream in streams}
    return canonical.encode({**line, "streams": proofs}) + b"\n"


def _batches(stream: str, *, last: int) -> Iterator[dict[int, bytes]]:
    """Yield items 1 to `last` in order, as exact bytes by number in the record. Raises ExportFailed for a hole."""
    items = Entry.objects.filter(stream=stream).order_by("n")
    for first in range(1, last + 1, BATCH):
        wanted = range(first, min(first + BATCH, last + 1))
        rows = dict(items.filter(n__range=(wanted[0], wanted[-1])).values_list("n", "seq"))
        leaves = dict(Leaf.objects.filter(seq__in=rows.values()).values_list("seq", "data"))
        for n in wanted:
            if n not in rows or rows[n] not in leaves:
                raise ExportFailed(f"The record is damaged: stream {stream} has no entry {n}.")
        yield {rows[n]: bytes(leaves[rows[n]]) for n in wanted}


def _count_disposed(counts: Counts, seqs: Iterable[int], *, claims: Sequence[Claim]) -> None:
    for seq in seqs:
        for claim in claims:
            if spans.holds(claim.entries, seq):
                counts.disposed += 1
                counts.disposals.add(claim.seq)


def _lines(
    leaves: dict[int, bytes], *, bag: Path, scope: Scope, counts: Counts, prover: ledger.Prover
) -> Iterator[bytes]:
    members = {seq: _parse(seq, data) for seq, data in leaves.items()}
    batch = open_batch([seq for seq, leaf in members.items() if scope.opens(leaf.kind, parse_time(leaf.at))])
    for seq, leaf in members.items():
        fields = batch.opened.get(seq, {})
        closed = [batch.closed[seq]] if seq in batch.closed else _write_files(bag, seq=seq, fields=fields)
        counts.add(leaf, is_opened=bool(fields))
        for reason in closed:
            counts.exceptions.append({"entry": seq, "n": leaf.n, "reason": reason, "stream": leaf.stream})
        # Leaf and fields were parsed as canonical JSON, and the rest is our own: nothing to look at again.
        yield canonical.encode_again(_line(seq, leaves[seq], opened=fields, prover=prover)) + b"\n"


def _write_files(bag: Path, *, seq: int, fields: Fields) -> list[str]:
    try:
        return write_files(bag, seq=seq, fields=fields)
    except StoreAway as error:
        raise ExportFailed(str(error)) from error


def _parse(seq: int, data: bytes) -> LeafMembers:
    try:
        return LeafMembers.parse(data)
    except ledger.NotCanonical as error:
        raise ExportFailed(f"The record is damaged: entry {seq} is no leaf: {error}.") from error


def _line(seq: int, data: bytes, *, opened: dict[str, Json], prover: ledger.Prover) -> dict[str, Json]:
    try:
        proof: list[Json] = [_base64(node) for node in prover.path(seq)]
    except LookupError as error:
        raise ExportFailed(f"The record is damaged: entry {seq} cannot be proved.") from error
    return {"index": seq, "leaf": data.decode(), "opened": opened, "proof": proof}


def _head(head: StreamHead, index: int, tree: merkle.Tree) -> dict[str, Json]:
    _, n, last = head
    proof: list[Json] = [_base64(node) for node in tree.path(index)]
    return {"index": index, "last": last.hex(), "n": n, "proof": proof}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
