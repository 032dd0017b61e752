"""The key store: made once, private, the same for everybody, and never shown."""

import os
import stat
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from archive.keys import (
    FileAdapter,
    KeyMissing,
    KeyRing,
    KeyStore,
    create_keystore,
    destroy_wrapping_keys,
    open_keystore,
)
from archive.keys.files import create_key_file
from archive.keys.store import bucket_names

BUCKET = "7y/2026-11-21"
ORIGIN = "record.example/firm"


def reopened(folder: Path) -> KeyStore:
    return KeyStore(folder, ring=KeyRing([FileAdapter(folder)]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def test_folder_and_files_are_private(folder: Path) -> None:
    create_keystore(folder).make_bucket_key(BUCKET)
    assert {stat.S_IMODE(path.stat().st_mode) for path in [folder, folder / "buckets"]} == {0o700}
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"kek", "log", "streams", "7y_2026-11-21"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_a_second_start_finds_the_same_keys(folder: Path) -> None:
    first = create_keystore(folder)
    bucket_key = first.make_bucket_key(BUCKET)
    open_keystore.cache_clear()
    second = create_keystore(folder)
    assert second is not first
    assert second.verifier_key(ORIGIN) == first.verifier_key(ORIGIN)
    assert second.bucket_key(BUCKET) == second.make_bucket_key(BUCKET) == bucket_key
    assert second.stream_id("conversation:7", origin=ORIGIN) == first.stream_id("conversation:7", origin=ORIGIN)


def test_two_stores_have_nothing_in_common(tmp_path: Path) -> None:
    first, second = create_keystore(tmp_path / "one"), create_keystore(tmp_path / "two")
    assert first.verifier_key(ORIGIN) != second.verifier_key(ORIGIN)
    assert first.make_bucket_key(BUCKET) != second.make_bucket_key(BUCKET)
    assert first.stream_id("system", origin=ORIGIN) != second.stream_id("system", origin=ORIGIN)


def test_no_key_stands_in_the_clear_but_the_kek(folder: Path) -> None:
    store = create_keystore(folder)
    keys = [store.make_bucket_key(BUCKET), store.log_key.private_bytes_raw()]
    stored = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert not any(key in stored for key in keys)
    assert (folder / "kek").read_bytes() in stored


def test_a_store_never_shows_a_key(folder: Path) -> None:
    store = create_keystore(folder)
    assert repr(store) == f"KeyStore({str(folder)!r})"
    assert str(FileAdapter(folder).open("kek")).startswith("<")


def test_opening_a_store_makes_nothing(folder: Path) -> None:
    with pytest.raises(KeyMissing, match="log"):
        open_keystore(folder)
    assert not folder.exists()


def test_a_bucket_without_a_key_is_missing_until_something_is_written_to_it(folder: Path) -> None:
    store = create_keystore(folder)
    with pytest.raises(KeyMissing, match="7y_2026-11-21"):
        store.bucket_key(BUCKET)
    assert store.make_bucket_key(BUCKET) == store.bucket_key(BUCKET)


@pytest.mark.parametrize(
    "name", ["../log", "7y/../../log", "", "7y", "7y/2026-11-21/", "7y/2026-11-21\n", "7Y/2026-11-21"]
)
def test_a_bucket_name_cannot_lead_to_another_file(folder: Path, name: str) -> None:
    store = create_keystore(folder)
    before = sorted(folder.rglob("*"))
    for ask in (store.bucket_key, store.make_bucket_key):
        with pytest.raises(KeyMissing, match="of that name"):
            ask(name)
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("name", ["kek", "log", "streams"])
@pytest.mark.parametrize("content", [b"", b"short", bytes(32), bytes(60)])
def test_a_damaged_file_is_refused(folder: Path, name: str, content: bytes) -> None:
    create_keystore(folder)
    (folder / name).write_bytes(content)
    with pytest.raises(KeyMissing):
        reopened(folder)


def test_a_key_put_in_another_keys_place_is_refused(folder: Path) -> None:
    store = create_keystore(folder)
    store.make_bucket_key(BUCKET)
    store.make_bucket_key("7y/2026-11-22")
    os.replace(folder / "buckets" / "7y_2026-11-22", folder / "buckets" / "7y_2026-11-21")
    with pytest.raises(KeyMissing, match="does not open"):
        reopened(folder).bucket_key(BUCKET)


def make_and_tell(folder: Path) -> tuple[str, bytes]:
    """What one starting process sees (run in processes of its own)."""
    store = create_keystore(folder)
    return store.verifier_key(ORIGIN), store.make_bucket_key(BUCKET)


def test_processes_that_start_at_once_agree_on_the_keys(folder: Path) -> None:
    with ProcessPoolExecutor(max_workers=4, mp_context=get_context("fork")) as pool:
        seen = set(pool.map(make_and_tell, [folder] * 12))
    assert len(seen) == 1
    assert list(folder.rglob(".*")) == []


def test_the_first_writer_of_a_file_wins(tmp_path: Path) -> None:
    path = tmp_path / "key"
    assert create_key_file(path, b"first") == b"first"
    assert create_key_file(path, b"second") == b"first"
    assert [found.name for found in tmp_path.iterdir()] == ["key"]


def test_keys_of_the_first_stores_without_a_header_still_open(folder: Path) -> None:
    store = create_keystore(folder)
    key = store.make_bucket_key(BUCKET)
    for path in [folder / "log", folder / "streams", folder / "buckets" / "7y_2026-11-21"]:
        header, _, wrapped = path.read_bytes().partition(b"\n")
        assert header == b"onrecord-key-1 file:kek"
        path.write_bytes(wrapped)
    assert reopened(folder).bucket_key(BUCKET) == key
    assert reopened(folder).verifier_key(ORIGIN) == store.verifier_key(ORIGIN)


@pytest.mark.parametrize("name", ["file:../kek", "file:kek-../x", "file:log", "vault:kek", "file:kek-0000"])
def test_a_key_file_cannot_name_a_kek_that_is_none(folder: Path, name: str) -> None:
    create_keystore(folder)
    wrapped = (folder / "log").read_bytes().partition(b"\n")[2]
    (folder / "log").write_bytes(f"onrecord-key-1 {name}\n".encode() + wrapped)
    with pytest.raises(KeyMissing):
        reopened(folder)


def test_a_draft_of_one_key_goes_with_that_key_and_no_other(folder: Path) -> None:
    """A stop between linking a key and unlinking its draft leaves the key under two names."""
    store, later = create_keystore(folder), f"{BUCKET}.0a1b2c3d"
    kept = [store.make_bucket_key(name) for name in (BUCKET, later)][1]
    for name in (BUCKET, later):
        file = folder / "buckets" / name.replace("/", "_")
        os.link(file, file.with_name(f".{file.name}.{'5' * 16}"))
    destroy_wrapping_keys(folder, [BUCKET])
    assert reopened(folder).bucket_key(later) == kept
    left = {path.name for path in (folder / "buckets").iterdir()}
    assert left == {"7y_2026-11-21.0a1b2c3d", f".7y_2026-11-21.0a1b2c3d.{'5' * 16}"}


def test_a_file_that_somebody_put_beside_the_keys_is_no_key(folder: Path) -> None:
    """The sweep destroys keys by these names: a copy left there stopped it."""
    create_keystore(folder).make_bucket_key(BUCKET)
    for name in ("upload_2026-11-20.bak", "upload_notes", "README"):
        (folder / "buckets" / name).write_bytes(b"")
    assert bucket_names(folder) == [BUCKET]
