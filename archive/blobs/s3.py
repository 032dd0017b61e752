"""Blobs as objects of an S3 bucket, sent with their checksum. Credentials come by boto3's usual chain.

Must not claim more than the bucket gives: versioning and Object Lock are set by whoever owns the bucket.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from archive.blobs.trouble import BlobMissing, NotKept
from archive.patience import TooSlow, within

CONNECT_S, ANSWER_S, TRIES = 5, 20, 3
CALL_S = 60.0  # for a whole call, however the bucket drips, and for each piece of an upload
PIECE_BYTES = 1 << 20
_T = TypeVar("_T")
_ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})


@dataclass(frozen=True)
class Bucket:
    """Where the objects lie; an empty endpoint or region leaves the choice to boto3."""

    name: str
    prefix: str = ""
    endpoint: str = ""
    region: str = ""


class S3Store:
    """An object is `<prefix><digest>`."""

    def __init__(self, bucket: Bucket, *, call_s: float = CALL_S) -> None:
        self._bucket = bucket
        self._call_s = call_s
        self._client: Any = boto3.client(  # Any: boto3 makes its clients at run time
            "s3",
            endpoint_url=bucket.endpoint or None,
            region_name=bucket.region or None,
            config=Config(
                connect_timeout=CONNECT_S,
                read_timeout=ANSWER_S,
                retries={"total_max_attempts": TRIES, "mode": "standard"},
            ),
        )

    def put(self, draft: Path, *, digest: str) -> None:
        checksum = base64.b64encode(bytes.fromhex(digest)).decode()
        try:
            with draft.open("rb") as file:
                self._call(
                    lambda: self._client.put_object(**self._place(digest), Body=file, ChecksumSHA256=checksum),
                    size_bytes=draft.stat().st_size,
                )
        except (ClientError, BotoCoreError, OSError, TooSlow) as error:
            raise _not_kept(digest, error) from error

    def size(self, digest: str) -> int:
        try:
            return int(self._call(lambda: self._client.head_object(**self._place(digest)))["ContentLength"])
        except (ClientError, BotoCoreError, TooSlow) as error:
            raise _trouble(digest, error) from error

    def read(self, digest: str, *, start: int, length: int) -> bytes:
        wanted = f"bytes={start}-{start + length - 1}"
        try:
            return self._call(lambda: self._read(digest, wanted=wanted), size_bytes=length)
        except (ClientError, BotoCoreError, TooSlow) as error:
            raise _trouble(digest, error) from error

    def remove(self, digest: str) -> None:
        try:
            self._call(lambda: self._client.delete_object(**self._place(digest)))
        except (ClientError, BotoCoreError, TooSlow) as error:
            raise _not_kept(digest, error) from error

    def _read(self, digest: str, *, wanted: str) -> bytes:
        with self._client.get_object(**self._place(digest), Range=wanted)["Body"] as body:
            return bytes(body.read())

    def _call(self, call: Callable[[], _T], *, size_bytes: int = 0) -> _T:
        return within(self._call_s * (1 + size_bytes / PIECE_BYTES), call, whom=f"s3://{self._bucket.name}")

    def _place(self, digest: str) -> dict[str, str]:
        if len(digest) != 64 or not digest.isascii() or not digest.isalnum():
            raise BlobMissing("there is no blob of that name")
        return {"Bucket": self._bucket.name, "Key": f"{self._bucket.prefix}{digest}"}


def _trouble(digest: str, error: Exception) -> Exception:
    if isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in _ABSENT:
        return BlobMissing(f"blob {digest} is missing")
    return _not_kept(digest, error)


def _not_kept(digest: str, error: Exception) -> NotKept:
    return NotKept(f"the store of blobs does not answer for blob {digest}: {type(error).__name__}")
