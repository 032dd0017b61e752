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
    require_name(statement.origin)
    signature = key.sign(statement.text().encode())
    identity = key_id(statement.origin, public=public_bytes(key))
    return f"{statement.text()}\n{signature_line(statement.origin, identity + signature)}"


def parse(note: str) -> Statement:
    """Return what the note says, without a look at its signatures. Raises BadCheckpoint."""
    return _split(note)[0]


def verify(note: str, *, verifier_key: str) -> Statement:
    """Return what the note says once the verifier key's signature is found and good. Raises BadCheckpoint."""
    name, public = parse_verifier_key(verifier_key)
    statement, lines = _split(note)
    if statement.origin != name:
        raise BadCheckpoint(f"the checkpoint is of {statement.origin}, the verifier key of {name}")
    signature = signature_by(lines, name=name, identity=key_id(name, public=public))
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, statement.text().encode())
    except InvalidSignature as error:
        raise BadCheckpoint("the signature does not fit the checkpoint") from error
    return statement


def verifier_key(origin: str, *, public: bytes, kind: bytes = ED25519) -> str:
    """Return `<name>+<key id>+<key>`, the text that is published for verifiers. `kind` is the signature type."""
    identity = key_id(origin, public=public, kind=kind)
    return f"{origin}+{identity.hex()}+{base64.b64encode(kind + public).decode()}"


def parse_verifier_key(text: str, *, kind: bytes = ED25519) -> tuple[str, bytes]:
    """Return the key's name and its 32 public bytes. Raises BadCheckpoint, also for a key of another type."""
    name, _, rest = text.strip().partition("+")
    identity, _, encoded = rest.partition("+")
    data = decode(encoded)
    if not _NAME.fullmatch(name) or len(data) != 33 or data[:1] != kind:
        raise BadCheckpoint("the verifier key is not <name>+<key id>+<base64 of an Ed25519 key>")
    if identity != key_id(name, public=data[1:], kind=kind).hex():
        raise BadCheckpoint("the verifier key's id does not fit its name and key")
    return name, data[1:]


def key_id(name: str, *, public: bytes, kind: bytes = ED25519) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + kind + public).digest()[:KEY_ID_SIZE_BYTES]


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def _split(note: str) -> tuple[Statement, list[str]]:
    text, blank, signatures = note.partition("\n\n")
    if not blank:
        raise BadCheckpoint("the note has no signature block")
    return _parse_text(text), signature_lines(signatures)


def _parse_text(text: str) -> Statement:
    lines = text.split("\n")
    if len(lines) != 3:
        raise BadCheckpoint("a checkpoint has three lines: origin, size, root")
    origin, size, root = lines
    if not _NAME.fullmatch(origin) or not _DECIMAL.fullmatch(size):
        raise BadCheckpoint("the origin or the size is malformed")
    statement = Statement(origin=origin, size=int(size), root=decode(root))
    if len(statement.root) != 32 or statement.text() != text + "\n":
        raise BadCheckpoint("the root is not the base64 of a SHA-256 hash")
    return statement


def signature_line(name: str, data: bytes) -> str:
    """Return a signature line of a note, with its newline; `data` is key id and signature."""
    return f"— {name} {base64.b64encode(data).decode()}\n"


def signature_lines(block: str) -> list[str]:
    """Return the lines of a signature block, at least one, without their newlines. Raises BadCheckpoint."""
    lines = block[:-1].split("\n")
    if not block.endswith("\n") or not all(line.startswith("— ") and line.count(" ") == 2 for line in lines):
        raise BadCheckpoint("a signature line is malformed")
    return lines


def signature_by(lines: list[str], *, name: str, identity: bytes) -> bytes:
    """Return the signature of this key among the signature lines of a note. Raises BadCheckpoint."""
    for line in lines:
        _, signer, encoded = line.split(" ")
        data = decode(encoded)
        if signer == name and data[:KEY_ID_SIZE_BYTES] == identity:
            return data[KEY_ID_SIZE_BYTES:]
    raise BadCheckpoint("the checkpoint is not signed by this key")


def decode(encoded: str) -> bytes:
    """Return the bytes of base64 in its one form. Raises BadCheckpoint."""
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadCheckpoint("the text is not base64") from error
    if base64.b64encode(data).decode() != encoded:  # unused bits of the last character: two spellings of one note
        raise BadCheckpoint("the text is not base64 in its one form")
    return data


def require_name(origin: str) -> None:
    """Raise BadCheckpoint unless this can be the name of a key."""
    if not _NAME.fullmatch(origin):
        raise BadCheckpoint(f"an origin or key name is one word without spaces and plus signs, not {origin!r}")
