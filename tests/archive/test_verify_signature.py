"""The verifier's own Ed25519 and Merkle paths, held against RFC 8032, RFC 6962 and a second implementation."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from archive import verify
from tests.archive.handmade import Signer, audit_path, leaf_hash, tree_hash

# RFC 8032, section 7.1: public key, message, signature of TEST 1, 2, 3 and SHA(abc).
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
        "655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
        "b00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
        "c027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        hashlib.sha512(b"abc").hexdigest(),
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17a"
        "d9bef1177331a704",
    ),
]
SEEDS = st.binary(min_size=32, max_size=32)


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS, ids=["1", "2", "3", "SHA(abc)"])
def test_the_vectors_of_rfc_8032_verify(public: str, message: str, signature: str) -> None:
    key, text, mark = (bytes.fromhex(part) for part in (public, message, signature))
    assert verify.is_signature(mark, message=text, public_key=key)
    assert not verify.is_signature(mark, message=text + b"x", public_key=key)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, message=st.binary(max_size=200), bit=st.integers(0, 511))
def test_it_accepts_what_another_implementation_signs_and_nothing_one_bit_away(
    seed: bytes, message: bytes, bit: int
) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    key, signature = private.public_key().public_bytes_raw(), private.sign(message)
    changed = (int.from_bytes(signature, "little") ^ (1 << bit)).to_bytes(64, "little")
    assert verify.is_signature(signature, message=message, public_key=key)
    assert not verify.is_signature(changed, message=message, public_key=key)
    assert not verify.is_signature(signature, message=message + b"\0", public_key=key)


def test_a_second_form_of_the_same_signature_is_refused() -> None:
    private = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
    key, signature = private.public_key().public_bytes_raw(), private.sign(b"text")
    s = int.from_bytes(signature[32:], "little") + verify.L
    assert not verify.is_signature(signature[:32] + s.to_bytes(32, "little"), message=b"text", public_key=key)


@pytest.mark.parametrize(
    "number",
    [
        verify.P,  # y = 0 written as p
        verify.P + 1,  # the neutral point written as p + 1
        2**255 - 1,
        1 << 255 | 1,  # x = 0 with the sign of a negative x
        2,  # no point has this y
    ],
)
def test_a_key_outside_the_canonical_points_is_refused(number: int) -> None:
    key = number.to_bytes(32, "little")
    assert verify.decode_point(key) is None
    assert not verify.is_signature(bytes(64), message=b"", public_key=key)


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_points_survive_decoding_and_encoding(seed: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    point = verify.decode_point(key)
    assert point is not None
    assert verify.encode_point(point) == key


@pytest.mark.parametrize("length", [0, 31, 63, 65])
def test_signatures_and_keys_of_a_wrong_length_are_refused(length: int) -> None:
    assert not verify.is_signature(bytes(length), message=b"", public_key=Signer().public[1:])
    assert not verify.is_signature(bytes(64), message=b"", public_key=bytes(length))


def test_a_verifier_key_reads_back() -> None:
    key = verify.read_verifier_key(Signer().verifier_key + "\n")
    assert (key.name, key.id, key.public) == (Signer().name, Signer().key_id, Signer().public[1:])


@settings(max_examples=60, deadline=None)
@given(size=st.integers(1, 70), data=st.data())
def test_every_audit_path_leads_to_the_root_and_no_other_does(size: int, data: st.DataObject) -> None:
    hashes = [leaf_hash(bytes([number])) for number in range(size)]
    index = data.draw(st.integers(0, size - 1))
    path, root = audit_path(index, hashes), tree_hash(hashes)
    assert verify.root_from_path(hashes[index], index=index, size=size, path=path) == root
    assert verify.root_from_path(hashes[index], index=index, size=size, path=[*path, root]) != root
    assert verify.root_from_path(leaf_hash(b"other"), index=index, size=size, path=path) != root
    if path:
        assert verify.root_from_path(hashes[index], index=index, size=size, path=path[:-1]) != root
        other = data.draw(st.integers(0, size - 1).filter(lambda number: number != index))
        assert verify.root_from_path(hashes[index], index=other, size=size, path=path) != root
