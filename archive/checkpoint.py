"""Checkpoints: C2SP signed notes (tlog-checkpoint) with one Ed25519 signature, and the text of verifier keys.

Pure: it must not read keys, clocks or databases, and it must not accept a note that it would not have written,
except for further signature lines (cosignatures), which it leaves to their verifiers.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\x01"  # signature type of C2SP signed-note
KEY_ID_SIZE_BYTES = 4
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_NAME = re.compile(r"[^\s+\x00-\x1f\x7f]+")


class BadCheckpoint(ValueError):
    """The text is no checkpoint, or not one that the verifier key signed; the message says which."""


@dataclass(frozen=True)
class Statement:
    """What a checkpoint says: the first `size` entries of the record of `origin` have this root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def sign(statement: Statement, *, key: Ed25519PrivateKey) -> str:
    """Return the signed note. The key's name is the origin, which must be free of white space and "+"."""
    _require_name(statement.origin)
    signature = key.sign(statement.text().encode())
    identity = key_id(statement.origin, public=public_bytes(key))
    return f"{statement.text()}\n— {statement.origin} {base64.b64encode(identity + signature).decode()}\n"


def parse(note: str) -> Statement:
    """Return what the note says, without a look at its signatures. Raises BadCheckpoint."""
    return _split(note)[0]


def verify(note: str, *, verifier_key: str) -> Statement:
    """Return what the note says once the verifier key's signature is found and good. Raises BadCheckpoint."""
    name, public = parse_verifier_key(verifier_key)
    statement, lines = _split(note)
    if statement.origin != name:
        raise BadCheckpoint(f"the checkpoint is of {statement.origin}, the verifier key of {name}")
    signature = _signature_by(lines, name=name, identity=key_id(name, public=public))
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, statement.text().encode())
    except InvalidSignature as error:
        raise BadCheckpoint("the signature does not fit the checkpoint") from error
    return statement


def verifier_key(origin: str, *, public: bytes) -> str:
    """Return `<name>+<key id>+<key>`, the text that is published for verifiers."""
    identity = key_id(origin, public=public)
    return f"{origin}+{identity.hex()}+{base64.b64encode(ED25519 + public).decode()}"


def parse_verifier_key(text: str) -> tuple[str, bytes]:
    """Return the key's name and its 32 public bytes. Raises BadCheckpoint."""
    name, _, rest = text.strip().partition("+")
    identity, _, encoded = rest.partition("+")
    data = _decode(encoded)
    if not _NAME.fullmatch(name) or len(data) != 33 or data[:1] != ED25519:
        raise BadCheckpoint("the verifier key is not <name>+<key id>+<base64 of an Ed25519 key>")
    if identity != key_id(name, public=data[1:]).hex():
        raise BadCheckpoint("the verifier key's id does not fit its name and key")
    return name, data[1:]


def key_id(name: str, *, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:KEY_ID_SIZE_BYTES]


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def _split(note: str) -> tuple[Statement, list[str]]:
    text, blank, signatures = note.partition("\n\n")
    if not blank or not signatures.endswith("\n"):
        raise BadCheckpoint("the note has no signature block")
    statement = _parse_text(text)
    lines = signatures[:-1].split("\n")
    if not all(line.startswith("— ") and line.count(" ") == 2 for line in lines):
        raise BadCheckpoint("a signature line is malformed")
    return statement, lines


def _parse_text(text: str) -> Statement:
    lines = text.split("\n")
    if len(lines) != 3:
        raise BadCheckpoint("a checkpoint has three lines: origin, size, root")
    origin, size, root = lines
    if not _NAME.fullmatch(origin) or not _DECIMAL.fullmatch(size):
        raise BadCheckpoint("the origin or the size is malformed")
    statement = Statement(origin=origin, size=int(size), root=_decode(root))
    if len(statement.root) != 32 or statement.text() != text + "\n":
        raise BadCheckpoint("the root is not the base64 of a SHA-256 hash")
    return statement


def _signature_by(lines: list[str], *, name: str, identity: bytes) -> bytes:
    for line in lines:
        _, signer, encoded = line.split(" ")
        data = _decode(encoded)
        if signer == name and data[:KEY_ID_SIZE_BYTES] == identity:
            return data[KEY_ID_SIZE_BYTES:]
    raise BadCheckpoint("the checkpoint is not signed by this key")


def _decode(encoded: str) -> bytes:
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadCheckpoint("the text is not base64") from error
    if base64.b64encode(data).decode() != encoded:  # unused bits of the last character: two spellings of one note
        raise BadCheckpoint("the text is not base64 in its one form")
    return data


def _require_name(origin: str) -> None:
    if not _NAME.fullmatch(origin):
        raise BadCheckpoint(f"an origin is one word without spaces and plus signs, not {origin!r}")
