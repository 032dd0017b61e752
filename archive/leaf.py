"""The leaf: the exact bytes that stand for one entry in the tree (docs/record-format.md, section Leaf).

Pure. Bytes are built once and kept; nothing may serialise a stored leaf again in order to verify it.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Self

from archive import canonical
from archive.canonical import Json, NotCanonical

SIZE_LIMIT_BYTES = 65_535
DIGEST_LENGTH = 64  # SHA-256 in hexadecimal
_TYPES: dict[str, type] = {
    "at": str,
    "bucket": str,
    "c": dict,
    "ct": str,
    "kind": str,
    "n": int,
    "prev": str,
    "seq": int,
    "stream": str,
    "v": int,
}
# No hour 24, which newer Pythons read as the next day: so a time that can be read is written one way only.
_AT = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d\.\d{3}Z", re.ASCII)
_HEX = re.compile(r"[0-9a-f]*")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_STREAM = re.compile(r"[0-9a-f]{32}")


class LeafTooLarge(ValueError):
    """The leaf would be larger than a tile's entry may be; the event has too many fields or too long names."""


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """The members of a leaf. `at` is the text in the leaf, hashes are lower-case hex."""

    at: str
    bucket: str
    commitments: dict[str, Json]
    ciphertext_digest: str
    kind: str
    n: int
    prev: str
    seq: int
    stream: str

    def encode(self) -> bytes:
        """Return the leaf's bytes. Raises LeafTooLarge, or NotCanonical for a member of the wrong form."""
        members: dict[str, Json] = {
            "at": self.at,
            "bucket": self.bucket,
            "c": self.commitments,
            "ct": self.ciphertext_digest,
            "kind": self.kind,
            "n": self.n,
            "prev": self.prev,
            "seq": self.seq,
            "stream": self.stream,
            "v": 1,
        }
        return of_allowed_size(canonical.encode(members))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Return the members of stored bytes. Raises NotCanonical unless they are a leaf in every member."""
        if len(data) > SIZE_LIMIT_BYTES:
            raise NotCanonical(f"the leaf is larger than {SIZE_LIMIT_BYTES} bytes")
        members = canonical.parse_object(data)
        _require_types(members)
        _require_forms(members)
        return cls(
            at=str(members["at"]),
            bucket=str(members["bucket"]),
            commitments=_as_object(members["c"]),
            ciphertext_digest=str(members["ct"]),
            kind=str(members["kind"]),
            n=_as_int(members["n"]),
            prev=str(members["prev"]),
            seq=_as_int(members["seq"]),
            stream=str(members["stream"]),
        )


def of_allowed_size(data: bytes) -> bytes:
    """Return the bytes of a leaf. Raises LeafTooLarge."""
    if len(data) > SIZE_LIMIT_BYTES:
        raise LeafTooLarge(f"the leaf has {len(data)} bytes, {SIZE_LIMIT_BYTES} are allowed")
    return data


def frame(
    *, at: str, bucket: str, commitments: bytes, ciphertext_digest: str, kind: str, n: int, seq: int, stream: str
) -> tuple[bytes, bytes]:
    """Return what stands before and behind the value of `prev` in the leaf of these members, without its quotes.

    For who compares a leaf, or makes one, without an object of its members. `commitments` and `ciphertext_digest` are
    taken as they are: canonical JSON, and hex. Raises NotCanonical for a time, stream or text out of form.
    """
    if not _is_time(at):
        raise NotCanonical("member at of the leaf is not a time in UTC with milliseconds")
    before = b'{"at":"%b","bucket":%b,"c":%b,"ct":"%b","kind":%b,"n":%d,"prev":"' % (
        at.encode(),
        _quoted(bucket),
        commitments,
        ciphertext_digest.encode(),
        _quoted(kind),
        n,
    )
    return before, b'","seq":%d,"stream":%b,"v":1}' % (seq, _quoted_stream(stream))


@lru_cache(maxsize=1024)
def _quoted(text: str) -> bytes:
    return canonical.encode(text)


@lru_cache(maxsize=4096)
def _quoted_stream(stream: str) -> bytes:
    if not _STREAM.fullmatch(stream):
        raise NotCanonical("member ct or stream of the leaf is not hexadecimal of the right length")
    return canonical.encode(stream)


def format_time(at: datetime) -> str:
    """Return `2026-11-21T16:00:00.000Z`: UTC, cut to milliseconds."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def parse_time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _require_types(members: dict[str, Json]) -> None:
    if members.keys() != _TYPES.keys():
        raise NotCanonical("the leaf does not have exactly the members of the format")
    for name, value in members.items():
        if type(value) is not _TYPES[name]:
            raise NotCanonical(f"member {name} of the leaf has the wrong type")


def _require_forms(members: dict[str, Json]) -> None:
    if not _is_time(str(members["at"])):
        raise NotCanonical("member at of the leaf is not a time in UTC with milliseconds")
    if not _DIGEST.fullmatch(str(members["ct"])) or not _STREAM.fullmatch(str(members["stream"])):
        raise NotCanonical("member ct or stream of the leaf is not hexadecimal of the right length")
    if not _are_digests(_as_object(members["c"]).values()):
        raise NotCanonical("a commitment of the leaf is not a SHA-256 in hexadecimal")
    if members["v"] != 1:
        raise NotCanonical("the leaf is of another format version")
    if members["prev"] != "" and not _DIGEST.fullmatch(str(members["prev"])):
        raise NotCanonical("member prev of the leaf is not a leaf hash")


def _is_time(text: str) -> bool:
    try:
        return bool(_AT.fullmatch(text) and parse_time(text))
    except ValueError:
        return False


def _are_digests(values: Collection[Json]) -> bool:
    texts = [value for value in values if isinstance(value, str) and len(value) == DIGEST_LENGTH]
    return len(texts) == len(values) and bool(_HEX.fullmatch("".join(texts)))


def _as_object(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise NotCanonical("an object was expected")
    return value


def _as_int(value: Json) -> int:
    if not isinstance(value, int):
        raise NotCanonical("an integer was expected")
    return value
