"""One contract for every store of blobs: a folder and S3. And drafts: ciphertext only, whole or not at all."""

import hashlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from archive.blobs import BlobDamaged, BlobMissing, BlobStore, Draft, NotKept, read_blob, remove_old_drafts
from archive.blobs.drafts import Blob
from archive.blobs.folder import FolderStore
from archive.blobs.opening import require_sealed
from archive.blobs.s3 import Bucket, S3Store
from archive.blobs.store import require_kept
from tests.archive.blob_stores import CREDENTIALS, KINDS, store_of

PLAIN = b"Strictly private, by nobody to be seen. " * 40_000  # 1.6 MB: more than one piece
Kept = tuple[BlobStore, Callable[[str], None]]


@pytest.fixture(params=KINDS)
def kept(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    with store_of(request.param, tmp_path / "kept", monkeypatch) as store:
        yield store


def put(store: BlobStore, folder: Path, plain: bytes = PLAIN) -> Blob:
    with Draft(folder) as draft:
        for start in range(0, len(plain), 50_000):
            draft.write(plain[start : start + 50_000])
        blob = draft.finish()
        draft.keep(blob, store=store)
    return blob


def test_a_file_is_read_back_whole_and_in_part(kept: Kept, tmp_path: Path) -> None:
    store, _ = kept
    blob = put(store, tmp_path)
    opens = {"key": blob.key, "size_bytes": blob.size_bytes}
    assert b"".join(read_blob(store, blob.digest, **opens)) == PLAIN
    assert (
        b"".join(read_blob(store, blob.digest, **opens, start=1_048_570, end=1_048_590)) == PLAIN[1_048_570:1_048_590]
    )
    assert blob.sha256 == hashlib.sha256(PLAIN).hexdigest()
    require_sealed(store, blob.digest, **opens, sha256=blob.sha256)


def test_an_empty_file_is_kept_too(kept: Kept, tmp_path: Path) -> None:
    store, _ = kept
    blob = put(store, tmp_path, b"")
    require_sealed(store, blob.digest, key=blob.key, size_bytes=0, sha256=hashlib.sha256().hexdigest())
    assert b"".join(read_blob(store, blob.digest, key=blob.key, size_bytes=0)) == b""


def test_the_store_never_has_the_plain_bytes_and_keeps_the_same_blob_once(kept: Kept, tmp_path: Path) -> None:
    store, _ = kept
    blob = put(store, tmp_path)
    found = store.read(blob.digest, start=0, length=3_000_000)
    assert hashlib.sha256(found).hexdigest() == blob.digest
    assert b"private" not in found
    twin = tmp_path / "twin"
    twin.write_bytes(found)
    store.put(twin, digest=blob.digest)
    require_kept(store, blob.digest)


def test_a_changed_blob_is_found_by_reading_back_and_by_opening(kept: Kept, tmp_path: Path) -> None:
    store, change = kept
    blob = put(store, tmp_path)
    change(blob.digest)
    with pytest.raises(NotKept):
        require_kept(store, blob.digest)
    with pytest.raises(BlobDamaged):
        require_sealed(store, blob.digest, key=blob.key, size_bytes=blob.size_bytes, sha256=blob.sha256)
    with pytest.raises(BlobDamaged):
        b"".join(read_blob(store, blob.digest, key=blob.key, size_bytes=blob.size_bytes))


def test_a_removed_blob_is_missing_and_may_be_removed_again(kept: Kept, tmp_path: Path) -> None:
    store, _ = kept
    blob = put(store, tmp_path)
    store.remove(blob.digest)
    store.remove(blob.digest)
    with pytest.raises(BlobMissing):
        store.size(blob.digest)
    with pytest.raises(BlobMissing):
        store.read(blob.digest, start=0, length=10)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "é" * 64, f"{'a' * 63}/"])
def test_a_name_that_is_no_digest_leads_nowhere(kept: Kept, name: str) -> None:
    with pytest.raises(BlobMissing):
        kept[0].read(name, start=0, length=1)


def test_an_s3_that_takes_other_bytes_or_does_not_answer_has_kept_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = tmp_path / "draft"
    draft.write_bytes(b"something else")
    with store_of("s3", tmp_path, monkeypatch) as (store, _), pytest.raises(NotKept):
        _put_and_read_back(store, draft)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    nobody = S3Store(Bucket(name="attachments", endpoint="http://127.0.0.1:9", region="eu-central-1"))
    with pytest.raises(NotKept):
        nobody.size("ab" * 32)


def _put_and_read_back(store: BlobStore, draft: Path) -> None:
    # moto does not look at the checksum that S3 would refuse: then reading back has to.
    store.put(draft, digest="ab" * 32)
    require_kept(store, "ab" * 32)


def test_files_of_a_folder_are_read_only_and_for_the_server_alone(tmp_path: Path) -> None:
    blob = put(FolderStore(tmp_path / "kept"), tmp_path)
    path = tmp_path / "kept" / blob.digest[:2] / blob.digest
    assert path.stat().st_mode & 0o777 == 0o400
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_draft_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    with Draft(tmp_path) as draft:
        draft.write(PLAIN)
        assert [*(tmp_path / "drafts").iterdir()]
    assert not [*(tmp_path / "drafts").iterdir()]


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
    try:
        with pytest.raises(NotKept):
            put(FolderStore(tmp_path / "kept"), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, ignored)
    assert not [*(tmp_path / "drafts").iterdir()]


KILLED = """
import sys, time
from pathlib import Path
from archive.blobs.drafts import Draft
draft = Draft(Path(sys.argv[1])).__enter__()
for _ in range(40):
    draft.write(b"Strictly private, by nobody to be seen. " * 2_000)
draft._file.flush()
print("written", flush=True)
time.sleep(60)
"""


def test_a_killed_process_leaves_ciphertext_that_the_sweep_removes(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", KILLED, str(tmp_path)]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "messenger.settings"}
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, env=environment) as child:
        assert child.stdout is not None and child.stdout.readline() == b"written\n"
        child.kill()
    (left,) = (tmp_path / "drafts").iterdir()
    assert left.stat().st_size > 3_000_000 and b"private" not in left.read_bytes()
    assert remove_old_drafts(tmp_path, older_than_s=60) == 0
    os.utime(left, (time.time() - 100, time.time() - 100))
    assert remove_old_drafts(tmp_path, older_than_s=60) == 1


def test_a_draft_that_ends_while_the_sweep_looks_does_not_stop_it(tmp_path: Path) -> None:
    """The name is listed, and there is nothing under it any more."""
    (tmp_path / "drafts").mkdir()
    (tmp_path / "drafts" / "ended").symlink_to(tmp_path / "nothing")
    (tmp_path / "drafts" / "old").touch()
    os.utime(tmp_path / "drafts" / "old", (1.0, 1.0))
    assert remove_old_drafts(tmp_path, older_than_s=60) == 1


def test_what_is_kept_in_a_folder_that_another_has_just_made_is_on_the_disk_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    sync = os.fsync

    def noting(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        sync(descriptor)

    draft = tmp_path / "draft"
    draft.write_bytes(b"sealed")
    digest = hashlib.sha256(b"sealed").hexdigest()
    store = tmp_path / "store"
    (store / digest[:2]).mkdir(parents=True)
    monkeypatch.setattr(os, "fsync", noting)
    FolderStore(store).put(draft, digest=digest)
    assert synced == [str(draft), str(store / digest[:2]), str(store)]
