"""The ML-DSA-44 cosignature: the bytes that C2SP tlog-cosignature names, and refusal of everything else."""

import base64
import hashlib
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from archive import checkpoint, cosignature_mldsa
from archive.checkpoint import BadCheckpoint, Statement

LOG_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = cosignature_mldsa.derive_key(LOG_KEY)
STATEMENT = Statement(origin="firm.example/record", size=20852163, root=hashlib.sha256(b"root").digest())
AT_S = 1679315147
VERIFIER = cosignature_mldsa.verifier_key(STATEMENT.origin, key=KEY)
NOTE = checkpoint.sign(STATEMENT, key=LOG_KEY) + cosignature_mldsa.cosign(STATEMENT, key=KEY, at_s=AT_S)


def line_of(note: str) -> bytes:
    return base64.b64decode(note.splitlines()[-1].split(" ")[2])


def with_line(data: bytes) -> str:
    return checkpoint.sign(STATEMENT, key=LOG_KEY) + checkpoint.signature_line(STATEMENT.origin, data)


def test_the_cosignature_is_over_the_structure_of_the_specification() -> None:
    public = KEY.public_key().public_bytes_raw()
    name = STATEMENT.origin.encode()
    data = line_of(NOTE)
    assert data[:4] == hashlib.sha256(name + b"\n\x06" + public).digest()[:4]
    assert struct.unpack(">Q", data[4:12]) == (AT_S,)
    assert len(data) == 4 + 8 + 2420
    message = b"subtree/v1\n\0" + bytes([len(name)]) + name + struct.pack(">Q", AT_S)
    message += bytes([len(name)]) + name + struct.pack(">QQ", 0, STATEMENT.size) + STATEMENT.root
    MLDSA44PublicKey.from_public_bytes(public).verify(data[12:], message)


def test_both_signatures_of_a_note_verify() -> None:
    ed25519 = checkpoint.verifier_key(STATEMENT.origin, public=checkpoint.public_bytes(LOG_KEY))
    assert checkpoint.verify(NOTE, verifier_key=ed25519) == STATEMENT
    assert cosignature_mldsa.verify(NOTE, verifier_key=VERIFIER) == cosignature_mldsa.Cosigned(STATEMENT, AT_S)


def test_the_key_belongs_to_the_log_key() -> None:
    again = cosignature_mldsa.derive_key(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
    other = cosignature_mldsa.derive_key(Ed25519PrivateKey.from_private_bytes(bytes(32)))
    assert again.private_bytes_raw() == KEY.private_bytes_raw() != other.private_bytes_raw()


@pytest.mark.parametrize(
    "note",
    [
        checkpoint.sign(STATEMENT, key=LOG_KEY),
        NOTE.replace("\n20852163\n", "\n20852162\n"),
        with_line(line_of(NOTE)[:-1]),
        with_line(line_of(NOTE)[:4] + bytes(8) + line_of(NOTE)[12:]),
        with_line(line_of(NOTE)[:-1] + bytes([line_of(NOTE)[-1] ^ 1])),
    ],
    ids=["none", "another size", "cut", "another time", "a bit flipped"],
)
def test_another_cosignature_is_refused(note: str) -> None:
    with pytest.raises(BadCheckpoint):
        cosignature_mldsa.verify(note, verifier_key=VERIFIER)


@pytest.mark.parametrize("text", ["", "x", VERIFIER[:-4], VERIFIER.replace("firm", "form"), "a+00000000+AQ=="])
def test_another_text_is_no_verifier_key(text: str) -> None:
    with pytest.raises(BadCheckpoint):
        cosignature_mldsa.parse_verifier_key(text)
