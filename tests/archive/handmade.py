"""An export package made by hand from docs/record-format.md, for the tests of the verifier.

It shares no code with archive/: where the two agree they agree through the format. It must not become clever; what it
makes is small enough to read.
"""

import base64
import hashlib
import hmac
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ORIGIN = "record.example/handmade"
STREAMS = {"1" * 32: "conversation:7", "a" * 32: "conversation:8", "f" * 32: "person:3"}
BODIES = ["Good morning", "Sell at 40?", "no ✓ done", "", "Ende\u2028gut"]
VERIFIER = Path(__file__).resolve().parents[2] / "archive" / "verify.py"


def jcs(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _split(size: int) -> int:
    """The largest power of two below size (RFC 6962, section 2.1)."""
    return 1 << (size - 1).bit_length() - 1


def tree_hash(hashes: list[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    k = _split(len(hashes))
    return node_hash(tree_hash(hashes[:k]), tree_hash(hashes[k:]))


def audit_path(index: int, hashes: list[bytes]) -> list[bytes]:
    if len(hashes) == 1:
        return []
    k = _split(len(hashes))
    if index < k:
        return [*audit_path(index, hashes[:k]), tree_hash(hashes[k:])]
    return [*audit_path(index - k, hashes[k:]), tree_hash(hashes[:k])]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@dataclass
class Signer:
    """A log key and the note it signs (C2SP signed-note, tlog-checkpoint)."""

    name: str = ORIGIN
    private: Ed25519PrivateKey = field(default_factory=lambda: Ed25519PrivateKey.from_private_bytes(b"\x07" * 32))

    @property
    def public(self) -> bytes:
        return b"\x01" + self.private.public_key().public_bytes_raw()

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(f"{self.name}\n".encode() + self.public).digest()[:4]

    @property
    def verifier_key(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{b64(self.public)}"

    def sign(self, size: int, root: bytes) -> str:
        body = f"{ORIGIN}\n{size}\n{b64(root)}\n"
        signature = b64(self.key_id + self.private.sign(body.encode()))
        return f"{body}\n— {self.name} {signature}\n"


@dataclass
class Record:
    """A small record: the leaves in order, and for each the fields that open it."""

    leaves: list[bytes] = field(default_factory=list)
    fields: list[dict[str, dict[str, object]]] = field(default_factory=list)
    ends: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, stream: str, kind: str, content: dict[str, object]) -> None:
        seq, (n, prev) = len(self.leaves), self.ends.get(stream, (0, ""))
        keys = {name: hashlib.sha256(f"{seq}{name}".encode()).digest() for name in content}
        commitments = {
            name: hmac.new(keys[name], jcs(value), hashlib.sha256).hexdigest() for name, value in content.items()
        }
        leaf = jcs(
            {
                "at": f"2026-11-21T16:{seq // 60:02}:{seq % 60:02}.000Z",
                "bucket": "7y/2026-11-21",
                "c": commitments,
                "ct": hashlib.sha256(b"sealed").hexdigest(),
                "kind": kind,
                "n": n + 1,
                "prev": prev,
                "seq": seq,
                "stream": stream,
                "v": 1,
            }
        )
        self.leaves.append(leaf)
        self.fields.append({name: {"key": keys[name].hex(), "value": value} for name, value in content.items()})
        self.ends[stream] = (n + 1, leaf_hash(leaf).hex())


def small_record() -> tuple[Record, dict[str, tuple[int, str]]]:
    """Return a record of 5 + 5 + 3 entries and one of heads, then one more; and the heads at that moment."""
    record, system = Record(), "c" * 32
    actor: dict[str, object] = {"id": "person:3", "name": "Älice", "role": "employee"}
    for number, body in enumerate(BODIES):
        for stream in STREAMS:
            if number < 3 or stream != "f" * 32:
                record.add(stream, "message.created", {"actor": actor, "body": body, "client_key": f"{stream}{number}"})
    record.add(system, "configuration.changed", {"actor": actor, "what": "name", "before": "", "after": "x"})
    heads = dict(record.ends)
    hashes = [head_leaf(stream, *heads[stream]) for stream in sorted(heads)]
    root = tree_hash(hashes).hex()
    record.add(system, "stream.heads", {"actor": actor, "count": len(heads), "root": root})
    record.add("1" * 32, "message.created", {"actor": actor, "body": "after the heads", "client_key": "late"})
    return record, heads


def head_leaf(stream: str, n: int, last: str) -> bytes:
    return leaf_hash(jcs({"last": last, "n": n, "stream": stream}))


class Package:
    """A package on disk, with the steps by which somebody would alter it."""

    def __init__(self, folder: Path, *, signer: Signer | None = None) -> None:
        self.folder, self.signer = folder, signer or Signer()
        self.record, self.heads = small_record()
        self.hashes = [leaf_hash(leaf) for leaf in self.record.leaves]
        (folder / "data").mkdir(parents=True)
        self.write_entries([self.line(seq) for seq in self.exported()])
        self.write("data/heads.json", jcs(self.heads_file()) + b"\n")
        self.write("data/checkpoint", self.signer.sign(len(self.hashes), tree_hash(self.hashes)).encode())
        self.write_manifest()
        shutil.copy(VERIFIER, folder / "verify.py")
        self.write("README.txt", b"Run python verify.py\n")
        self.write("bagit.txt", b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n")
        self.write("bag-info.txt", b"Bagging-Date: 2026-11-21\n")
        self.remake_bag()

    def exported(self) -> list[int]:
        leaves = [json.loads(leaf) for leaf in self.record.leaves]
        wanted = [item for item in leaves if item["stream"] in STREAMS and item["n"] <= self.heads[item["stream"]][0]]
        return [item["seq"] for item in sorted(wanted, key=lambda item: (item["stream"], item["n"]))]

    def line(self, seq: int) -> dict[str, object]:
        is_in_scope = json.loads(self.record.leaves[seq])["n"] < 5
        return {
            "index": seq,
            "leaf": self.record.leaves[seq].decode(),
            "opened": self.record.fields[seq] if is_in_scope else {},
            "proof": [b64(node) for node in audit_path(seq, self.hashes)],
        }

    def heads_file(self) -> dict[str, object]:
        seq = next(i for i, leaf in enumerate(self.record.leaves) if b'"stream.heads"' in leaf)
        ids = sorted(self.heads)
        hashes = [head_leaf(stream, *self.heads[stream]) for stream in ids]
        streams = {
            stream: {
                "index": ids.index(stream),
                "last": self.heads[stream][1],
                "n": self.heads[stream][0],
                "proof": [b64(node) for node in audit_path(ids.index(stream), hashes)],
            }
            for stream in STREAMS
        }
        return {**self.line(seq), "opened": self.record.fields[seq], "streams": streams}

    # --- what an attacker does -------------------------------------------------------------------------------------
    def write(self, name: str, data: bytes) -> None:
        (self.folder / name).write_bytes(data)

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def lines(self) -> list[bytes]:
        return self.read("data/entries.jsonl").splitlines()

    def write_lines(self, lines: list[bytes]) -> None:
        self.write("data/entries.jsonl", b"".join(line + b"\n" for line in lines))

    def write_entries(self, entries: list[dict[str, object]]) -> None:
        self.write_lines([jcs(entry) for entry in entries])

    def write_manifest(self) -> None:
        """Write a manifest that fits whatever the other data files now hold."""
        lines = [json.loads(line) for line in self.lines()]
        streams: dict[str, int] = {}
        kinds: dict[str, dict[str, int]] = {}
        for line in lines:
            leaf = json.loads(line["leaf"])
            streams[leaf["stream"]] = streams.get(leaf["stream"], 0) + 1
            kind = kinds.setdefault(leaf["kind"], {"entries": 0, "opened": 0})
            kind["entries"] += 1
            kind["opened"] += bool(line["opened"])
        opened = sum(bool(line["opened"]) for line in lines)
        manifest = {
            "checkpoint": {"origin": ORIGIN, "root": b64(tree_hash(self.hashes)), "size": len(self.hashes)},
            "counts": {"entries": len(lines), "kinds": kinds, "opened": opened, "streams": streams},
            "files": {
                name: self.describe(name) for name in ("data/entries.jsonl", "data/heads.json", "data/checkpoint")
            },
            "streams": {stream: STREAMS[stream] for stream in streams},
        }
        self.write("data/manifest.json", jcs(manifest))

    def describe(self, name: str) -> dict[str, object]:
        data = self.read(name)
        return {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}

    def remake_bag(self) -> None:
        """Make the bag's manifests fit whatever the files now hold, as an attacker who covers the traces would."""
        for name, pattern in (("manifest-sha256.txt", "data/*"), ("tagmanifest-sha256.txt", "*")):
            files = sorted(item for item in self.folder.glob(pattern) if item.is_file() and "tagm" not in item.name)
            lines = [f"{hashlib.sha256(f.read_bytes()).hexdigest()}  {f.relative_to(self.folder)}\n" for f in files]
            self.write(name, "".join(lines).encode())
