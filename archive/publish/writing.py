"""Writing the record into a folder that any web server can hand out: checkpoint, tiles, entry bundles, chosen proofs.

Everybody who reads the folder learns how many entries there are, of which kinds and when; nobody learns a word, a name
or a number. It must not write a checkpoint before all that it signs is on the disk, must not change a full tile, and
must not go on in a folder that holds another record.
"""

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from archive import checkpoint, cosignature_mldsa, ledger
from archive.checkpoint import BadCheckpoint
from archive.keys.files import sync_folder
from archive.ledger import tiles
from archive.ledger.head import keystore
from archive.models import Leaf
from archive.publish import layout
from archive.publish.comparing import Contradicted, require_contained

CHECKPOINT = "checkpoint"
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
    record or a record that is empty, PublishFailed where the stored hashes do not have the signed root or the folder
    holds another record, OSError.
    """
    signed = ledger.latest_checkpoint()
    prover = ledger.Prover(signed.size)
    if prover.root() != signed.root:
        raise PublishFailed(
            "The stored entries do not have the root that the latest checkpoint signs: check the record."
        )
    note, keys = _cosigned(signed.note, at=at)
    target = _Target(folder, is_ours=_holds_this_record(folder))
    proofs = {seq: layout.proof_text(seq, path=prover.path(seq), note=note) for seq in prove}
    for part in layout.parts(signed.size):
        _write_part(target, part)
    for seq, text in proofs.items():
        target.write(f"proof/{seq}.tlog-proof", text.encode())
    target.sync()
    target.write(CHECKPOINT, note.encode())
    target.sync()
    return Published(signed.size, target.written, keys)


def _holds_this_record(folder: Path) -> bool:
    """Say whether a checkpoint of this record stands in the folder; then what is full in it is ours.

    Raises PublishFailed for one of another record, as before a loss was accepted: its tiles would stay among ours.
    """
    try:
        note = (folder / CHECKPOINT).read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    try:
        require_contained(note)
    except (Contradicted, BadCheckpoint, UnicodeDecodeError) as error:
        why = str(error).rstrip(".")
        raise PublishFailed(f"{folder} holds another record ({why}): publish into a new folder.") from error
    return True


def _cosigned(note: str, *, at: datetime) -> tuple[str, tuple[str, str]]:
    """Return the note with the ML-DSA-44 line, and the two verifier keys."""
    statement = checkpoint.parse(note)
    key = cosignature_mldsa.derive_key(keystore().log_key)
    line = cosignature_mldsa.cosign(statement, key=key, at_s=int(at.timestamp()))
    keys = (ledger.verifier_key(), cosignature_mldsa.verifier_key(statement.origin, key=key))
    return note + line, keys


class _Target:
    """The folder that is written to; with `is_ours`, what is there already is not written again."""

    def __init__(self, folder: Path, *, is_ours: bool) -> None:
        self.written = 0
        self._folder = folder
        self._is_ours = is_ours
        self._unsynced: set[Path] = set()

    def has(self, name: str) -> bool:
        return self._is_ours and (self._folder / name).exists()

    def write(self, name: str, data: bytes) -> None:
        """Put a file in place whole, replacing what was there. Readers never see half of one."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, data)
        self.written += 1
        above = [folder for folder in path.parents if folder.is_relative_to(self._folder)]
        self._unsynced.update(above)

    def sync(self) -> None:
        """Bring the names of what was written to the disk: a file alone could be there under no name."""
        for folder in self._unsynced:
            sync_folder(folder)
        self._unsynced.clear()


def _write_part(target: _Target, part: layout.Part) -> None:
    """Write a tile, and below level 0 the entries under it, unless they are there."""
    if not target.has(part.tile_path()):
        target.write(part.tile_path(), b"".join(tiles.read_hashes(part.level, part.index)[: part.width]))
    if part.level == 0 and not target.has(part.bundle_path()):
        target.write(part.bundle_path(), layout.bundle(_leaves(part)))


def _leaves(part: layout.Part) -> list[bytes]:
    first = part.index * layout.WIDTH
    rows = Leaf.objects.filter(seq__gte=first, seq__lt=first + part.width).order_by("seq")
    return [bytes(data) for data in rows.values_list("data", flat=True)]


def _replace(path: Path, data: bytes) -> None:
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
