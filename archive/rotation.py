"""Rotation and backup of the key store, each under the head's lock, so that no key is made meanwhile.

Danger: these touch the only copies of the keys. The entry is committed before an old key-encryption key is destroyed.
The switch to the new one comes just before that commit; a note beside the keys lets the next look make up for an entry
that a stop between the two prevented, or undo what was not switched yet.
"""

import shutil
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings

from archive import canonical, events, ledger
from archive.canonical import NotCanonical
from archive.keys import Custody, KeyMissing, custody_of_settings, keeping, open_keystore, rewrapping
from archive.keys.files import FOLDER_MODE, sync_folder
from archive.keys.store import bucket_names, current_kek, ring_of
from archive.leaf import format_time
from archive.models import Entry, Leaf, RecordKey

DAY = len("2026-11-21")


@dataclass(frozen=True)
class KeyStatus:
    """What a person needs to know about the key store. `missing` are buckets of the record that have no key."""

    folder: str
    kek: str
    protection: str
    rotated_at: str  # when that key-encryption key came, as the record has it; "" for the first one
    bucket_keys: int
    missing: tuple[str, ...]
    unopened: tuple[str, ...]  # names of key files that do not open
    to_be_destroyed: tuple[str, ...]  # key-encryption keys that an interrupted rotation left
    shortcoming: str


def key_status() -> KeyStatus:
    """Open every key once and say how the store stands. Raises KeyMissing where there is no store to speak of."""
    folder: Path = settings.ONRECORD_KEY_DIR
    # Read first: a key is in the store before its bucket is in the record.
    used = set(RecordKey.objects.order_by().values_list("bucket", flat=True).distinct())
    survey = keeping.survey(folder, custody=custody_of_settings())
    return KeyStatus(
        folder=str(folder),
        kek=survey.kek,
        protection=survey.protection,
        rotated_at=_rotated_at(),
        bucket_keys=len(survey.buckets),
        missing=tuple(sorted(used - survey.buckets)),
        unopened=survey.unopened,
        to_be_destroyed=tuple(rewrapping.retiring_keks(folder)),
        shortcoming=survey.shortcoming,
    )


@dataclass(frozen=True)
class KeyAges:
    """What a page shows of the key store without opening a key. Times are as the record has them."""

    kek: str
    protection: str
    kek_since: datetime | None  # None before the first entry
    log_key_since: datetime | None
    bucket_keys: int
    oldest_bucket: str
    newest_bucket: str


def key_ages() -> KeyAges:
    """Say which keys there are and since when. Raises KeyMissing where the store cannot be read."""
    folder: Path = settings.ONRECORD_KEY_DIR
    kek = current_kek(folder)
    names = bucket_names(folder)
    days = sorted({name.partition("/")[2][:DAY] for name in names if not name.startswith("hold/")})
    began = Entry.objects.filter(seq=0).values_list("at", flat=True).first()
    return KeyAges(
        kek=kek,
        protection=ring_of(folder, custody=custody_of_settings()).protection(kek),
        kek_since=_last_rotation() or began,
        log_key_since=began,
        bucket_keys=len(names),
        oldest_bucket=days[0] if days else "",
        newest_bucket=days[-1] if days else "",
    )


def _rotated_at() -> str:
    latest = _last_rotation()
    return format_time(latest) if latest else ""


def _last_rotation() -> datetime | None:
    rotations = Entry.objects.filter(stream__name="system", kind=events.KeyRotated.kind)
    return rotations.order_by("-n").values_list("at", flat=True).first()


def rotate_keys(at: datetime, *, passphrase: str = "") -> rewrapping.Rotation:
    """Put all keys under a new key-encryption key, record it, then destroy the old one.

    The new one is kept as the settings say; with `passphrase`, in a file sealed under that. Interrupted anywhere, the
    store opens as before or under the new key-encryption key, and finish_rotation(), or this, brings it to its end.
    Raises KeyMissing, ForeignRecord.
    """
    folder: Path = settings.ONRECORD_KEY_DIR
    old = custody_of_settings()
    new = Custody(passphrase=passphrase) if passphrase else old
    _record_interrupted(at)
    with ledger.transaction():
        rotation = rewrapping.begin(folder, old=old, new=new)
        receipt = ledger.record(_event(rotation, at=at))
        rewrapping.stage(folder, rotation, old=old, new=new)
        rewrapping.write_note(folder, _note(rotation, receipt=receipt))
        rewrapping.switch(folder)
    with ledger.transaction():
        rewrapping.finish(folder, old=old, new=new)
    open_keystore.cache_clear()
    return rotation


def finish_rotation(at: datetime) -> bool:
    """Bring a rotation that was interrupted to its end, or undo it; return whether there was one. For the sweep.

    Where its files are valid already, its entry is recorded if it is missing, and the old key-encryption key destroyed;
    where they are not, the new one is. Call it outside of a transaction. Raises KeyMissing, ForeignRecord.
    """
    folder: Path = settings.ONRECORD_KEY_DIR
    if not rewrapping.is_unfinished(folder):
        return False
    _record_interrupted(at)
    custody = custody_of_settings()
    with ledger.transaction():
        rewrapping.finish(folder, old=custody, new=custody)
    return True


def _record_interrupted(at: datetime) -> None:
    """Commit the entry of a rotation that switched and was stopped before its own entry was committed."""
    folder: Path = settings.ONRECORD_KEY_DIR
    if rewrapping.read_note(folder) is None:
        return
    with ledger.transaction():
        note = rewrapping.read_note(folder)  # again, under the lock that a rotation holds
        if note is not None and (rotation := _unrecorded(note)) is not None:
            ledger.record(_event(rotation, at=at))


def _unrecorded(note: bytes) -> rewrapping.Rotation | None:
    """Return the rotation of a note where its files are valid and its entry is not in the record. Raises KeyMissing."""
    try:
        fields = canonical.parse_object(note)
        texts = [str(fields[name]) for name in ("before", "after", "protection_before", "protection_after")]
        seq, leaf_hash = int(str(fields["seq"])), bytes.fromhex(str(fields["leaf_hash"]))
    except (NotCanonical, KeyError, ValueError) as error:
        raise KeyMissing(
            f"The note of an interrupted rotation ({rewrapping.NOTE} in the key folder) is damaged: remove it, "
            "and say in the record with `manage.py keys rotate` which key-encryption key is in use."
        ) from error
    rotation = rewrapping.Rotation(*texts)
    is_recorded = Leaf.objects.filter(seq=seq, hash=leaf_hash).exists()
    is_switched = current_kek(settings.ONRECORD_KEY_DIR) == rotation.after
    return rotation if is_switched and not is_recorded else None


def _note(rotation: rewrapping.Rotation, *, receipt: ledger.Receipt) -> bytes:
    return canonical.encode({**asdict(rotation), "seq": receipt.seq, "leaf_hash": receipt.leaf_hash.hex()})


def _event(rotation: rewrapping.Rotation, *, at: datetime) -> events.KeyRotated:
    return events.KeyRotated(stream="system", actor=events.SYSTEM, at=at, **asdict(rotation))


def back_up_keys(destination: Path) -> int:
    """Copy the key store to a new folder and open every key of the copy; return how many there are.

    Raises KeyMissing where the copy does not open, FileExistsError where the destination exists, FileNotFoundError
    where the folder around it does not, and OSError for a place inside the key store: a copy would hold itself.
    """
    folder: Path = settings.ONRECORD_KEY_DIR
    if destination.resolve().is_relative_to(folder.resolve()):
        raise OSError(f"{destination} lies inside the key store; choose a folder elsewhere.")
    destination.mkdir(mode=FOLDER_MODE)  # first, so that the copies can be read by nobody else while they are made
    with ledger.transaction():
        rewrapping.clear_up(folder)
        shutil.copytree(folder, destination, dirs_exist_ok=True)
    _sync_tree(destination)
    survey = keeping.survey(destination, custody=custody_of_settings())
    if survey.unopened:
        raise KeyMissing(f"Keys of the copy do not open: {', '.join(survey.unopened)}.")
    return len(survey.buckets)


def _sync_tree(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder, folder.parent):
        sync_folder(path)  # a file is synced the same way
