"""Stores of segments: one contract for the folder and for S3, and what each says of itself.

The S3 is moto's, over HTTP. Its Object Lock is weaker than the real one, so what is proved here is what we ask for and
what we look at, not that it keeps anything.
"""

import hashlib
import os
import resource
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from moto.server import ThreadedMotoServer
from pytest_django import Settings

from archive import ledger, segments
from archive.models import Segment
from archive.worm.configuration import parse_store
from archive.worm.file_store import FileStore, set_immutable
from archive.worm.s3_store import S3Store
from archive.worm.stores import Store, StoreAway, StoreRefused
from tests.archive.samples import record_conversations
from tests.archive.segments import now

NAME = "segment-of-test.tar"
CONTENT = b"some bytes" * 100
Make = Callable[[], Store]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A bucket of this test's own that can lock. Only the chain's environment knows the credentials."""
    for name, value in {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    name = f"b{abs(hash(request.node.name)):x}"
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        (tmp_path / "store").mkdir()
        return FileStore(tmp_path / "store", immutable=False)
    bucket, endpoint = request.getfixturevalue("bucket"), request.getfixturevalue("endpoint")
    return parse_store(f"s3://{bucket}/record/a?endpoint={endpoint}&retain_days=30")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


def digest(data: bytes = CONTENT) -> str:
    return hashlib.sha256(data).hexdigest()


def test_what_is_stored_comes_back_and_is_listed(store: Store, file: Path) -> None:
    assert store.names() == []
    stored = store.put_sealed(NAME, file, digest=digest())
    assert b"".join(store.read(NAME, version=stored.version)) == CONTENT
    assert store.names() == [NAME]
    assert store.shortcoming(NAME, version=stored.version) == ""


def test_storing_the_same_again_is_harmless(store: Store, file: Path) -> None:
    """A stop after the upload and before the entry: the next try finds the file there."""
    first = store.put_sealed(NAME, file, digest=digest())
    assert store.put_sealed(NAME, file, digest=digest()) == first


def test_what_is_sealed_is_not_replaced_by_other_bytes(store: Store, file: Path) -> None:
    first = store.put_sealed(NAME, file, digest=digest())
    file.write_bytes(b"other bytes")
    if isinstance(store, FileStore):
        with pytest.raises(StoreRefused, match="another file of the name"):
            store.put_sealed(NAME, file, digest=digest(b"other bytes"))
    else:
        assert store.put_sealed(NAME, file, digest=digest(b"other bytes")).version != first.version
    assert b"".join(store.read(NAME, version=first.version)) == CONTENT


def test_a_draft_that_a_killed_process_left_is_neither_in_the_way_nor_written_to(tmp_path: Path, file: Path) -> None:
    """In a container each process has the number of the one before it; killed between linking and unlinking, it left
    the sealed file under two names.
    """
    store = FileStore(tmp_path, immutable=False)
    store.put_sealed(NAME, file, digest=digest())
    left = [tmp_path / f".{NAME}.{os.getpid()}", tmp_path / f".{NAME}.old"]
    for draft in left:
        os.link(tmp_path / NAME, draft)
    written_at = (tmp_path / NAME).stat().st_mtime_ns
    store.put_sealed(NAME, file, digest=digest())
    assert (tmp_path / NAME).stat().st_mtime_ns == written_at
    os.utime(tmp_path / NAME, (1.0, 1.0))
    store.put_tail("tail.tar", file, digest=digest())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", NAME, "tail.tar"]


def test_a_copy_for_which_there_is_no_room_leaves_no_draft(tmp_path: Path, file: Path) -> None:
    store = FileStore(tmp_path, immutable=False)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(CONTENT) - 1, limits[1]))
    try:
        with pytest.raises(StoreAway, match="cannot be written: File too large"):
            store.put_sealed(NAME, file, digest=digest())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == [file]


def test_a_tail_can_be_removed_again(store: Store, file: Path) -> None:
    store.put_tail("tail.tar", file, digest=digest())
    store.remove_tail("tail.tar")
    store.remove_tail("tail.tar")
    assert store.names() == []


def test_what_is_not_there_is_said_in_a_sentence(store: Store) -> None:
    with pytest.raises(StoreRefused, match="no"):
        b"".join(store.read("nothing.tar"))
    assert store.shortcoming("nothing.tar", version="") != ""


def test_bytes_that_change_on_their_way_are_refused(tmp_path: Path, file: Path) -> None:
    """S3 itself refuses them by the checksum that is sent; moto does not look at it, so only the folder shows it."""
    with pytest.raises(StoreRefused):
        FileStore(tmp_path, immutable=False).put_sealed(NAME, file, digest=digest(b"what they should have been"))


# rule: us-sec-17a-4-worm
def test_s3_is_asked_for_compliance_and_a_checksum(bucket: str, endpoint: str, file: Path) -> None:
    at = datetime(2026, 11, 21, 12, tzinfo=UTC)
    store = S3Store(bucket, prefix="p/", endpoint=endpoint, retain_days=2557, now=lambda: at)
    sent: list[dict[str, str]] = []
    store._client.meta.events.register("before-send.s3.PutObject", lambda request, **_: sent.append(request.headers))
    stored = store.put_sealed(NAME, file, digest=digest())
    (headers,) = [{name.lower(): value for name, value in item.items()} for item in sent]
    assert _text(headers["x-amz-object-lock-mode"]) == "COMPLIANCE"
    assert _text(headers["x-amz-object-lock-retain-until-date"]).startswith("2033-11-21T12:00:00")
    assert headers["x-amz-checksum-sha256"]
    assert stored.version
    assert stored.retained_until == "2033-11-21T12:00:00.000Z"
    store.put_tail("tail.tar", file, digest=digest())
    assert not [name for name in sent[1] if "lock" in name.lower()], "a tail is not locked"


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def test_a_lock_that_can_be_lifted_or_has_ended_is_a_shortcoming(bucket: str, endpoint: str, file: Path) -> None:
    store = S3Store(bucket, endpoint=endpoint, retain_days=30)
    stored = store.put_sealed(NAME, file, digest=digest())
    late = S3Store(bucket, endpoint=endpoint, now=lambda: now() + timedelta(days=31))
    assert "Its lock ended" in late.shortcoming(NAME, version=stored.version)
    weak = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": now() + timedelta(days=9)}
    client = boto3.client("s3", endpoint_url=endpoint)
    version = client.put_object(Bucket=bucket, Key="weak.tar", Body=CONTENT, ChecksumAlgorithm="SHA256", **weak)[
        "VersionId"
    ]
    assert "can be lifted" in store.shortcoming("weak.tar", version=version)
    version = client.put_object(Bucket=bucket, Key="free.tar", Body=CONTENT)["VersionId"]
    assert "not locked" in store.shortcoming("free.tar", version=version)


def test_a_bucket_without_a_lock_is_refused(bucket: str, endpoint: str, file: Path) -> None:
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket=f"{bucket}plain")
    store = S3Store(f"{bucket}plain", endpoint=endpoint)
    with pytest.raises(StoreRefused):
        store.put_sealed(NAME, file, digest=digest())


def test_a_bucket_that_is_away_or_gone_is_said_in_a_sentence(bucket: str, endpoint: str, file: Path) -> None:
    with pytest.raises(StoreRefused, match="NoSuchBucket"):
        S3Store(f"{bucket}gone", endpoint=endpoint).put_sealed(NAME, file, digest=digest())
    with pytest.raises(StoreAway, match="cannot be reached"):
        S3Store(bucket, endpoint="http://127.0.0.1:9").names()


def test_a_file_is_made_immutable_where_that_can_be(tmp_path: Path, file: Path) -> None:
    target = tmp_path / NAME
    FileStore(tmp_path).put_sealed(NAME, file, digest=digest())
    could = set_immutable(target, on=True)
    try:
        if could:
            with pytest.raises(PermissionError):
                target.unlink()
    finally:
        set_immutable(target, on=False)
    assert target.stat().st_mode & 0o777 == 0o444


@pytest.mark.django_db
def test_a_segment_goes_to_s3_and_is_checked_there(bucket: str, endpoint: str, settings: Settings) -> None:
    settings.ONRECORD_SEGMENT_STORE = f"s3://{bucket}/record?endpoint={endpoint}&retain_days=30"
    record_conversations(12)
    assert segments.seal_segments(at=now()) == 1
    row, entry = Segment.objects.get(), ledger.open_entry(12)
    assert entry.content["version"] == row.version != ""
    assert "Object Lock COMPLIANCE, 30 days" in str(entry.content["store"])
    assert str(entry.content["retained_until"]) > now().isoformat()
    assert [check.problem for check in segments.check_segments(at=now())] == [""]
    client = boto3.client("s3", endpoint_url=endpoint)
    client.put_object(Bucket=bucket, Key=f"record/{row.name}", Body=b"other bytes")
    assert segments.check_segments(at=now())[0].problem == "", "the version that was sealed is still there"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/srv/segments", "must be like"),
        ("ftp://host/x", "must be like"),
        ("file://host/x", "a folder is like"),
        ("file:///", "a folder is like"),
        ("s3:///prefix", "must name a bucket"),
        ("s3://b/p?days=3", "must be like"),
        ("s3://b/p?retain_days=0", "from 1 to 36500"),
        ("s3://b/p?retain_days=ten", "from 1 to 36500"),
    ],
)
def test_a_store_that_is_written_wrongly_stops_the_start(settings: Settings, text: str, words: str) -> None:
    settings.ONRECORD_SEGMENT_STORE = text
    with pytest.raises(SystemCheckError, match=words):
        call_command("check")


def test_an_address_says_everything_about_a_store() -> None:
    found = parse_store("s3://bucket/a/b/?endpoint=https%3A%2F%2Fs3.example&region=eu-1&retain_days=3")
    assert isinstance(found, S3Store)
    assert (found.bucket, found.prefix, found.endpoint, found.region) == (
        "bucket",
        "a/b/",
        "https://s3.example",
        "eu-1",
    )
    assert parse_store("file:///srv/a%20b") == FileStore(Path("/srv/a b"))
