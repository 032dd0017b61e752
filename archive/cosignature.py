"""Cosignatures of witnesses: C2SP tlog-cosignature with Ed25519 ("cosignature/v1"), and the text of their keys.

Pure: it must not read clocks, keys or databases. A cosignature says that a witness saw the record only grow up to this
checkpoint; it says nothing about what is in it.
"""

from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from archive import checkpoint
from archive.checkpoint import BadCheckpoint, Statement

COSIGNATURE = b"\x04"  # signature type of C2SP tlog-cosignature with Ed25519
TIME_SIZE_BYTES = 8
LAST_TIME_S = 2**63 - 1


@dataclass(frozen=True)
class Cosignature:
    """A good cosignature: by whom, when (POSIX seconds), and the note line that shows it."""

    witness: str
    at_s: int
    line: str


def cosign(statement: Statement, *, name: str, key: Ed25519PrivateKey, at_s: int) -> str:
    """Return the note line of a witness, with its newline."""
    signature = key.sign(_message(statement, at_s=at_s))
    identity = checkpoint.key_id(name, public=checkpoint.public_bytes(key), kind=COSIGNATURE)
    return checkpoint.signature_line(name, identity + at_s.to_bytes(TIME_SIZE_BYTES, "big") + signature)


def verify(lines: str, *, statement: Statement, verifier_key: str) -> Cosignature:
    """Return this witness's cosignature among the lines, other witnesses' are not looked at. Raises BadCheckpoint."""
    name, public = parse_verifier_key(verifier_key)
    identity = checkpoint.key_id(name, public=public, kind=COSIGNATURE)
    data = checkpoint.signature_by(checkpoint.signature_lines(lines), name=name, identity=identity)
    at_s = int.from_bytes(data[:TIME_SIZE_BYTES], "big")
    if at_s > LAST_TIME_S:
        raise BadCheckpoint("the time of the cosignature is out of range")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(data[TIME_SIZE_BYTES:], _message(statement, at_s=at_s))
    except InvalidSignature as error:
        raise BadCheckpoint("the cosignature does not fit the checkpoint") from error
    return Cosignature(witness=name, at_s=at_s, line=checkpoint.signature_line(name, identity + data))


def verifier_key(name: str, *, public: bytes) -> str:
    """Return the text of a witness's key: `<name>+<key id>+<key>` of signature type 0x04."""
    return checkpoint.verifier_key(name, public=public, kind=COSIGNATURE)


def parse_verifier_key(text: str) -> tuple[str, bytes]:
    """Return the witness's name and its 32 public bytes. Raises BadCheckpoint."""
    return checkpoint.parse_verifier_key(text, kind=COSIGNATURE)


def _message(statement: Statement, *, at_s: int) -> bytes:
    return f"cosignature/v1\ntime {at_s}\n{statement.text()}".encode()
