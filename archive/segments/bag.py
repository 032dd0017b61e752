"""The bag of a run of entries, written into a folder: everything that stands under its checkpoint, and no key.

The same run of the same record gives the same bytes, whenever it is written. It must not write what it could not read
whole, and must not decide which runs there are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from archive import canonical, ledger, verify
from archive.canonical import Json
from archive.checkpoint import Statement, parse
from archive.ledger import tiles
from archive.models import Checkpoint, Entry, Leaf
from archive.publish import layout
from archive.publish.layout import Part

TOOL = "OnRecord segment 1"  # raised with every change of the bytes that the same record gives
# Entries about evidence, and the lists of streams' ends: nobody's words. Opened, they are bound to the tree.
OPENED_KINDS = ("checkpoint.witnessed", "checkpoint.stamped", "segment.sealed", "stream.heads")
README = """A segment of the record of {origin}: entries {first} to {last}, as C2SP tlog-tiles with their ciphertexts.
It holds no key to any content. Check it with verify.py (Python, nothing else) or verify.sh (sh, openssl, coreutils)
of any export, and with the firm's verifier key, got by another way than this file:

    python verify.py FOLDER --key KEY
    sh verify.sh KEY FOLDER

Time stamps (RFC 3161) stand in data/evidence.jsonl, opened as base64 in the field "reply" over the field "checkpoint".
docs/record-format.md, section Segments, is the specification.
"""


class SegmentFailed(Exception):
    """A run of entries could not be written as a segment; the message says why."""


@dataclass(frozen=True)
class Run:
    """The entries `first` to `size` - 1; both are sizes at which a checkpoint was signed, or `first` is 0."""

    first: int
    size: int


def write_bag(folder: Path, *, run: Run) -> None:
    """Write the bag of a run into a folder, which is made, and have the verifier accept it. Raises SegmentFailed."""
    note = note_of(run.size)
    for name, data in _payload(run, note):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    _write_tags(folder, run=run, statement=parse(note))
    _, findings = verify.check_segment(folder, key=verify.read_verifier_key(ledger.verifier_key()))
    if findings.count:
        raise SegmentFailed(f"Entries {run.first} to {run.size - 1} do not verify: {findings.lines[0]}")


def note_of(size: int) -> str:
    """Return the signed checkpoint of a size. Raises SegmentFailed where none was signed."""
    note = Checkpoint.objects.filter(size=size).values_list("note", flat=True).first()
    if note is None:
        raise SegmentFailed(f"There is no checkpoint of {size} entries.")
    return note


def _payload(run: Run, note: str) -> Iterator[tuple[str, bytes]]:
    statement = parse(note)
    yield verify.SEGMENT, canonical.encode(_description(run, statement))
    yield verify.CHECKPOINT, note.encode()
    if run.first:
        yield verify.BEFORE, note_of(run.first).encode()
    for part in parts_of(run):
        hashes = tiles.read_hashes(part.level, part.index)[: part.width]
        yield f"data/{part.tile_path()}", b"".join(hashes)
        if part.level == 0:
            yield f"data/{part.bundle_path()}", layout.bundle(_leaves(part))
            yield f"data/{ciphertexts_path(part)}", _pack_ciphertexts(part)
    yield verify.EVIDENCE, b"".join(_evidence(run))


def parts_of(run: Run) -> Iterator[Part]:
    """Yield the tiles of the tree that the run changed: those from the one on in which it begins, on each level."""
    return (part for part in layout.parts(run.size) if part.index >= run.first >> (layout.HEIGHT * (part.level + 1)))


def ciphertexts_path(part: Part) -> str:
    return part.bundle_path().replace("tile/entries/", "ciphertexts/", 1)


def _description(run: Run, statement: Statement) -> dict[str, Json]:
    return {
        "first": run.first,
        "origin": statement.origin,
        "root": statement.root.hex(),
        "size": run.size,
        "v": 1,
    }


def _leaves(part: Part) -> list[bytes]:
    first = part.index * layout.WIDTH
    rows = Leaf.objects.filter(seq__gte=first, seq__lt=first + part.width).order_by("seq")
    return [bytes(data) for data in rows.values_list("data", flat=True)]


def _pack_ciphertexts(part: Part) -> bytes:
    first = part.index * layout.WIDTH
    rows = Entry.objects.filter(seq__gte=first, seq__lt=first + part.width).order_by("seq")
    sealed = [bytes(data) for data in rows.values_list("ciphertext", flat=True)]
    return b"".join(len(data).to_bytes(4, "big") + data for data in sealed)


def _evidence(run: Run) -> Iterator[bytes]:
    """Yield a line for each entry about evidence, opened; not opened where its key is gone."""
    rows = Entry.objects.filter(seq__gte=run.first, seq__lt=run.size, kind__in=OPENED_KINDS).order_by("seq")
    for seq in rows.values_list("seq", flat=True):
        try:
            fields = ledger.opened_fields(seq)
        except ledger.KeyMissing:
            fields = {}
        opened: dict[str, Json] = {name: {"key": key.hex(), "value": value} for name, (key, value) in fields.items()}
        yield canonical.encode({"index": seq, "opened": opened}) + b"\n"


def _write_tags(folder: Path, *, run: Run, statement: Statement) -> None:
    payload = sorted(path.relative_to(folder).as_posix() for path in (folder / "data").rglob("*") if path.is_file())
    octets = sum((folder / name).stat().st_size for name in payload)
    at = Checkpoint.objects.values_list("at", flat=True).get(size=run.size)
    info = {
        "Bag-Software-Agent": TOOL,
        "Bagging-Date": at.date().isoformat(),
        "External-Identifier": folder.name,
        "Payload-Oxum": f"{octets}.{len(payload)}",
    }
    text = README.format(origin=statement.origin, first=run.first, last=run.size - 1)
    (folder / "README.txt").write_text(text, encoding="utf-8", newline="\n")
    _write_lines(folder / "bagit.txt", ["BagIt-Version: 1.0", "Tag-File-Character-Encoding: UTF-8"])
    _write_lines(folder / "bag-info.txt", [f"{name}: {value}" for name, value in info.items()])
    for name, listed in (("manifest-sha256.txt", payload), ("tagmanifest-sha256.txt", sorted(verify.SEGMENT_TAGS))):
        _write_lines(folder / name, [f"{verify.describe(folder, item)['sha256']}  {item}" for item in listed])


def _write_lines(path: Path, lines: list[str]) -> None:
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())
