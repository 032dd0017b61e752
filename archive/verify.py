"""Check an export, a segment or a published record offline: `python -I verify.py [FOLDER] [--key VERIFIER_KEY]`.

One file, Python 3.8 or later, standard library only: a copy stands in every export, next to README.txt, and it checks
the folder that it stands in unless another is named. It needs no network, no database and no trust in the sender.
The numbered checks are those of docs/record-format.md. Exit status: 0 verified, 1 something is wrong, 2 bad usage.

It must not write anything, must not import anything of ours, and must not end in a traceback whatever it is given.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import bisect
import hashlib
import hmac
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Dict, List, NamedTuple, Tuple

ENTRIES, HEADS, CHECKPOINT, MANIFEST = "data/entries.jsonl", "data/heads.json", "data/checkpoint", "data/manifest.json"
PAYLOAD = {ENTRIES, HEADS, CHECKPOINT, MANIFEST}
DISPOSALS = "data/disposals.jsonl"  # there where the record says that entries of these streams were disposed of
ATTACHMENTS = "data/attachments"  # holds <entry>-<place>.<ending> for each file that an opened field names
# Media type and ending. A file of any other type ends in "bin", so that nothing runs it by its name.
_ENDINGS = """
application/pdf=pdf application/rtf=rtf application/zip=zip application/json=json application/msword=doc image/png=png
application/vnd.ms-excel=xls application/vnd.ms-powerpoint=ppt application/vnd.ms-outlook=msg image/jpeg=jpg
application/vnd.openxmlformats-officedocument.wordprocessingml.document=docx image/gif=gif image/webp=webp
application/vnd.openxmlformats-officedocument.spreadsheetml.sheet=xlsx text/plain=txt text/csv=csv audio/mp4=m4a
application/vnd.openxmlformats-officedocument.presentationml.presentation=pptx message/rfc822=eml audio/mpeg=mp3
application/vnd.oasis.opendocument.text=odt application/vnd.oasis.opendocument.spreadsheet=ods video/mp4=mp4
application/vnd.oasis.opendocument.presentation=odp"""
ENDINGS = {pair.partition("=")[0]: pair.partition("=")[2] for pair in _ENDINGS.split()}
ATTACHED, ATTACHED_FIELD = re.compile(r"([0-9]{1,16}-[0-9])\.[a-z0-9]{1,8}"), re.compile(r"att\.[0-9]")
SEGMENT, BEFORE, EVIDENCE = "data/segment.json", "data/before", "data/evidence.jsonl"
PUBLISHED, PROOF_HEADER = "checkpoint", "c2sp.org/tlog-proof@v1"
PROOF_FILE = re.compile(r"proof/(0|[1-9][0-9]{0,15})\.tlog-proof")
OLDER_TILE = re.compile(r"tile/(entries|[0-9])/((?:x[0-9]{3}/)*[0-9]{3})\.p/([1-9][0-9]{0,2})")
OPENED_KINDS = {"checkpoint.stamped", "checkpoint.witnessed", "segment.sealed", "stream.heads"}
TILE_WIDTH = 256
MAX_RUN = 1 << 22  # entries of one segment
BESIDE = {"data", "tagmanifest-sha256.txt", "verify.sh"}
TAGS = {"README.txt", "bag-info.txt", "bagit.txt", "manifest-sha256.txt", "verify.py"}
SEGMENT_TAGS = TAGS - {"verify.py"}
LEAF_TYPES = {"at": str, "bucket": str, "c": dict, "ct": str, "kind": str, "n": int, "prev": str, "seq": int}
LEAF_TYPES.update({"stream": str, "v": int})
MAX_LEAF_BYTES = 65_535
MAX_LINE_BYTES = 64 * 1024 * 1024
MAX_FILE_BYTES = 1024 * 1024 * 1024  # of the files that are read whole
MAX_INTEGER = 2**53
SHOWN_FINDINGS = 25
HASH = re.compile(r"[0-9a-f]{64}")
BAG_LINE = re.compile(rb"([0-9a-f]{64})  ([A-Za-z0-9._/-]+)")
STREAM_ID = re.compile(r"[0-9a-f]{32}")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
UNREADABLE = (OSError, ValueError, RecursionError, MemoryError)


class Damage(Exception):
    """Something in the package is wrong; the message says what."""


@dataclass(frozen=True)
class VerifierKey:
    """A public key that the reader trusts because it came by another way than the package."""

    name: str
    id: bytes
    public: bytes


@dataclass(frozen=True)
class Checkpoint:
    """The signed statement that all proofs lead to: this record had `size` entries and this `root`."""

    origin: str
    size: int
    root: bytes
    signers: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """One line of the export as it reads; nothing is proved by its being readable."""

    leaf: dict[str, Any]  # Any: values of JSON, checked against LEAF_TYPES
    hash: bytes
    index: int
    proof: list[bytes]
    opened: dict[str, Any]  # Any: values of JSON, checked one by one in check_opened


@dataclass(frozen=True)
class Heads:
    """What the record itself says the last item of each stream is: stream id to (n, leaf hash in hex)."""

    streams: dict[str, tuple[int, str]]
    count: int  # of all streams of the record, also those that are not in this export
    index: int
    at: str


@dataclass
class Findings:
    """What is wrong, the most telling first; only the first ones are kept so that memory stays flat."""

    lines: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, where: str, what: object) -> None:
        self.count += 1
        if len(self.lines) < SHOWN_FINDINGS:
            self.lines.append(f"{where}: {what}")


def explain(error: BaseException) -> str:
    return str(error) if isinstance(error, Damage) else f"cannot be read ({shown(str(error) or type(error).__name__)})"


@contextmanager
def noting(findings: Findings, where: str) -> Iterator[None]:
    """Turn what goes wrong inside the block into a finding, and go on after it."""
    try:
        yield
    except (Damage, *UNREADABLE) as error:
        findings.add(where, explain(error))


@dataclass
class Walk:
    """A walk along the entries: what they are held against, where it stands, and what it has counted."""

    checkpoint: Checkpoint | None
    heads: Heads | None
    findings: Findings = field(default_factory=Findings)
    stream: str = ""  # of the last sound line
    n: int = 0  # of the last sound line
    last: str = ""  # its leaf hash
    damaged: int = 0  # lines since the last sound one that cannot be used: they may stand for items that seem to miss
    unproved: int = 0  # lines whose proof fails
    lines: int = 0
    opened: int = 0
    streams: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, dict[str, int]] = field(default_factory=dict)
    files: dict[str, dict[str, object]] = field(default_factory=dict)  # <entry>-<place> to what describe() must say
    endings: dict[str, str] = field(default_factory=dict)  # the same to the ending that follows from its type
    disposals: list[tuple[int, int]] = field(default_factory=list)  # spans of entries that were disposed of, ascending
    disposed: int = 0


# --- canonical JSON --------------------------------------------------------------------------------------------------
def parse_json(text: bytes) -> Any:  # Any: the value of JSON text
    """Return the value of strict JSON: no floats, no double or non-ASCII keys, no large integers, no lone surrogate."""
    try:
        value = json.loads(
            text.decode("utf-8"),
            parse_float=_refuse,
            parse_constant=_refuse,
            parse_int=_integer,
            object_pairs_hook=_object,
        )
        if b"\\u" in text:
            canonical(value)  # refuses lone surrogates, which only such an escape can bring in
    except (ValueError, RecursionError) as error:
        raise Damage(f"cannot be read as strict JSON ({shown(str(error), 60)})") from error
    return value


def parse_canonical(text: bytes) -> Any:  # Any: the value of JSON text
    """Return the value of canonical JSON: strict, and written in the one way that canonical JSON allows."""
    value = parse_json(text)
    if canonical(value) != text:
        raise Damage("is JSON, but not canonical JSON")
    return value


def canonical(value: object) -> bytes:
    """Return the canonical bytes (RFC 8785 as the format restricts it) of a value that parse_json returned."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice in one object")
    if not "".join(result).isascii():
        raise ValueError("a key is not ASCII")
    return result


def _integer(digits: str) -> int:
    if digits == "-0" or len(digits) > 17 or abs(int(digits)) >= MAX_INTEGER:
        raise ValueError("an integer is out of range")
    return int(digits)


def _refuse(digits: str) -> object:
    raise ValueError(f"{shown(digits, 20)} is not an integer")


def shown(text: object, limit: int = 80) -> str:
    """Return text of the package safe to print on any terminal."""
    plain = ascii(text)[1:-1] if isinstance(text, str) else ascii(text)
    return plain if len(plain) <= limit else plain[: limit - 3] + "..."


# --- the tree of RFC 6962 --------------------------------------------------------------------------------------------
def leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


def root_from_path(leaf: bytes, *, index: int, size: int, path: list[bytes]) -> bytes | None:
    """Return the root that an audit path (lowest node first) leads to from a leaf hash; None when it does not fit."""
    if not 0 <= index < size:
        return None
    place, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if place % 2 or place == last:
            node = hashlib.sha256(b"\x01" + sibling + node).digest()
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\x01" + node + sibling).digest()
        place, last = place >> 1, last >> 1
    return node if last == 0 else None


def decode_path(value: object) -> list[bytes]:
    if not isinstance(value, list) or len(value) > 64:
        raise Damage("its proof is not a list of hashes")
    return [decode_base64(item, length=32) for item in value]


def decode_base64(text: object, *, length: int) -> bytes:
    """Return the bytes of base64 text that is written in the one canonical way and has the length wanted."""
    try:
        data = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (ValueError, binascii.Error):
        data = b""
    if len(data) != length or base64.b64encode(data).decode() != text:
        raise Damage(f"is not base64 of {length} bytes: {shown(text)}")
    return data


# --- Ed25519 (RFC 8032, section 5.1), strict: no s >= L, no point outside its canonical form -----------------------
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)


class Point(NamedTuple):
    """A point of the curve in extended homogeneous coordinates."""

    x: int
    y: int
    z: int
    t: int


def is_signature(signature: bytes, *, message: bytes, public_key: bytes) -> bool:
    """Tell whether an Ed25519 signature of a message is by this public key."""
    if len(signature) != 64 or len(public_key) != 32:
        return False
    s, point = int.from_bytes(signature[32:], "little"), decode_point(public_key)
    if s >= L or point is None:
        return False
    digest = hashlib.sha512(signature[:32] + public_key + message).digest()
    h = int.from_bytes(digest, "little") % L
    minus_key = Point(P - point.x, point.y, point.z, P - point.t)
    return encode_point(add_points(times(s, BASE), times(h, minus_key))) == signature[:32]


def add_points(p: Point, q: Point) -> Point:
    a, b = (p.y - p.x) * (q.y - q.x) % P, (p.y + p.x) * (q.y + q.x) % P
    c, d = 2 * p.t * q.t * D % P, 2 * p.z * q.z % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return Point(e * f % P, g * h % P, f * g % P, e * h % P)


def times(factor: int, point: Point) -> Point:
    total = Point(0, 1, 1, 0)
    while factor:
        if factor & 1:
            total = add_points(total, point)
        point, factor = add_points(point, point), factor >> 1
    return total


def encode_point(point: Point) -> bytes:
    inverse = pow(point.z, P - 2, P)
    x, y = point.x * inverse % P, point.y * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decode_point(data: bytes) -> Point | None:
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= P:
        return None
    x_squared = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x_squared, (P + 3) // 8, P)
    if (x * x - x_squared) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - x_squared) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return Point(x, y, 1, x * y % P)


BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
BASE_Y = 46316835694926478169428394003475163141307993866256225615783033603165251855960
BASE = Point(BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


# --- check 1: every file against the bag's manifests -----------------------------------------------------------------
def check_bag(folder: Path, findings: Findings) -> None:
    for name, required in (("manifest-sha256.txt", PAYLOAD), ("tagmanifest-sha256.txt", TAGS)):
        with noting(findings, name):
            listed = read_bag_manifest(folder, name)
            for path, digest in listed.items():
                check_file(folder, path, digest=digest, findings=findings)
            if required is PAYLOAD:
                required = payload_of(folder)
            for path in sorted(required - set(listed)):
                findings.add(name, f"does not list {path}")
    with noting(findings, "data"):
        check_strays(folder, findings)


def check_file(folder: Path, path: str, *, digest: str, findings: Findings) -> None:
    with noting(findings, shown(path)):
        if describe(folder, path)["sha256"] != digest:
            raise Damage("the file is not the one that was packed (its SHA-256 differs)")


def check_strays(folder: Path, findings: Findings) -> None:
    for item in sorted((folder / "data").rglob("*")):
        name = item.relative_to(folder).as_posix()
        is_known = name in PAYLOAD | {ATTACHMENTS, DISPOSALS} or item.parent == folder / ATTACHMENTS
        if not is_known:  # which attachments belong there, check_attachments says
            findings.add(shown(name), "is not part of an export; somebody added it")
    for item in sorted(folder.iterdir()):
        if item.name not in TAGS | BESIDE and not item.name.startswith("."):  # file managers leave dot files
            findings.add(shown(item.name), "is not part of an export; somebody added it")


def read_bag_manifest(folder: Path, name: str) -> dict[str, str]:
    listed: dict[str, str] = {}
    for number, line in read_lines(folder, name):
        match = BAG_LINE.fullmatch(line)
        path = match.group(2).decode() if match else ""
        if not match or path in listed or {"", ".", ".."} & set(path.split("/")):
            raise Damage(f"line {number} is not `<sha-256>  <file of this folder>`")
        listed[path] = match.group(1).decode()
    return listed


def open_file(folder: Path, name: str) -> BinaryIO:
    path = folder / name
    if path.is_symlink() or not path.is_file():
        raise Damage("the file is missing")
    return path.open("rb")


def describe(folder: Path, name: str) -> dict[str, Any]:  # Any: values of JSON
    """Return the digest and the size of a file as the manifest states them."""
    digest, size_bytes = hashlib.sha256(), 0
    with open_file(folder, name) as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
            size_bytes += len(block)
    return {"sha256": digest.hexdigest(), "size_bytes": size_bytes}


def read_lines(folder: Path, name: str) -> Iterator[tuple[int, bytes]]:
    """Yield (number, line without its newline); a line that is too long or not ended is a Damage."""
    number = 0
    with open_file(folder, name) as file:
        for line in iter(lambda: file.readline(MAX_LINE_BYTES), b""):
            number += 1
            if not line.endswith(b"\n"):
                raise Damage(f"line {number} does not end with a newline: the file is cut short")
            yield number, line[:-1]


def read_small(folder: Path, name: str) -> bytes:
    with open_file(folder, name) as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise Damage("is too large to be what it should be")
    return data


# --- check 2: the checkpoint and its signature -----------------------------------------------------------------------
def read_checkpoint(folder: Path, key: VerifierKey | None, name: str = CHECKPOINT) -> Checkpoint:
    """Return the checkpoint; raise Damage when it is malformed or, if a key is given, not signed by that key."""
    return parse_checkpoint(read_small(folder, name).decode("utf-8"), key)


def parse_checkpoint(text: str, key: VerifierKey | None) -> Checkpoint:
    body, _, signatures = text.partition("\n\n")
    lines, signature_lines = body.split("\n"), signatures.split("\n")
    if len(lines) != 3 or not lines[0] or not re.fullmatch("0|[1-9][0-9]{0,15}", lines[1]):
        raise Damage("is not a checkpoint: <origin>, <size>, <root hash>, an empty line, then signatures")
    if len(signature_lines) < 2 or signature_lines.pop() != "":
        raise Damage("carries no signature")
    signed = [read_signature(line) for line in signature_lines]
    if key:
        check_signature(f"{body}\n".encode(), signed=signed, key=key)
    signers = tuple(f"{name}+{data[:4].hex()}" for name, data in signed)
    return Checkpoint(lines[0], int(lines[1]), decode_base64(lines[2], length=32), signers)


def read_signature(line: str) -> tuple[str, bytes]:
    match = re.fullmatch("\u2014 ([^ +]+) ([A-Za-z0-9+/]+=*)", line)
    if not match:
        raise Damage(f"has a line that is not a signature: {shown(line)}")
    data = base64.b64decode(match.group(2))
    if len(data) < 5 or base64.b64encode(data).decode() != match.group(2):
        raise Damage(f"has a signature that is cut short or not canonical base64: {shown(line)}")
    return match.group(1), data


def check_signature(message: bytes, *, signed: list[tuple[str, bytes]], key: VerifierKey) -> None:
    mine = [data[4:] for name, data in signed if name == key.name and data[:4] == key.id]
    if not mine or not message.startswith(f"{key.name}\n".encode()):
        raise Damage(f"is not signed by the key given, {shown(key.name)}+{key.id.hex()}")
    if not all(is_signature(signature, message=message, public_key=key.public) for signature in mine):
        raise Damage(f"its signature by {shown(key.name)}+{key.id.hex()} is wrong: it was changed or forged")


def read_verifier_key(text: str) -> VerifierKey:
    """Return the key of `<key name>+<key id>+<base64(0x01 + public key)>`; raise ValueError when it is not one."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    try:
        public = decode_base64(encoded, length=33)
    except Damage as error:
        raise ValueError("the verifier key should read <name>+<8 hex digits>+<base64>") from error
    if hashlib.sha256(f"{name}\n".encode() + public).digest()[:4].hex() != key_id or public[0] != 1:
        raise ValueError("the verifier key is mistyped: its key id does not fit its other parts")
    return VerifierKey(name, bytes.fromhex(key_id), public[1:])


# --- check 3: every line ---------------------------------------------------------------------------------------------
def read_entry(line: object) -> Entry:
    if not isinstance(line, dict) or set(line) != {"leaf", "index", "proof", "opened"}:
        raise Damage("should hold exactly leaf, index, proof and opened")
    text, index, opened = line["leaf"], line["index"], line["opened"]
    if not isinstance(text, str) or type(index) is not int or not isinstance(opened, dict):
        raise Damage("leaf should be text, index a number and opened an object")
    return Entry(read_leaf(text.encode()), leaf_hash(text.encode()), index, decode_path(line["proof"]), opened)


def read_leaf(data: bytes) -> dict[str, Any]:  # Any: values of JSON, of the types in LEAF_TYPES
    leaf = parse_canonical(data)
    if len(data) > MAX_LEAF_BYTES or not isinstance(leaf, dict) or set(leaf) != set(LEAF_TYPES):
        raise Damage("its leaf does not have exactly the members of a leaf")
    if any(type(leaf[name]) is not kind for name, kind in LEAF_TYPES.items()) or leaf["v"] != 1 or leaf["n"] < 1:
        raise Damage("its leaf has a member of a wrong type, or is of another version")
    hashes = [leaf["ct"], *leaf["c"].values()] + ([leaf["prev"]] if leaf["n"] > 1 else [])
    if not all(isinstance(item, str) and HASH.fullmatch(item) for item in hashes):
        raise Damage("its leaf has something else where a hash should be")
    if not STREAM_ID.fullmatch(leaf["stream"]) or not TIME.fullmatch(leaf["at"]):
        raise Damage("its leaf has a stream or a time of a wrong form")
    return leaf


def check_proof(entry: Entry, checkpoint: Checkpoint | None) -> None:
    if entry.leaf["seq"] != entry.index:
        raise Damage(f"its leaf says entry {entry.leaf['seq']} of the record, its line says {entry.index}")
    if checkpoint is None:
        return  # a finding of its own already
    root = root_from_path(entry.hash, index=entry.index, size=checkpoint.size, path=entry.proof)
    if root != checkpoint.root:
        raise Damage("changed: its bytes and proof do not lead to the root of the checkpoint")


def check_opened(entry: Entry) -> None:
    for name, pair in sorted(entry.opened.items()):
        if not isinstance(pair, dict) or set(pair) != {"key", "value"} or not HASH.fullmatch(str(pair["key"])):
            raise Damage(f"opened field {shown(name)} should hold a key and a value")
        digest = hmac.digest(bytes.fromhex(pair["key"]), canonical(pair["value"]), "sha256").hex()
        if entry.leaf["c"].get(name) != digest:
            raise Damage(f"changed: opened field {shown(name)} is not what the entry committed to")


def check_line(line: bytes, *, number: int, walk: Walk) -> None:
    """Check one line and go on from it; a line that cannot be used is a finding and counts as damaged."""
    walk.lines += 1
    walk.damaged += 1  # until it is shown to be sound
    where = f"{ENTRIES} line {number}"
    place = f"{where}, after n {walk.n} of stream {walk.stream}" if walk.stream else where
    with noting(walk.findings, place):
        value = parse_json(line)
        index = value.get("index") if isinstance(value, dict) else None
        with noting(walk.findings, f"{place} (entry {shown(index)})"):
            entry = read_entry(value)
            where += f" (stream {entry.leaf['stream']}, n {entry.leaf['n']}, entry {entry.index})"
            check_entry(entry, where=where, walk=walk)


def check_entry(entry: Entry, *, where: str, walk: Walk) -> None:
    try:
        check_proof(entry, walk.checkpoint)
    except Damage as error:
        walk.unproved += 1
        walk.findings.add(where, error)
        return
    walk.damaged -= 1
    with noting(walk.findings, where):
        check_opened(entry)
        note_files(entry, walk)
        note_disposed(entry, walk)
    tally(entry, walk)
    follow(entry, where=where, walk=walk)


def note_files(entry: Entry, walk: Walk) -> None:
    for name in filter(ATTACHED_FIELD.fullmatch, entry.opened):
        value = entry.opened[name]["value"]
        stated = (value.get("sha256"), value.get("size")) if isinstance(value, dict) else ("", "")
        if not HASH.fullmatch(str(stated[0])) or type(stated[1]) is not int:
            raise Damage(f"opened field {shown(name)} does not describe a file")
        stem, ending = f"{entry.index}-{name[-1]}", ENDINGS.get(str(value.get("type")), "bin")
        walk.files[stem], walk.endings[stem] = {"sha256": stated[0], "size_bytes": stated[1]}, ending


def note_disposed(entry: Entry, walk: Walk) -> None:
    place = bisect.bisect(walk.disposals, (entry.index, MAX_INTEGER)) - 1
    if place < 0 or walk.disposals[place][1] < entry.index:
        return
    walk.disposed += 1
    if entry.opened:
        raise Damage("the record says that it was disposed of, but it is opened here")


def tally(entry: Entry, walk: Walk) -> None:
    stream, kind = entry.leaf["stream"], walk.kinds.setdefault(entry.leaf["kind"], {"entries": 0, "opened": 0})
    walk.streams[stream] = walk.streams.get(stream, 0) + 1
    walk.opened += bool(entry.opened)
    kind["entries"] += 1
    kind["opened"] += bool(entry.opened)


# --- check 4: the chain of every stream ------------------------------------------------------------------------------
def follow(entry: Entry, *, where: str, walk: Walk) -> None:
    """Hold a sound entry against the one before it, and go on from it."""
    stream, n = entry.leaf["stream"], entry.leaf["n"]
    if stream != walk.stream:
        leave_stream(walk)
        if stream < walk.stream:
            walk.findings.add(where, "out of order: streams should be sorted by their ids")
        walk.stream, walk.n, walk.last = stream, 0, ""
    missing = n - walk.n - 1
    if missing < 0:
        walk.findings.add(where, f"out of order or repeated: it stands after n {walk.n}")
        return
    if missing > walk.damaged:
        walk.findings.add(where, f"n {span(walk.n + 1, n - 1)} of its stream is missing before it (dropped or moved)")
    elif missing == 0 and entry.leaf["prev"] != walk.last:
        walk.findings.add(where, "its prev is not the leaf hash of the item before it")
    walk.n, walk.last, walk.damaged = n, entry.hash.hex(), 0


def leave_stream(walk: Walk) -> None:
    """Hold the last item of the stream that ends here against the heads (check 5)."""
    if not walk.stream or not walk.heads:
        return
    where = f"{ENTRIES}, stream {walk.stream}"
    n, last = walk.heads.streams.get(walk.stream, (0, ""))
    missing = n - walk.n
    if not n:
        walk.findings.add(where, f"is not among the streams of {HEADS}")
    elif missing > walk.damaged:
        walk.findings.add(where, f"its end was dropped: n {span(walk.n + 1, n)} is missing")
    elif missing < 0:
        walk.findings.add(where, f"goes on to n {walk.n}, but the heads end it at n {n}")
    elif missing == 0 and walk.last != last:
        walk.findings.add(where, f"its last item, n {n}, is not the one that the heads name")
    walk.damaged -= max(0, min(missing, walk.damaged))


def span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} to {last}"


def walk_entries(folder: Path, *, checkpoint: Checkpoint | None, heads: Heads | None) -> Walk:
    """Do checks 3, 4, 5 and 8 on all lines in one pass."""
    walk = Walk(checkpoint, heads)
    with noting(walk.findings, DISPOSALS):
        walk.disposals = read_disposals(folder, checkpoint)
    with noting(walk.findings, ENTRIES):
        for number, line in read_lines(folder, ENTRIES):
            check_line(line, number=number, walk=walk)
    leave_stream(walk)
    if not walk.lines:
        walk.findings.add(ENTRIES, "holds no entry at all")
    ends = heads.streams if heads else {}
    for stream in sorted(set(ends) - set(walk.streams)):
        walk.findings.add(ENTRIES, f"stream {shown(stream)} is missing as a whole, n {span(1, ends[stream][0])}")
    if walk.lines > 1 and walk.unproved == walk.lines:
        walk.findings = Findings()
        walk.findings.add(CHECKPOINT, f"not one of the {walk.lines} entries leads to its root: it is of another record")
    return walk


# --- check 5: the heads ----------------------------------------------------------------------------------------------
def read_heads(folder: Path, checkpoint: Checkpoint | None) -> Heads:
    """Return the last item of each stream, proved by the heads entry; raise Damage when a proof fails."""
    record = parse_json(read_small(folder, HEADS))
    if not isinstance(record, dict) or not isinstance(record.get("streams"), dict):
        raise Damage("should be an object with streams")
    streams = record.pop("streams")
    entry = read_entry(record)
    check_proof(entry, checkpoint)
    check_opened(entry)
    root, count = (entry.opened.get(name, {}).get("value") for name in ("root", "count"))
    if entry.leaf["kind"] != "stream.heads" or not HASH.fullmatch(str(root)) or type(count) is not int:
        raise Damage("is not an entry of kind stream.heads with its root and count opened")
    ends = {name: read_head(name, item, root=bytes.fromhex(root), count=count) for name, item in streams.items()}
    return Heads(ends, count, entry.index, entry.leaf["at"])


def read_head(stream: str, item: object, *, root: bytes, count: int) -> tuple[int, str]:
    if not isinstance(item, dict) or set(item) != {"n", "last", "index", "proof"} or type(item["index"]) is not int:
        raise Damage(f"stream {shown(stream)} should have n, last, index and proof")
    leaf = leaf_hash(canonical({"last": item["last"], "n": item["n"], "stream": stream}))
    if root_from_path(leaf, index=item["index"], size=count, path=decode_path(item["proof"])) != root:
        raise Damage(f"changed: stream {shown(stream)} is not proved to end at n {shown(item['n'])}")
    if type(item["n"]) is not int or not isinstance(item["last"], str):
        raise Damage(f"stream {shown(stream)} has an n or a last of a wrong type")
    return item["n"], item["last"]


# --- check 6: the manifest -------------------------------------------------------------------------------------------
def check_manifest(folder: Path, *, walk: Walk, findings: Findings) -> None:
    """Hold what the manifest says against what the files hold."""
    manifest = parse_canonical(read_small(folder, MANIFEST))
    if not isinstance(manifest, dict) or not isinstance(manifest.get("streams"), dict):
        raise Damage("should be an object with streams, counts, checkpoint and files")
    names = payload_of(folder) - {MANIFEST}
    held: dict[str, dict[str, object]] = {"files": {name: describe(folder, name) for name in names}}
    held["counts"] = {"entries": walk.lines, "kinds": walk.kinds, "opened": walk.opened, "streams": walk.streams}
    if walk.disposed:
        held["counts"]["disposed"] = walk.disposed
    if walk.checkpoint:
        held["checkpoint"] = describe_checkpoint(walk.checkpoint)
    for name, value in sorted(held.items()):
        parts = differences(manifest.get(name), value)
        if parts:
            findings.add(MANIFEST, f"its {name} do not fit what the package holds: {', '.join(parts)}")
    for stream in sorted(set(manifest["streams"]) ^ set(walk.streams)):
        findings.add(MANIFEST, f"its streams are not those of {ENTRIES}: {shown(stream)} is only in one of them")


def describe_checkpoint(checkpoint: Checkpoint) -> dict[str, Any]:  # Any: values of JSON
    """Return what a checkpoint says as the manifest states it."""
    root = base64.b64encode(checkpoint.root).decode()
    return {"origin": checkpoint.origin, "root": root, "size": checkpoint.size}


def differences(said: object, held: dict[str, object]) -> list[str]:
    """Return the names under which two objects differ."""
    told = said if isinstance(said, dict) else {}
    same = {name for name in set(told) & set(held) if canonical(told[name]) == canonical(held[name])}
    return sorted(shown(name) for name in (set(told) | set(held)) - same)


# --- check 7: the files that opened entries name ----------------------------------------------------------------------
def attached(folder: Path) -> list[str]:
    """Return the names of all files that lie in the folder of attachments."""
    return sorted(f"{ATTACHMENTS}/{item.name}" for item in (folder / ATTACHMENTS).glob("*"))


def check_attachments(folder: Path, *, walk: Walk, findings: Findings) -> None:
    """Hold each file against the field that names it; there must be one for each field, and no other."""
    present: dict[str, list[str]] = {}
    for name in attached(folder):
        match = ATTACHED.fullmatch(name.rpartition("/")[2])
        present.setdefault(match.group(1) if match else name, []).append(name)
    for stem, expected in sorted(walk.files.items()):
        names = present.pop(stem, [])
        with noting(findings, shown(f"{ATTACHMENTS}/{stem}")):
            if len(names) != 1:
                raise Damage("stands here twice" if names else "the file is missing that its entry names")
            if describe(folder, names[0]) != expected:
                raise Damage("changed: it is not the file that its entry names")
            if names[0].rpartition(".")[2] not in (walk.endings[stem], "bin"):
                raise Damage(f"its entry records another type: it must end in .{walk.endings[stem]}")
    for name in sorted(name for names in present.values() for name in names):
        findings.add(shown(name), "is not part of an export; no opened entry names it")


# --- check 8: the entries that say what was disposed of --------------------------------------------------------------
def payload_of(folder: Path) -> set[str]:
    """Return the names of the files that the bag of an export has to list."""
    return {*PAYLOAD, *attached(folder), *({DISPOSALS} if (folder / DISPOSALS).exists() else ())}


def read_disposals(folder: Path, checkpoint: Checkpoint | None) -> list[tuple[int, int]]:
    """Return the spans of entries that the record itself says were disposed of; raise Damage when a proof fails."""
    spans: list[tuple[int, int]] = []
    if not (folder / DISPOSALS).exists():
        return spans
    for number, line in read_lines(folder, DISPOSALS):
        entry = read_entry(parse_json(line))
        check_proof(entry, checkpoint)
        check_opened(entry)
        named = entry.opened.get("entries", {}).get("value")
        if entry.leaf["kind"] != "disposal.made" or not is_spans(named, below=entry.index):
            raise Damage(f"line {number} is not an entry of kind disposal.made with what it disposed of opened")
        spans += [(first, last) for first, last in named]
    spans.sort()
    if any(spans[place + 1][0] <= spans[place][1] for place in range(len(spans) - 1)):
        raise Damage("two disposals name the same entry")
    return spans


def is_spans(value: object, *, below: int) -> bool:
    """Tell whether a value is a list of [first, last], each of them of entries below a number."""
    if not isinstance(value, list) or not all(isinstance(item, list) and len(item) == 2 for item in value):
        return False
    return all(type(f) is int and type(n) is int and 0 <= f <= n < below for f, n in value)


# --- a segment: a run of the record in tlog-tiles (section Segments of the format) -----------------------------------
Tiles = Dict[Tuple[int, int], List[bytes]]  # (level, number) to the hashes side by side


@dataclass(frozen=True)
class Segment:
    """What a segment says that it holds: the entries `first` to `size` - 1. A published record is one from 0 on."""

    first: int
    size: int
    origin: str
    root: bytes
    within: str = "data/"  # where the tiles are; "" in a published record

    def parts(self) -> Iterator[tuple[int, int, int]]:
        """Yield level, number and width of each tile that the run changed."""
        level = 0
        while self.size >> 8 * level:
            count = self.size >> 8 * level
            for number in range(self.first >> 8 * (level + 1), -(-count // TILE_WIDTH)):
                yield level, number, min(TILE_WIDTH, count - number * TILE_WIDTH)
            level += 1

    def files(self) -> set[str]:
        """Return the names of its tiles, of the leaves under them and, in a segment, of the ciphertexts."""
        names = set()
        for level, number, width in self.parts():
            places = [f"tile/{level}"] + (["tile/entries", "ciphertexts"] if level == 0 else [])
            names |= {self.name(place, number, width) for place in places if self.within or place != "ciphertexts"}
        return names

    def name(self, place: str, number: int, width: int) -> str:
        last, groups = f"{number % 1000:03}", ""
        while number >= 1000:
            number //= 1000
            groups = f"x{number % 1000:03}/{groups}"
        return f"{self.within}{place}/{groups}{last}" + ("" if width == TILE_WIDTH else f".p/{width}")


def read_segment(folder: Path) -> Segment:
    value = parse_canonical(read_small(folder, SEGMENT))
    types = {"first": int, "origin": str, "root": str, "size": int, "v": int}
    if not isinstance(value, dict) or {name: type(item) for name, item in value.items()} != types or value["v"] != 1:
        raise Damage("is not the description of a segment of version 1")
    if not 0 <= value["first"] < value["size"] <= value["first"] + MAX_RUN or not HASH.fullmatch(value["root"]):
        raise Damage("describes a run of entries that cannot be")
    return Segment(value["first"], value["size"], value["origin"], bytes.fromhex(value["root"]))


def check_segment(folder: Path, *, key: VerifierKey | None = None) -> tuple[str, Findings]:
    """Return (a sentence on what was verified, findings); the sentence holds only when there are no findings."""
    findings, tiles, opened = Findings(), {}, 0
    try:
        segment = read_segment(folder)
    except (Damage, *UNREADABLE) as error:
        findings.add(SEGMENT, explain(error))
        return "", findings
    with noting(findings, CHECKPOINT):
        check_end(read_checkpoint(folder, key), size=segment.size, root=segment.root, origin=segment.origin)
    with noting(findings, "data/tile"):
        tiles = read_tiles(folder, segment)
        if tree_root(tiles, segment.size) != segment.root:
            raise Damage("changed: its hashes do not lead to the root of the checkpoint")
        if segment.first:
            before = read_checkpoint(folder, key, BEFORE)
            check_end(before, size=segment.first, root=tree_root(tiles, segment.first), origin=segment.origin)
    leaves = walk_leaves(folder, segment=segment, tiles=tiles, findings=findings)
    with noting(findings, EVIDENCE):
        opened = check_evidence(folder, leaves, segment=segment)
    payload = {SEGMENT, CHECKPOINT, EVIDENCE, *segment.files(), *([BEFORE] if segment.first else [])}
    check_files(folder, payload, findings=findings)
    return describe_segment(segment, opened=opened, key=key), findings


def check_end(checkpoint: Checkpoint, *, size: int, root: bytes, origin: str) -> None:
    if (checkpoint.origin, checkpoint.size, checkpoint.root) != (origin, size, root):
        raise Damage(f"is not the checkpoint of {size} entries that the segment leads to")


def read_tiles(folder: Path, segment: Segment) -> Tiles:
    """Return the tiles, each held against the tile above it."""
    tiles: Tiles = {}
    for level, number, width in segment.parts():
        data = read_small(folder, segment.name(f"tile/{level}", number, width))
        if len(data) != width * 32:
            raise Damage(f"tile {level}/{number} does not hold {width} hashes")
        tiles[level, number] = [data[i : i + 32] for i in range(0, len(data), 32)]
        for place in range(width if level else 0):
            below = tiles.get((level - 1, number * TILE_WIDTH + place))
            if below is not None and perfect_root(below) != tiles[level, number][place]:
                raise Damage(f"tile {level - 1}/{number * TILE_WIDTH + place} is not what the tile above it says")
    return tiles


def tree_root(tiles: Tiles, size: int) -> bytes:
    """Return the root over the first `size` leaves, from the tiles at its right edge."""
    start, roots = 0, []
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            number, place = divmod(start >> 8 * (level // 8), TILE_WIDTH)
            hashes = tiles.get((level // 8, number), [])[place : place + (1 << level % 8)]
            if len(hashes) != 1 << level % 8:
                raise Damage(f"a tile of level {level // 8} that {size} entries need is not there")
            roots.append(perfect_root(hashes))
            start += 1 << level
    node = roots[-1]
    for left in reversed(roots[:-1]):
        node = hashlib.sha256(b"\x01" + left + node).digest()
    return node


def perfect_root(hashes: list[bytes]) -> bytes:
    while len(hashes) > 1:
        hashes = [hashlib.sha256(b"\x01" + b"".join(hashes[i : i + 2])).digest() for i in range(0, len(hashes), 2)]
    return hashes[0]


def walk_leaves(folder: Path, *, segment: Segment, tiles: Tiles, findings: Findings) -> dict[int, dict[str, Any]]:
    """Check every leaf and ciphertext; return the leaves of entries that stand opened in a segment, by number."""
    ends: dict[str, tuple[int, str]] = {}
    kept, begins = {}, segment.first // TILE_WIDTH * TILE_WIDTH
    for number, width in [part[1:] for part in segment.parts() if part[0] == 0]:
        name, sealed = (segment.name(place, number, width) for place in ("tile/entries", "ciphertexts"))
        digests = tiles.get((0, number), [b""] * width)
        with noting(findings, name):
            leaves = split(read_small(folder, name), width=width, length_bytes=2)
            texts = split(read_small(folder, sealed), width=width, length_bytes=4) if segment.within else []
            for place, data in enumerate(leaves):
                seq = number * TILE_WIDTH + place
                with noting(findings, f"{name}, entry {seq}"):
                    leaf = check_leaf(data, seq=seq, digest=digests[place], begins=begins, ends=ends)
                    if texts and hashlib.sha256(texts[place]).hexdigest() != leaf["ct"]:
                        raise Damage(f"changed: its ciphertext in {sealed} is not the one that the leaf names")
                    if seq >= segment.first and leaf["kind"] in OPENED_KINDS:
                        kept[seq] = leaf
    return kept


def split(data: bytes, *, width: int, length_bytes: int) -> list[bytes]:
    """Return the items of a bundle, each after its length."""
    items, place = [], 0
    while place < len(data):
        start = place + length_bytes
        place = start + int.from_bytes(data[place:start], "big")
        items.append(data[start:place])
    if place != len(data) or len(items) != width:
        raise Damage(f"does not hold exactly {width} items")
    return items


def check_leaf(
    data: bytes, *, seq: int, digest: bytes, begins: int, ends: dict[str, tuple[int, str]]
) -> dict[str, Any]:  # Any: values of JSON
    """Return a leaf that is under its hash and follows the one before it in its stream, where that one is here too.

    What is here begins with entry `begins`: where that is the record's first, every stream begins here as well.
    """
    mine = leaf_hash(data)
    if mine != digest:
        raise Damage("changed: its bytes do not have the hash in the tile")
    leaf = read_leaf(data)
    n, last = ends.get(leaf["stream"], (leaf["n"] - 1, leaf["prev"]) if begins else (0, ""))
    ends[leaf["stream"]] = leaf["n"], mine.hex()
    if leaf["seq"] != seq:
        raise Damage(f"its leaf says entry {leaf['seq']} of the record")
    if (leaf["n"], leaf["prev"]) != (n + 1, last) or (leaf["n"] == 1 and leaf["prev"]):
        raise Damage("it does not follow the item before it in its stream")
    return leaf


def check_evidence(folder: Path, leaves: dict[int, dict[str, Any]], *, segment: Segment) -> int:
    """Hold the opened entries about evidence against their leaves; return how many are opened."""
    opened, expected = 0, sorted(leaves)
    for number, line in read_lines(folder, EVIDENCE):
        value = parse_canonical(line)
        if not isinstance(value, dict) or set(value) != {"index", "opened"} or not isinstance(value["opened"], dict):
            raise Damage(f"line {number} does not hold exactly index and opened")
        if number > len(expected) or value["index"] != expected[number - 1]:
            raise Damage(f"line {number} is not of the next entry about evidence")
        leaf = leaves[expected[number - 1]]
        if value["opened"] and set(value["opened"]) != set(leaf["c"]):
            raise Damage(f"line {number} does not open every field of its entry")
        check_opened(Entry(leaf, b"", leaf["seq"], [], value["opened"]))
        opened += bool(value["opened"])
        leaves.pop(leaf["seq"])
    if leaves:
        raise Damage(f"lacks entry {min(leaves)}")
    return opened


def files_in(folder: Path) -> set[str]:
    items = (item for item in folder.rglob("*") if not item.is_dir() or item.is_symlink())
    return {item.relative_to(folder).as_posix() for item in items}


def check_files(folder: Path, payload: set[str], *, findings: Findings) -> None:
    """Check the bag of a segment: every file of it, no other, and each with the digest in the manifests."""
    for name, required in (("manifest-sha256.txt", payload), ("tagmanifest-sha256.txt", SEGMENT_TAGS)):
        with noting(findings, name):
            listed = read_bag_manifest(folder, name)
            for path in sorted(required ^ set(listed)):
                findings.add(name, f"should list exactly the files of the segment, but not so {shown(path)}")
            for path, digest in listed.items():
                check_file(folder, path, digest=digest, findings=findings)
    for path in sorted(files_in(folder) - payload - SEGMENT_TAGS - {"tagmanifest-sha256.txt"}):
        findings.add(shown(path), "is not part of a segment; somebody added it")


def describe_segment(segment: Segment, *, opened: int, key: VerifierKey | None) -> str:
    what = (
        f"verified: entries {segment.first} to {segment.size - 1} of {shown(segment.origin)}, {opened} of them opened"
    )
    what += f", under the checkpoint of size {segment.size} and root {base64.b64encode(segment.root).decode()}"
    what += f", continuing the one of size {segment.first}" if segment.first else ", from the first entry on"
    if key:
        return f"{what}, signed by {shown(key.name)}+{key.id.hex()}."
    return f"{what}; the signature was NOT checked because no --key was given."


# --- a published record: all of it in tlog-tiles, for everybody to see (section Published record of the format) -------
def check_published(folder: Path, *, key: VerifierKey | None = None) -> tuple[str, Findings]:
    """Return (a sentence on what was verified, findings); the sentence holds only when there are no findings."""
    findings, where = Findings(), PUBLISHED
    try:
        checkpoint = read_checkpoint(folder, key, PUBLISHED)
        record, where = Segment(0, checkpoint.size, checkpoint.origin, checkpoint.root, within=""), "tile"
        tiles = read_tiles(folder, record)  # until one is not there, whatever size a checkpoint without a key claims
        if not tiles or tree_root(tiles, record.size) != record.root:
            raise Damage("changed: its hashes do not lead to the root of the checkpoint")
    except (Damage, *UNREADABLE) as error:
        findings.add(where, explain(error))
        return "", findings
    walk_leaves(folder, segment=record, tiles=tiles, findings=findings)
    known = record.files() | {PUBLISHED}
    there = {name for name in files_in(folder) if not name.startswith(".")}  # file managers leave dot files
    proofs = {name for name in there if name.startswith("proof/")}
    for name in sorted(there - known):
        with noting(findings, shown(name)):
            check_beside(folder, name, record=record, tiles=tiles, key=key)
    return describe_published(record, proofs=len(proofs), key=key), findings


def check_beside(folder: Path, name: str, *, record: Segment, tiles: Tiles, key: VerifierKey | None) -> None:
    """Check what a published folder may hold besides: proofs, and partial tiles of an earlier and smaller size."""
    match = PROOF_FILE.fullmatch(name)
    if match:
        check_proof_file(read_small(folder, name).decode(), int(match.group(1)), record=record, tiles=tiles, key=key)
        return
    match = OLDER_TILE.fullmatch(name)
    place, digits, width = match.groups() if match else ("0", "0", "0")
    level, number = 0 if place == "entries" else int(place), int(digits.replace("x", "").replace("/", ""))
    hashes = tiles.get((level, number), [])[: int(width)]
    if not hashes or name != record.name(f"tile/{place}", number, len(hashes)):
        raise Damage("is not part of a published record of this size; somebody added it")
    data = read_small(folder, name)
    if place == "entries":
        data = b"".join(map(leaf_hash, split(data, width=len(hashes), length_bytes=2)))
    if data != b"".join(hashes):
        raise Damage("changed: it does not hold what the tile of this number begins with")


def check_proof_file(text: str, seq: int, *, record: Segment, tiles: Tiles, key: VerifierKey | None) -> None:
    """Check a tlog-proof: a path from the leaf to the root of a signed checkpoint, which is one of this record."""
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    if lines[:2] != [PROOF_HEADER, f"index {seq}"]:
        raise Damage("is not the proof of the entry that its name says")
    checkpoint = parse_checkpoint(note, key)
    if not seq < checkpoint.size <= record.size:
        raise Damage("its checkpoint does not cover the entry, or is later than the published one")
    check_end(checkpoint, size=checkpoint.size, root=tree_root(tiles, checkpoint.size), origin=record.origin)
    leaf = tiles[0, seq // TILE_WIDTH][seq % TILE_WIDTH]
    if root_from_path(leaf, index=seq, size=checkpoint.size, path=decode_path(lines[2:])) != checkpoint.root:
        raise Damage("changed: it does not lead from the entry to the root of its checkpoint")


def describe_published(record: Segment, *, proofs: int, key: VerifierKey | None) -> str:
    what = f"verified: all {record.size} entries of {shown(record.origin)} under the checkpoint of this size and root"
    what += f" {base64.b64encode(record.root).decode()}, and {proofs} proofs"
    if key:
        return f"{what}, signed by {shown(key.name)}+{key.id.hex()}."
    return f"{what}; the signature was NOT checked because no --key was given."


# --- all of it -------------------------------------------------------------------------------------------------------
def check_package(folder: Path, *, key: VerifierKey | None = None) -> tuple[str, Findings]:
    """Return (a sentence on what was verified, findings); the sentence holds only when there are no findings."""
    before, after = Findings(), Findings()
    checkpoint, heads = None, None
    with noting(before, CHECKPOINT):
        checkpoint = read_checkpoint(folder, key)
    with noting(after, HEADS):
        heads = read_heads(folder, checkpoint)
    walk = walk_entries(folder, checkpoint=checkpoint, heads=heads)
    with noting(after, MANIFEST):
        check_manifest(folder, walk=walk, findings=after)
    with noting(after, ATTACHMENTS):
        check_attachments(folder, walk=walk, findings=after)
    check_bag(folder, after)
    return summarise(walk, key), join([before, walk.findings, after])


def join(parts: list[Findings]) -> Findings:
    lines = [line for part in parts for line in part.lines]
    return Findings(lines[:SHOWN_FINDINGS], sum(part.count for part in parts))


def summarise(walk: Walk, key: VerifierKey | None) -> str:
    if not walk.checkpoint or not walk.heads:
        return ""
    root, origin = base64.b64encode(walk.checkpoint.root).decode(), shown(walk.checkpoint.origin)
    streams, heads = f"{len(walk.streams)} of the record's {walk.heads.count} streams", walk.heads
    what = f"verified and complete: {walk.lines} entries, {walk.opened} of them opened"
    what += f", {walk.disposed} disposed of" if walk.disposed else ""
    what += f", all that {streams} held at entry {heads.index} ({heads.at})"
    what += f", under the checkpoint of {origin} of size {walk.checkpoint.size} and root {root}"
    if key:
        return f"{what}, signed by {shown(key.name)}+{key.id.hex()}."
    signers = shown(", ".join(walk.checkpoint.signers), 400)
    return (
        f"{what}; the signature was NOT checked because no --key was given: the package names {signers} as its signer, "
        "compare that with the verifier key that the firm has published elsewhere and run again with --key."
    )


def check_folder(folder: Path, *, key: VerifierKey | None = None) -> tuple[str, Findings]:
    """Check whichever of the three a folder holds."""
    if (folder / SEGMENT).exists():
        return check_segment(folder, key=key)
    if (folder / PUBLISHED).exists() and not (folder / "data").exists():
        return check_published(folder, key=key)
    return check_package(folder, key=key)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Check an export, a segment or a published record.", prog="verify.py")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).resolve().parent, metavar="FOLDER")
    parser.add_argument("--key", help="the firm's verifier key, got by another way than the export itself")
    options = parser.parse_args(arguments)
    try:
        key = read_verifier_key(options.key) if options.key is not None else None
    except ValueError as error:
        parser.error(str(error))
    if not options.folder.is_dir():
        parser.error(f"{shown(str(options.folder), 200)} is not a folder")
    sentence, findings = check_folder(options.folder, key=key)
    if not findings.count:
        print(sentence)
        return 0
    print(f"NOT VERIFIED. Findings: {findings.count}, the most telling first.")
    for line in findings.lines:
        print(f"- {line}")
    if findings.count > len(findings.lines):
        print(f"- and {findings.count - len(findings.lines)} more")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
