"""The two stores of blobs for tests: a folder, and a real S3 server over HTTP (moto), each empty."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from archive.blobs.folder import FolderStore
from archive.blobs.s3 import Bucket, S3Store
from archive.blobs.store import BlobStore

KINDS = ("folder", "s3")
# Any will do for moto; boto3 asks for some.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests"}
REGION = "eu-central-1"


@contextmanager
def running_s3() -> Iterator[str]:
    """Run an S3 server and return its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def new_bucket(endpoint: str) -> Bucket:
    name = f"attachments-{secrets.token_hex(4)}"  # all servers of a process share moto's state
    client = boto3.client("s3", endpoint_url=endpoint, region_name=REGION)
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return Bucket(name=name, prefix="blobs/", endpoint=endpoint, region=REGION)


@contextmanager
def store_of(
    kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[BlobStore, Callable[[str], None]]]:
    """Return a store and a function that changes a byte of a blob in it, past the store."""
    if kind == "folder":
        yield FolderStore(folder), lambda digest: _flip_file(folder / digest[:2] / digest)
        return
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with running_s3() as endpoint:
        bucket = new_bucket(endpoint)
        yield S3Store(bucket), lambda digest: _flip_object(bucket, digest)


def _flip_file(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)


def _flip_object(bucket: Bucket, digest: str) -> None:
    client = boto3.client("s3", endpoint_url=bucket.endpoint, region_name=bucket.region)
    place = {"Bucket": bucket.name, "Key": f"{bucket.prefix}{digest}"}
    data = bytearray(client.get_object(**place)["Body"].read())
    data[len(data) // 2] ^= 1
    client.put_object(**place, Body=bytes(data))
