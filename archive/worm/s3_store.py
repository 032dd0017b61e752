"""Segments as objects of an S3 bucket under Object Lock in COMPLIANCE mode: nobody, not the account's owner, can remove
or shorten them before their time. Credentials come by boto3's usual chain.

It must not take a bucket's word: after each upload the lock is read back, and a bucket without one is refused.
"""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from archive.leaf import format_time
from archive.patience import TooSlow, within
from archive.worm.stores import BLOCK_BYTES, StoreAway, Stored, StoreRefused

MODE = "COMPLIANCE"
CALL_S = 60.0  # for a whole call, and for each block of what is sent or read, however the bucket drips
_ABSENT = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchVersion"})
_AGAIN = frozenset({"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "503", "500"})
_T = TypeVar("_T")


@dataclass(frozen=True)
class S3Store:
    """A bucket, or the part of it under a prefix. An empty endpoint or region leaves the choice to boto3."""

    bucket: str
    prefix: str = ""
    endpoint: str = ""
    region: str = ""
    retain_days: int = 2557
    call_s: float = CALL_S
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC), repr=False)

    @property
    def label(self) -> str:
        return f"s3://{self.bucket}/{self.prefix} (Object Lock {MODE}, {self.retain_days} days)"

    # rule: us-sec-17a-4-worm
    def put_sealed(self, name: str, path: Path, *, digest: str) -> Stored:
        found = self._look(name)
        if found.get("ChecksumSHA256") != _checksum(digest):  # not there yet, or something else of that name
            until = self.now() + timedelta(days=self.retain_days)
            version = self._put(name, path, digest, ObjectLockMode=MODE, ObjectLockRetainUntilDate=until)
            found = self._look(name, version=version)
        if problem := self._shortcoming(found):
            raise StoreRefused(f"{self.label}: {problem}")
        until = found["ObjectLockRetainUntilDate"].astimezone(UTC)
        return Stored(name=name, version=found["VersionId"], retained_until=format_time(until))

    def put_tail(self, name: str, path: Path, *, digest: str) -> Stored:
        return Stored(name=name, version=self._put(name, path, digest), retained_until="")

    def remove_tail(self, name: str) -> None:
        self._call(lambda: self._client.delete_object(Bucket=self.bucket, Key=self.prefix + name))

    def read(self, name: str, *, version: str = "") -> Iterator[bytes]:
        chosen = {"VersionId": version} if version else {}
        answer = self._call(lambda: self._client.get_object(Bucket=self.bucket, Key=self.prefix + name, **chosen))
        while block := self._call(lambda: answer["Body"].read(BLOCK_BYTES)):
            yield block

    def names(self) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
        found = self._call(lambda: [item["Key"] for page in pages for item in page.get("Contents", [])])
        return sorted(key.removeprefix(self.prefix) for key in found)

    def shortcoming(self, name: str, *, version: str) -> str:
        return self._shortcoming(self._look(name, version=version))

    def _shortcoming(self, found: dict[str, Any]) -> str:  # Any: what boto3 answers
        mode, until = found.get("ObjectLockMode"), found.get("ObjectLockRetainUntilDate")
        if not found.get("VersionId") or mode is None or until is None:
            return "It is not locked, or we may not see its lock (s3:GetObjectRetention)."
        if mode != MODE:
            return f"It is locked in the mode {mode}, which can be lifted, not {MODE}."
        return "" if until > self.now() else f"Its lock ended at {until.isoformat()}."

    def _put(self, name: str, path: Path, digest: str, **lock: Any) -> str:  # Any: as boto3 takes them
        with path.open("rb") as file:
            answer = self._call(
                lambda: self._client.put_object(
                    Bucket=self.bucket,
                    Key=self.prefix + name,
                    Body=file,
                    ChecksumAlgorithm="SHA256",
                    ChecksumSHA256=_checksum(digest),
                    ContentType="application/x-tar",
                    **lock,
                ),
                limit_s=self.call_s * (1 + path.stat().st_size / BLOCK_BYTES),
            )
        return str(answer.get("VersionId", ""))

    def _look(self, name: str, *, version: str = "") -> dict[str, Any]:  # Any: what boto3 answers
        """Return what the bucket says of an object: version, checksum, lock. Empty where there is none."""
        chosen = {"VersionId": version} if version else {}
        where = {"Bucket": self.bucket, "Key": self.prefix + name, **chosen}
        return self._call(lambda: self._head(where))

    def _head(self, where: dict[str, str]) -> dict[str, Any]:  # Any: as above
        try:
            return dict(self._client.head_object(ChecksumMode="ENABLED", **where))
        except ClientError as error:
            if _code(error) in _ABSENT:
                return {}
            raise

    def _call(self, call: Callable[[], _T], *, limit_s: float = 0) -> _T:
        try:
            return within(limit_s or self.call_s, call, whom=self.label)
        except TooSlow as error:
            raise StoreAway(f"The bucket is too slow: {error}.") from error
        except (BotoCoreError, ClientError) as error:
            raise _meant(error) from error

    @cached_property
    def _client(self) -> Any:  # Any: boto3 makes its clients at run time
        config = Config(connect_timeout=10, read_timeout=20, retries={"max_attempts": 3, "mode": "standard"})
        return boto3.client("s3", endpoint_url=self.endpoint or None, region_name=self.region or None, config=config)


def _meant(error: Exception) -> Exception:
    """Return what an error of boto3 means to us: come again, or look."""
    if not isinstance(error, ClientError):
        return StoreAway(f"The bucket cannot be reached: {error}.")
    code = _code(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _ABSENT:
        return StoreRefused("There is no such object.")
    if code in _AGAIN or status >= 500:
        return StoreAway(f"The bucket answers {code}.")
    return StoreRefused(f"The bucket refuses: {error}.")


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _checksum(digest: str) -> str:
    return base64.b64encode(bytes.fromhex(digest)).decode()
