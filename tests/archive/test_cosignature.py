"""Cosignatures: what a witness signed verifies, any other line does not; sizes and ids are those of the standard."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from archive import checkpoint, cosignature, merkle
from archive.checkpoint import BadCheckpoint, Statement

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = checkpoint.public_bytes(KEY)
NAME = "auditor.example/witness"
STATEMENT = Statement(origin="record.example/firm", size=42, root=bytes(range(32)))
VERIFIER_KEY = cosignature.verifier_key(NAME, public=PUBLIC)
LINE = cosignature.cosign(STATEMENT, name=NAME, key=KEY, at_s=1_679_315_147)


def test_a_cosignature_gives_witness_and_time_back() -> None:
    found = cosignature.verify(LINE, statement=STATEMENT, verifier_key=VERIFIER_KEY)
    assert found == cosignature.Cosignature(witness=NAME, at_s=1_679_315_147, line=LINE)


def test_the_line_is_made_of_the_bytes_that_the_standard_names() -> None:
    mark, name, encoded = LINE.rstrip("\n").split(" ")
    data = base64.b64decode(encoded)
    assert (mark, name, len(data)) == ("—", NAME, 4 + 8 + 64)
    assert data[:4] == hashlib.sha256(NAME.encode() + b"\n\x04" + PUBLIC).digest()[:4]
    assert data[4:12] == (1_679_315_147).to_bytes(8, "big")
    root = base64.b64encode(STATEMENT.root)
    KEY.public_key().verify(data[12:], b"cosignature/v1\ntime 1679315147\nrecord.example/firm\n42\n" + root + b"\n")


def test_the_lines_of_other_witnesses_are_not_looked_at() -> None:
    other = cosignature.cosign(STATEMENT, name="other.example/w", key=KEY, at_s=1)
    assert cosignature.verify(other + LINE, statement=STATEMENT, verifier_key=VERIFIER_KEY).line == LINE
    with pytest.raises(BadCheckpoint, match="not signed by this key"):
        cosignature.verify(other, statement=STATEMENT, verifier_key=VERIFIER_KEY)


@given(st.data())
def test_no_changed_line_verifies(data: st.DataObject) -> None:
    place = data.draw(st.integers(min_value=0, max_value=len(LINE) - 1))
    char = data.draw(st.characters(exclude_categories=["Cs"]).filter(lambda c: c != LINE[place]))
    with pytest.raises(BadCheckpoint):
        cosignature.verify(LINE[:place] + char + LINE[place + 1 :], statement=STATEMENT, verifier_key=VERIFIER_KEY)


def test_a_cosignature_is_of_one_checkpoint_and_of_one_kind_of_key() -> None:
    other = Statement(origin=STATEMENT.origin, size=43, root=STATEMENT.root)
    with pytest.raises(BadCheckpoint, match="does not fit"):
        cosignature.verify(LINE, statement=other, verifier_key=VERIFIER_KEY)
    log_key = checkpoint.verifier_key(NAME, public=PUBLIC)
    with pytest.raises(BadCheckpoint):
        cosignature.verify(LINE, statement=STATEMENT, verifier_key=log_key)
    with pytest.raises(BadCheckpoint):
        checkpoint.verify(f"{STATEMENT.text()}\n{LINE}", verifier_key=VERIFIER_KEY)


LEAVES = [merkle.leaf_hash(bytes([i])) for i in range(70)]


@pytest.mark.parametrize("new_size", [1, 2, 3, 7, 8, 9, 64, 65, 70])
def test_a_tree_proves_that_it_extends_each_smaller_one_and_no_other(new_size: int) -> None:
    node, new_root = merkle.Tree(LEAVES[:new_size]).node, merkle.root(LEAVES[:new_size])
    for old_size in range(1, new_size + 1):
        path = merkle.consistency_path(old_size, new_size=new_size, node=node)
        sizes = {"old_size": old_size, "new_size": new_size}
        old_root = merkle.root(LEAVES[:old_size])
        assert merkle.verify_consistency(path, **sizes, old_root=old_root, new_root=new_root)
        forged = merkle.root([*LEAVES[: old_size - 1], merkle.leaf_hash(b"forged")])
        assert not merkle.verify_consistency(path, **sizes, old_root=forged, new_root=new_root)


@pytest.mark.parametrize("old_size", [0, 6, -1])
def test_a_tree_extends_no_empty_and_no_larger_one(old_size: int) -> None:
    with pytest.raises(ValueError, match="does not extend"):
        merkle.consistency_path(old_size, new_size=5, node=merkle.Tree(LEAVES[:5]).node)
