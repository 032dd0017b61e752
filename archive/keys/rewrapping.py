"""Rotation of the KEK: every key is wrapped again under a new KEK, all at once, and then the old KEKs are destroyed.

Danger: the worst case is a key whose KEK is gone. So the new files are staged beside the old ones and opened again; one
marker file makes all of them valid; old KEKs are destroyed only when no valid file names them. Whoever stops half-way
leaves a store that opens: as before up to the marker, under the new KEK from then on. The caller holds the head's lock
from begin() to the commit of the entry, leaves a note of the entry before switch(), and calls finish() once it is
committed: until then the note says what a stop between the two left unrecorded.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from archive.keys.custody import Custody, KeyRing
from archive.keys.files import (
    KeyMissing,
    create_key_file,
    create_key_files,
    make_folder,
    read_key_file,
    replace_key_file,
    sync_folder,
)
from archive.keys.store import STAGED, SWITCHED, current_kek, key_files, read_wrapped, ring_of
from archive.keys.wrapping import split

# Lists the KEKs to destroy once no file names them; it is there from before anything is staged until they are gone.
RETIRING = "retiring"
# What the entry of a rotation says; it is there from before the switch until that entry is known to be committed.
NOTE = "rotation"


@dataclass(frozen=True)
class Rotation:
    """What begin() prepared. KEKs are named "adapter:name", protections are words for people."""

    before: str
    after: str
    protection_before: str
    protection_after: str


def begin(folder: Path, *, old: Custody, new: Custody) -> Rotation:
    """Make the new KEK in `new` custody. Raises KeyMissing where one key does not open; then nothing is made.

    Whatever keys the caller makes between begin() and stage(), for the entry of the rotation, come along.
    """
    clear_up(folder)
    old_ring, new_ring = ring_of(folder, custody=old), ring_of(folder, custody=new)
    _open_all(folder, ring=old_ring)
    before, after = current_kek(folder), new_ring.new_kek()
    _note_retiring(folder, {*_retiring(folder), *_in_use(folder), after})
    return Rotation(
        before=before,
        after=after,
        protection_before=old_ring.protection(before),
        protection_after=new_ring.protection(after),
    )


def stage(folder: Path, rotation: Rotation, *, old: Custody, new: Custody) -> int:
    """Write every key under the new KEK, beside the valid files, which stay as they are. Return how many there are."""
    ring = ring_of(folder, custody=new)
    keys = _open_all(folder, ring=ring_of(folder, custody=old))
    contents = {}
    for path, context in key_files(folder).items():
        content = ring.wrap(keys[path], kek=rotation.after, context=context)
        if ring.unwrap(content, context=context) != keys[path]:
            raise KeyMissing(f"The new key-encryption key {rotation.after} does not give back what it wrapped.")
        contents[folder / STAGED / path.relative_to(folder)] = content
    make_folder(folder / STAGED / "buckets")
    create_key_files(contents)
    return len(keys)


def write_note(folder: Path, note: bytes) -> None:
    """Keep what the entry of this rotation says, for whoever finds that it never was committed."""
    replace_key_file(folder / NOTE, note)


def read_note(folder: Path) -> bytes | None:
    """Return the note of a rotation that is not finished, None where there is none. Raises KeyMissing."""
    return read_key_file(folder / NOTE) if (folder / NOTE).exists() else None


def is_unfinished(folder: Path) -> bool:
    """Say whether a rotation is under way, or was interrupted."""
    return (folder / RETIRING).exists()


def switch(folder: Path) -> None:
    """Make the staged files the valid ones, all at once."""
    sync_folder(folder / STAGED)
    sync_folder(folder)
    create_key_file(folder / STAGED / SWITCHED, b"")


def finish(folder: Path, *, old: Custody, new: Custody) -> list[str]:
    """Move the files into place, destroy the KEKs that no key is under, return their ids. May be repeated.

    Before the switch it undoes the rotation: then it is the new KEK that no key is under.
    """
    clear_up(folder)
    gone = retiring_keks(folder)
    for kek in gone:
        # The old custody may reach a token that the new one does not name.
        ring_of(folder, custody=new if _reaches(new, kek) else old).destroy(kek)
    for name in (NOTE, RETIRING):  # in this order: the list says that there may be a note
        (folder / name).unlink(missing_ok=True)
        sync_folder(folder)
    return gone


def retiring_keks(folder: Path) -> list[str]:
    """Return the KEKs that are still to be destroyed because no key is under them any more."""
    used = _in_use(folder)
    return [kek for kek in _retiring(folder) if kek not in used]


def clear_up(folder: Path) -> None:
    """Bring what an interrupted rotation left to an end: forward from its marker on, otherwise back."""
    staged = folder / STAGED
    if (staged / SWITCHED).exists():
        for path in key_files(folder):
            _move_into_place(staged / path.relative_to(folder), path)
        sync_folder(folder / "buckets")
        sync_folder(folder)
        (staged / SWITCHED).unlink()
    if staged.exists():
        shutil.rmtree(staged)
        sync_folder(folder)


def _move_into_place(staged: Path, path: Path) -> None:
    if staged.exists():
        os.replace(staged, path)


def _open_all(folder: Path, *, ring: KeyRing) -> dict[Path, bytes]:
    files = key_files(folder).items()
    return {path: ring.unwrap(read_wrapped(folder, path), context=context) for path, context in files}


def _reaches(custody: Custody, kek: str) -> bool:
    return kek.startswith("file:") or custody.token is not None


def _in_use(folder: Path) -> set[str]:
    return {split(read_wrapped(folder, path))[0] for path in key_files(folder)}


def _retiring(folder: Path) -> list[str]:
    path = folder / RETIRING
    return path.read_text(encoding="ascii").split() if path.exists() else []


def _note_retiring(folder: Path, keks: set[str]) -> None:
    replace_key_file(folder / RETIRING, "".join(f"{kek}\n" for kek in sorted(keks)).encode())
