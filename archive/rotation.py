"""Rotation and backup of the key store, each under the head's lock, so that no key is made meanwhile.

Danger: these touch the only copies of the keys. The entry is committed before an old key-encryption key is destroyed.
"""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings

from archive import events, ledger
from archive.keys import Custody, KeyMissing, custody_of_settings, keeping, open_keystore, rewrapping
from archive.keys.files import FOLDER_MODE, sync_folder
from archive.keys.store import bucket_names, current_kek, ring_of
from archive.leaf import format_time
from archive.models import Entry, RecordKey

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
    store opens as before or under the new key-encryption key; run again, it ends well.
    Raises KeyMissing, ForeignRecord.
    """
    folder: Path = settings.ONRECORD_KEY_DIR
    old = custody_of_settings()
    new = Custody(passphrase=passphrase) if passphrase else old
    with ledger.transaction():
        rotation = rewrapping.begin(folder, old=old, new=new)
        ledger.record(
            events.KeyRotated(
                stream="system",
                actor=events.SYSTEM,
                at=at,
                before=rotation.before,
                after=rotation.after,
                protection_before=rotation.protection_before,
                protection_after=rotation.protection_after,
            )
        )
        rewrapping.stage(folder, rotation, old=old, new=new)
        rewrapping.switch(folder)
    with ledger.transaction():
        rewrapping.finish(folder, old=old, new=new)
    open_keystore.cache_clear()
    return rotation


def back_up_keys(destination: Path) -> int:
    """Copy the key store to a new folder and open every key of the copy; return how many there are.

    Raises KeyMissing where the copy does not open, FileExistsError where the destination exists.
    """
    folder: Path = settings.ONRECORD_KEY_DIR
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
