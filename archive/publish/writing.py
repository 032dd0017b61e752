"""Writing the record into a folder that any web server can hand out: checkpoint, tiles, entry bundles, chosen proofs.

Everybody who reads the folder learns how many entries there are, of which kinds and when; nobody learns a word, a name
or a number. It must not write a checkpoint before all that it signs is in place, and must not change a full tile.
"""

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from archive import checkpoint, cosignature_mldsa, ledger
from archive.ledger import tiles
from archive.ledger.head import keystore
from archive.models import Leaf
from archive.publish import layout

FILE_MODE = 0o644


class PublishFailed(Exception):
    """The folder was not brought up to date; the message says why. The checkpoint in it is the one from before."""


@dataclass(frozen=True)
class Published:
    """What is in the folder now: `written` counts the files that were new, `keys` verify the signatures."""

    size: int
    written: int
    keys: tuple[str, str]  # Ed25519, ML-DSA-44


def publish(folder: Path, *, at: datetime, prove: Iterable[int] = ()) -> Published:
    """Bring a folder up to the latest checkpoint, with a proof file for each entry number in `prove`.

    The checkpoint carries the record's ML-DSA-44 cosignature of this moment beside its Ed25519 signature.

    What is full is written once, so a second call costs what is new. Raises EntryNotFound for a number outside the
    record or a record that is empty, PublishFailed where the stored hashes do not have the signed root, OSError.
    """
    signed = ledger.latest_checkpoint()
    prover = ledger.Prover(signed.size)
    if prover.root() != signed.root:
        raise PublishFailed(
            "The stored entries do not have the root that the latest checkpoint signs: check the record."
        )
    note, keys = _cosigned(signed.note, at=at)
    proofs = {seq: layout.proof_text(seq, path=prover.path(seq), note=note) for seq in prove}
    written = sum(_write_part(folder, part) for part in layout.parts(signed.size))
    for seq, text in proofs.items():
        written += _write(folder / "proof" / f"{seq}.tlog-proof", text.encode())
    written += _write(folder / "checkpoint", note.encode())
    return Published(signed.size, written, keys)


def _cosigned(note: str, *, at: datetime) -> tuple[str, tuple[str, str]]:
    """Return the note with the ML-DSA-44 line, and the two verifier keys."""
    statement = checkpoint.parse(note)
    key = cosignature_mldsa.derive_key(keystore().log_key)
    line = cosignature_mldsa.cosign(statement, key=key, at_s=int(at.timestamp()))
    keys = (ledger.verifier_key(), cosignature_mldsa.verifier_key(statement.origin, key=key))
    return note + line, keys


def _write_part(folder: Path, part: layout.Part) -> int:
    """Write a tile, and below level 0 the entries under it. Return how many files were new."""
    written = 0
    path = folder / part.tile_path()
    if not path.exists():
        written += _write(path, b"".join(tiles.read_hashes(part.level, part.index)[: part.width]))
    path = folder / part.bundle_path()
    if part.level == 0 and not path.exists():
        written += _write(path, layout.bundle(_leaves(part)))
    return written


def _leaves(part: layout.Part) -> list[bytes]:
    first = part.index * layout.WIDTH
    rows = Leaf.objects.filter(seq__gte=first, seq__lt=first + part.width).order_by("seq")
    return [bytes(data) for data in rows.values_list("data", flat=True)]


def _write(path: Path, data: bytes) -> int:
    """Put a file in place whole, on the disk, replacing what was there. Readers never see half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".draft-", delete=False) as draft:
        try:
            draft.write(data)
            draft.flush()
            os.fchmod(draft.fileno(), FILE_MODE)
            os.fsync(draft.fileno())
            os.replace(draft.name, path)
        except BaseException:
            os.unlink(draft.name)
            raise
    return 1
