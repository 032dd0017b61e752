"""The record's own cosignature with ML-DSA-44 (C2SP tlog-cosignature, type 0x06), beside its Ed25519 signature.

Who can one day compute Ed25519 keys from public ones can still not sign a checkpoint so. It stands on what is
published, not on every checkpoint: a line has 3.3 kB. Pure: it must not read clocks, keys or databases.
"""

from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from archive import checkpoint
from archive.checkpoint import BadCheckpoint, Statement

MLDSA44 = b"\x06"  # signature type of C2SP tlog-cosignature with ML-DSA-44
PUBLIC_SIZE_BYTES = 1312
SIGNATURE_SIZE_BYTES = 2420
SEED_SIZE_BYTES = 32
TIME_SIZE_BYTES = 8
LABEL = b"subtree/v1\n\0"


@dataclass(frozen=True)
class Cosigned:
    """A good cosignature: what it signs, and when it was made (POSIX seconds)."""

    statement: Statement
    at_s: int


def derive_key(log_key: Ed25519PrivateKey) -> MLDSA44PrivateKey:
    """Return the key that belongs to a log key.

    It is derived from the seed of the log key, which the public key does not give away even to who can compute the
    secret scalar from it: that is a hash of the seed.
    """
    derivation = HKDF(algorithm=SHA256(), length=SEED_SIZE_BYTES, salt=None, info=b"onrecord ml-dsa-44 cosigner")
    return MLDSA44PrivateKey.from_seed_bytes(derivation.derive(log_key.private_bytes_raw()))


def cosign(statement: Statement, *, key: MLDSA44PrivateKey, at_s: int) -> str:
    """Return the note line, with its newline, of the record that cosigns its own checkpoint: named by the origin."""
    name = statement.origin
    identity = checkpoint.key_id(name, public=key.public_key().public_bytes_raw(), kind=MLDSA44)
    signature = key.sign(_message(statement, name=name, at_s=at_s))
    return checkpoint.signature_line(name, identity + at_s.to_bytes(TIME_SIZE_BYTES, "big") + signature)


def verify(note: str, *, verifier_key: str) -> Cosigned:
    """Return what the note says once this key's cosignature on it is found and good. Raises BadCheckpoint."""
    name, public = parse_verifier_key(verifier_key)
    statement = checkpoint.parse(note)
    lines = checkpoint.signature_lines(note.partition("\n\n")[2])
    data = checkpoint.signature_by(lines, name=name, identity=checkpoint.key_id(name, public=public, kind=MLDSA44))
    at_s = int.from_bytes(data[:TIME_SIZE_BYTES], "big")
    message = _message(statement, name=name, at_s=at_s)
    if len(data) != TIME_SIZE_BYTES + SIGNATURE_SIZE_BYTES:
        raise BadCheckpoint("the ML-DSA-44 cosignature has not the size of one")
    try:
        MLDSA44PublicKey.from_public_bytes(public).verify(data[TIME_SIZE_BYTES:], message)
    except InvalidSignature as error:
        raise BadCheckpoint("the ML-DSA-44 cosignature does not fit the checkpoint") from error
    return Cosigned(statement, at_s)


def verifier_key(name: str, *, key: MLDSA44PrivateKey) -> str:
    """Return the text of the public key: `<name>+<key id>+<key>` of signature type 0x06."""
    return checkpoint.verifier_key(name, public=key.public_key().public_bytes_raw(), kind=MLDSA44)


def parse_verifier_key(text: str) -> tuple[str, bytes]:
    """Return the name and the 1,312 public bytes. Raises BadCheckpoint."""
    name, _, rest = text.strip().partition("+")
    identity, _, encoded = rest.partition("+")
    data = checkpoint.decode(encoded)
    if len(data) != 1 + PUBLIC_SIZE_BYTES or data[:1] != MLDSA44:
        raise BadCheckpoint("the verifier key is not <name>+<key id>+<base64 of an ML-DSA-44 key>")
    if identity != checkpoint.key_id(name, public=data[1:], kind=MLDSA44).hex():
        raise BadCheckpoint("the verifier key's id does not fit its name and key")
    return name, data[1:]


def _message(statement: Statement, *, name: str, at_s: int) -> bytes:
    """Return the structure cosigned_message over the whole tree, in the notation of RFC 8446 section 3."""
    return b"".join(
        (
            LABEL,
            _opaque(name),
            at_s.to_bytes(8, "big"),
            _opaque(statement.origin),
            (0).to_bytes(8, "big"),
            statement.size.to_bytes(8, "big"),
            statement.root,
        )
    )


def _opaque(text: str) -> bytes:
    data = text.encode()
    if not 1 <= len(data) <= 255:
        raise BadCheckpoint("a name in a cosignature has 1 to 255 bytes")
    return len(data).to_bytes(1, "big") + data
