"""`manage.py keys`: what the person who runs the server types. The record stays sound throughout."""

import contextlib
import errno
import itertools
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from archive import ledger, rotation
from archive.keys import create_keystore, files, open_keystore
from archive.models import Leaf
from tests.archive.samples import record, record_conversations, said
from tests.archive.tokens import software_token
from tests.services import find_softhsm_library

# The keys that a test makes or moves are gone after it, so it checks the record itself.
pytestmark = [pytest.mark.django_db, pytest.mark.breaks_the_record]

BUCKET_FILE = "7y_2026-11-21"
PASSPHRASE = "correct horse battery staple"


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Iterator[Path]:
    """A key folder of the test's own, with a record that was written under it."""
    settings.ONRECORD_KEY_DIR = tmp_path / "keys"
    record_conversations(12)
    yield tmp_path / "keys"
    open_keystore.cache_clear()


def run(*words: str) -> str:
    out = StringIO()
    call_command("keys", *words, stdout=out)
    return out.getvalue()


def start_again() -> None:
    """Look at settings and files as a new process does."""
    open_keystore.cache_clear()
    ledger.confirm_identity()
    assert ledger.check().is_sound
    record(said(f"still here {datetime.now(UTC)}"))


def refused_at_the_start(words: str) -> None:
    open_keystore.cache_clear()
    size = Leaf.objects.count()
    with pytest.raises(ledger.KeyMissing, match=words):
        ledger.confirm_identity()
    assert Leaf.objects.count() == size


def passphrase_file(folder: Path, text: str = PASSPHRASE) -> str:
    path = folder.parent / "passphrase"
    path.write_text(text + "\n")
    return str(path)


def test_status_says_honestly_how_the_first_store_is_kept(folder: Path) -> None:
    assert run("status").splitlines() == [
        f"Key store: {folder}",
        "Key-encryption key: file:kek, protected by a file without a passphrase: whoever reads the key folder has it",
        "In use since: the first entry",
        "Bucket keys: 1",
    ]


def test_status_names_keys_that_are_missing_or_do_not_open(folder: Path) -> None:
    (folder / "buckets" / BUCKET_FILE).unlink()
    (folder / "buckets" / "7y_2026-11-20").write_bytes(b"not a key")
    out = StringIO()
    with pytest.raises(SystemExit) as stop:
        call_command("keys", "status", "--json", stdout=out)
    assert stop.value.code == 1
    status = json.loads(out.getvalue())
    assert (status["missing"], status["unopened"]) == (["7y/2026-11-21"], ["7y/2026-11-20"])


def test_a_rotation_is_recorded_and_everything_opens_after_it() -> None:
    key = ledger.verifier_key()
    assert "All keys are under file:kek-" in run("rotate")
    entry = ledger.read_stream("system")[-1]
    assert (entry.kind, entry.content["before"]) == ("key.rotated", "file:kek")
    assert run("status").splitlines()[1].startswith(f"Key-encryption key: {entry.content['after']}")
    start_again()
    assert ledger.verifier_key() == key


def test_the_key_of_the_rotations_own_entry_comes_along(folder: Path) -> None:
    rotation.rotate_keys(datetime(2027, 1, 5, tzinfo=UTC))
    assert (folder / "buckets" / "7y_2027-01-05").exists()
    assert not (folder / "kek").exists()
    assert "In use since: 2027-01-05T00:00:00.000Z" in run("status")
    start_again()


@contextmanager
def full_disk_at(step: int) -> Iterator[None]:
    """Refuse to bring anything to the disk from the block's step-th time on."""
    real, calls = os.fsync, itertools.count()

    def limited(descriptor: int) -> None:
        if next(calls) >= step:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", limited)
        yield


def is_rotated() -> bool:
    return "key.rotated" in {entry.kind for entry in ledger.read_stream("system")}


def test_a_disk_that_fills_up_at_any_step_stops_the_rotation_and_costs_nothing(folder: Path) -> None:
    refused = 0
    for step in itertools.count():
        with contextlib.suppress(CommandError), full_disk_at(step):
            run("rotate")
            break
        refused += 1
        assert is_rotated() or (folder / "kek").exists()
        start_again()
    assert refused > 10
    assert is_rotated()
    assert not (folder / "kek").exists()
    start_again()


def test_a_passphrase_is_asked_for_from_the_rotation_on(folder: Path, settings: Settings) -> None:
    run("rotate", "--new-passphrase-file", passphrase_file(folder))
    refused_at_the_start("is sealed under a passphrase: set ONRECORD_KEY_PASSPHRASE")
    settings.ONRECORD_KEY_PASSPHRASE = "another passphrase"
    refused_at_the_start("The passphrase does not open")
    settings.ONRECORD_KEY_PASSPHRASE = PASSPHRASE
    start_again()
    assert "protected by a passphrase (scrypt)" in run("status")


def test_a_new_record_starts_under_the_passphrase(settings: Settings, tmp_path: Path) -> None:
    settings.ONRECORD_KEY_PASSPHRASE = PASSPHRASE
    settings.ONRECORD_KEY_DIR = tmp_path / "new"
    create_keystore(tmp_path / "new")
    assert rotation.key_status().protection == "a passphrase (scrypt)"


def test_a_passphrase_that_protects_nothing_stops_the_start(settings: Settings) -> None:
    settings.ONRECORD_KEY_PASSPHRASE = PASSPHRASE
    refused_at_the_start("is not sealed under it: run `manage.py keys rotate`")
    run("rotate")
    start_again()
    assert "protected by a passphrase (scrypt)" in run("status")


@pytest.mark.parametrize("text", ["", "short"])
def test_a_short_passphrase_changes_nothing(folder: Path, text: str) -> None:
    before = (folder / "log").read_bytes()
    with pytest.raises(CommandError, match="at least 12 characters"):
        run("rotate", "--new-passphrase-file", passphrase_file(folder, text))
    assert (folder / "log").read_bytes() == before


@pytest.mark.skipif(find_softhsm_library() is None, reason="SoftHSM is missing: apt-get install softhsm2")
def test_the_keys_move_into_a_token_by_settings_and_rotation(folder: Path, settings: Settings) -> None:
    token = software_token()
    settings.ONRECORD_PKCS11_MODULE = token.module
    settings.ONRECORD_PKCS11_TOKEN = token.label
    settings.ONRECORD_PKCS11_PIN = token.pin
    refused_at_the_start("The settings name pkcs11, but the keys are under file:kek")
    run("rotate")
    start_again()
    assert not list(folder.glob("kek*"))
    assert "it never leaves the token" in run("status")
    run("rotate")
    start_again()
    settings.ONRECORD_PKCS11_MODULE = ""
    refused_at_the_start("the settings name no pkcs11")


def test_the_server_does_not_start_and_says_why(settings: Settings) -> None:
    settings.ONRECORD_KEY_PASSPHRASE = PASSPHRASE
    open_keystore.cache_clear()
    size = Leaf.objects.count()
    with pytest.raises(CommandError, match=r"is not sealed under it: run `manage\.py keys rotate`"):
        call_command("serve", "--no-worker")
    assert Leaf.objects.count() == size


def test_without_a_store_there_is_nothing_to_show(folder: Path) -> None:
    shutil.rmtree(folder)
    with pytest.raises(CommandError, match="log cannot be read"):
        run("status")
    assert not folder.exists()


def test_a_key_file_of_another_firm_stops_the_start(folder: Path, tmp_path: Path) -> None:
    create_keystore(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "kek", folder / "kek")
    refused_at_the_start("does not open the key")


def test_a_backup_brings_a_lost_key_store_back(folder: Path, tmp_path: Path) -> None:
    assert "opens: 1 bucket keys" in run("backup", str(tmp_path / "backup"))
    shutil.rmtree(folder)
    open_keystore.cache_clear()
    assert not ledger.check().is_sound
    shutil.copytree(tmp_path / "backup", folder)
    start_again()


def test_a_backup_never_overwrites(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    with pytest.raises(CommandError, match="File exists"):
        run("backup", str(tmp_path / "backup"))
    assert not list((tmp_path / "backup").iterdir())


def test_a_backup_into_the_key_store_itself_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    for destination in (folder / "backup", folder / "buckets" / "backup", tmp_path / "link" / "backup"):
        with pytest.raises(CommandError, match="lies inside the key store"):
            run("backup", str(destination))
        assert not destination.exists()


def test_a_backup_taken_too_early_shows_what_it_lacks(folder: Path, tmp_path: Path) -> None:
    run("backup", str(tmp_path / "backup"))
    record(said("the day after", at=datetime(2026, 11, 22, tzinfo=UTC)))
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "backup", folder)
    open_keystore.cache_clear()
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("keys", "status", stdout=out)
    assert "MISSING: the key of bucket 7y/2026-11-22" in out.getvalue()


def test_nobody_else_can_read_a_backup_while_it_is_made(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes, real = set(), shutil.copystat

    def looked_at(source: Path, copy: Path, *, follow_symlinks: bool = True) -> None:
        modes.add((tmp_path / "backup").stat().st_mode & 0o777)
        real(source, copy, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(shutil, "copystat", looked_at)
    old = os.umask(0)
    try:
        run("backup", str(tmp_path / "backup"))
    finally:
        os.umask(old)
    assert modes == {0o700}


def test_a_folder_that_is_there_is_not_written_into(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    with pytest.raises(CommandError, match="File exists"):
        run("backup", str(tmp_path / "backup"))
    assert not list((tmp_path / "backup").iterdir())


def test_a_passphrase_that_is_not_text_is_refused_in_a_sentence(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_bytes(b"\xff\xfe a passphrase in another code\n")
    with pytest.raises(CommandError, match="codec can't decode"):
        run("rotate", "--new-passphrase-file", str(tmp_path / "passphrase"))


def test_the_name_of_a_new_key_folder_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(files, "sync_folder", synced.append)
    files.make_folder(tmp_path / "var" / "keys")
    assert synced == [tmp_path / "var", tmp_path]
    files.make_folder(tmp_path / "var" / "keys")
    assert len(synced) == 2
