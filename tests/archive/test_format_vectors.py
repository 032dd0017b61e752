"""The fixed vectors of record format 1 (tests/vectors/record-1): they were not made by the code that is tested.

They never change: a record written today must verify for ever.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from archive import canonical, checkpoint, merkle, sealing, verify
from archive.leaf import Leaf
from archive.ledger import reading

FOLDER = Path(__file__).resolve().parents[1] / "vectors" / "record-1"


def load(name: str) -> dict[str, Any]:  # Any: members of JSON
    loaded: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


CONTENT, LEAVES, TREE, CHECKPOINT, HEADS = (load(name) for name in ("content", "leaf", "tree", "checkpoint", "heads"))
RECORD_KEY = bytes.fromhex(CONTENT["record_key"])
PLACE = sealing.Place(origin=CONTENT["origin"], stream=CONTENT["stream"], n=CONTENT["n"], bucket=CONTENT["bucket"])


def test_canonical_bytes() -> None:
    assert canonical.encode(CONTENT["content"]) == CONTENT["canonical"].encode()


def test_commitments_and_their_keys() -> None:
    keys = sealing.commitment_keys(CONTENT["content"], record_key=RECORD_KEY)
    assert {field: key.hex() for field, key in keys.items()} == CONTENT["commitment_keys"]
    assert sealing.commitments(CONTENT["content"], record_key=RECORD_KEY) == CONTENT["commitments"]


def test_ciphertext_and_wrapped_key_open() -> None:
    wrapped, bucket_key = (bytes.fromhex(CONTENT[name]) for name in ("wrapped_record_key", "bucket_key"))
    assert sealing.unwrap_record_key(wrapped, bucket_key=bucket_key, place=PLACE) == RECORD_KEY
    ciphertext = bytes.fromhex(CONTENT["ciphertext"])
    assert sealing.unseal(ciphertext, record_key=RECORD_KEY, place=PLACE) == CONTENT["content"]


@pytest.mark.parametrize("vector", LEAVES["leaves"], ids=["middle of a stream", "first of a stream"])
def test_leaf_bytes_and_hash(vector: dict[str, Any]) -> None:
    data = vector["leaf"].encode()
    leaf = Leaf.parse(data)
    assert leaf.encode() == data
    assert json.loads(data) == vector["members"]
    assert merkle.leaf_hash(data).hex() == vector["leaf_hash"]


@pytest.mark.parametrize(("size", "root"), TREE["roots"].items())
def test_root(size: str, root: str) -> None:
    assert merkle.root(merkle.leaf_hash(str(i).encode()) for i in range(int(size))).hex() == root


@pytest.mark.parametrize("vector", TREE["paths"], ids=lambda vector: f"{vector['index']} of {vector['size']}")
def test_audit_path(vector: dict[str, Any]) -> None:
    tree = merkle.Tree([merkle.leaf_hash(str(i).encode()) for i in range(vector["size"])])
    assert [item.hex() for item in tree.path(vector["index"])] == vector["path"]


def test_checkpoint_note() -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(CHECKPOINT["seed"]))
    statement = checkpoint.Statement(CHECKPOINT["origin"], CHECKPOINT["size"], bytes.fromhex(CHECKPOINT["root"]))
    assert checkpoint.sign(statement, key=key) == CHECKPOINT["note"]
    public = checkpoint.public_bytes(key)
    assert checkpoint.verifier_key(CHECKPOINT["origin"], public=public) == CHECKPOINT["verifier_key"]
    assert checkpoint.verify(CHECKPOINT["note"], verifier_key=CHECKPOINT["verifier_key"]) == statement


def test_stream_heads() -> None:
    listing = [(item["stream"], item["n"], bytes.fromhex(item["last"])) for item in HEADS["heads"]]
    assert [reading.head_leaf(item).decode() for item in listing] == HEADS["leaves"]
    assert reading.heads_root(listing).hex() == HEADS["root"]


def test_the_offline_verifier_has_the_same_arithmetic() -> None:
    assert verify.canonical(CONTENT["content"]) == CONTENT["canonical"].encode()
