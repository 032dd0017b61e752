"""Make an export package: a BagIt bag in a zip file that an outsider can check offline (docs/record-format.md).

Danger: the package is evidence. It appears under its name only whole, synced and after the verifier that goes with it
has accepted it; a half-made one never does. The same scope of the same record at the same time gives the same bytes.
"""

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from archive import canonical, ledger, verify
from archive.canonical import Json
from archive.events import Actor
from archive.export.jsonl import Counts, Cut, ExportFailed, Progress, cut_at, disposals_jsonl, heads_json, write_entries
from archive.export.readme import readme
from archive.export.scope import BadScope, Preview, Scope, preview, stream_names
from archive.keys.files import sync_folder
from archive.leaf import format_time

__all__ = ["BadScope", "ExportFailed", "Package", "Preview", "Scope", "build", "make", "preview"]

TOOL = "OnRecord export 6"  # raised with every change of the bytes that the same record gives
BLOCK_BYTES = 1 << 20
SHELL_VERIFIER = "verify.sh"
FIXED_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest a zip file can say
FILE_MODE = 0o100644


@dataclass(frozen=True)
class Package:
    """A finished package. `digest` is the SHA-256 (hex) of the zip file."""

    path: Path
    digest: str
    size_bytes: int
    entries: int


@dataclass(frozen=True)
class Order:
    """What was ordered: it stands in the manifest as it is here."""

    scope: Scope
    export_id: int
    requester: Actor
    approvals: Sequence[dict[str, Json]]
    purpose: str
    at: datetime


# rule: us-sec-17a-4-download
def make(
    scope: Scope,
    *,
    export_id: int,
    requester: Actor,
    approvals: Sequence[dict[str, Json]],
    purpose: str,
    at: datetime,
    folder: Path,
    on_progress: Progress = lambda: None,
) -> Package:
    """Record the stream heads, then write `export-<id>.zip` into the folder, proved complete up to those heads.

    Raises BadScope, ExportFailed or OSError; then no package is there. A second try replaces a package of the same id.
    `on_progress` is called every few hundred entries and between the steps; what it raises ends the making.
    """
    stream_names(scope)  # before anything is recorded
    heads = ledger.record_heads(at)
    order = Order(scope, export_id, requester, tuple(approvals), purpose, at)
    return build(order, heads_seq=heads.seq, folder=folder, on_progress=on_progress)


def build(order: Order, *, heads_seq: int, folder: Path, on_progress: Progress = lambda: None) -> Package:
    """Write the package of an order as the record stood at a stream.heads entry; same input, same bytes."""
    with tempfile.TemporaryDirectory(prefix=".export-", dir=folder) as draft:
        bag = Path(draft) / f"export-{order.export_id}"
        counts = _write_bag(bag, order, cut_at(heads_seq), on_progress=on_progress)
        on_progress()
        _require_verified(bag)
        on_progress()
        path = folder / f"{bag.name}.zip"
        digest, size_bytes = _publish(bag, path)
    return Package(path, digest, size_bytes, counts.entries)


# --- the bag ---------------------------------------------------------------------------------------------------------
def _write_bag(bag: Path, order: Order, cut: Cut, *, on_progress: Progress) -> Counts:
    streams = stream_names(order.scope)
    (bag / "data").mkdir(parents=True)
    counts = write_entries(bag, scope=order.scope, streams=list(streams), cut=cut, on_progress=on_progress)
    if counts.disposals:
        (bag / verify.DISPOSALS).write_bytes(disposals_jsonl(counts.disposals, cut=cut))
    (bag / verify.HEADS).write_bytes(heads_json(cut, streams=list(streams)))
    (bag / verify.CHECKPOINT).write_bytes(cut.note.encode())
    manifest = _manifest(bag, order, cut=cut, counts=counts, streams=streams)
    (bag / verify.MANIFEST).write_bytes(canonical.encode(manifest))
    _write_tags(bag, order, readme(cut, export_id=order.export_id, counts=counts))
    return counts


def _manifest(bag: Path, order: Order, *, cut: Cut, counts: Counts, streams: dict[str, str]) -> dict[str, Json]:
    files = sorted(verify.payload_of(bag) - {verify.MANIFEST})
    statement = verify.read_checkpoint(bag, None)
    return {
        "approvals": list[Json](order.approvals),
        "checkpoint": verify.describe_checkpoint(statement),
        "counts": counts.as_json(),
        "exceptions": counts.exceptions,
        "export": order.export_id,
        "files": {name: verify.describe(bag, name) for name in files},
        "heads": cut.heads_seq,
        "made_at": format_time(order.at.astimezone(UTC)),
        "purpose": order.purpose,
        "requester": order.requester.as_json(),
        "scope": order.scope.as_json(),
        "streams": dict[str, Json](streams),
        "tool": TOOL,
    }


def _write_tags(bag: Path, order: Order, text: str) -> None:
    payload = sorted(verify.payload_of(bag))
    octets = sum((bag / name).stat().st_size for name in payload)
    info = {
        "Bag-Software-Agent": TOOL,
        "Bagging-Date": order.at.astimezone(UTC).date().isoformat(),
        "External-Identifier": bag.name,
        "Payload-Oxum": f"{octets}.{len(payload)}",
    }
    (bag / "README.txt").write_text(text, encoding="utf-8", newline="\n")
    (bag / "verify.py").write_bytes(Path(verify.__file__).read_bytes())
    (bag / SHELL_VERIFIER).write_bytes(Path(__file__).with_name(SHELL_VERIFIER).read_bytes())
    _write_lines(bag / "bagit.txt", ["BagIt-Version: 1.0", "Tag-File-Character-Encoding: UTF-8"])
    _write_lines(bag / "bag-info.txt", [f"{name}: {value}" for name, value in info.items()])
    for name, listed in (
        ("manifest-sha256.txt", payload),
        ("tagmanifest-sha256.txt", sorted({*verify.TAGS, SHELL_VERIFIER})),
    ):
        _write_lines(bag / name, [f"{verify.describe(bag, item)['sha256']}  {item}" for item in listed])


def _write_lines(path: Path, lines: list[str]) -> None:
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())


def _require_verified(bag: Path) -> None:
    """Run the verifier on what was written: a package that it refuses is worth nothing to anybody."""
    _, findings = verify.check_package(bag, key=verify.read_verifier_key(ledger.verifier_key()))
    if findings.count:
        raise ExportFailed(f"The package does not verify: {findings.lines[0]}")


# --- the zip file ----------------------------------------------------------------------------------------------------
def _publish(bag: Path, path: Path) -> tuple[str, int]:
    """Zip the bag beside it, sync it, and move it to its name. Return the digest and size of what is there."""
    draft = bag.with_suffix(".zip")
    draft.touch(mode=0o600, exist_ok=False)  # it holds opened words
    with draft.open("wb") as file:
        _zip(bag, file)
        file.flush()
        os.fsync(file.fileno())
    digest, size_bytes = _digest(draft)
    draft.replace(path)
    sync_folder(path.parent)
    return digest, size_bytes


def _zip(bag: Path, file: BinaryIO) -> None:
    # Stored, not compressed: the bytes of a compressed file depend on the library that made it.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for source in sorted(item for item in bag.rglob("*") if item.is_file()):
            info = zipfile.ZipInfo(source.relative_to(bag.parent).as_posix(), FIXED_TIME)
            info.create_system, info.external_attr = 3, FILE_MODE << 16
            info.file_size = source.stat().st_size
            with source.open("rb") as content, archive.open(info, "w") as target:
                _copy(content, target.write)


def _copy(source: BinaryIO, write: Callable[[bytes], object]) -> None:
    for block in iter(lambda: source.read(BLOCK_BYTES), b""):
        write(block)


def _digest(path: Path) -> tuple[str, int]:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        _copy(file, digest.update)
    return digest.hexdigest(), path.stat().st_size
