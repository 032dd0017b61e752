"""The body of C2SP tlog-witness add-checkpoint: old size, consistency proof, checkpoint.

Pure. It must not judge proof or signatures; it only gives the parts of a body that has the exact form.
"""

import base64
import re
from dataclasses import dataclass
from typing import Self

from archive import checkpoint, merkle

MOST_PROOF_LINES = 63
SIZE_LIMIT_BYTES = 65_536
LARGEST_SIZE = 2**63 - 1
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})", re.ASCII)


class Malformed(ValueError):
    """The body is not what the specification describes; the message says where."""


@dataclass(frozen=True)
class AddCheckpoint:
    """A request: `note` is a signed checkpoint, `path` the proof that it extends the tree of `old_size`."""

    old_size: int
    path: tuple[bytes, ...]
    note: str

    def encode(self) -> bytes:
        proof = "".join(f"{base64.b64encode(node).decode()}\n" for node in self.path)
        return f"old {self.old_size}\n{proof}\n{self.note}".encode()

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Return the parts. Raises Malformed."""
        try:
            head, blank, note = body.decode().partition("\n\n")
        except UnicodeDecodeError as error:
            raise Malformed("the body is not UTF-8") from error
        first, *proof = head.split("\n")
        old = _OLD.fullmatch(first)
        if not blank or old is None or int(old[1]) > LARGEST_SIZE:
            raise Malformed("the body does not begin with an old size, a proof and an empty line")
        if len(proof) > MOST_PROOF_LINES:
            raise Malformed(f"the proof has more than {MOST_PROOF_LINES} lines")
        return cls(old_size=int(old[1]), path=tuple(_hash(line) for line in proof), note=note)


def _hash(line: str) -> bytes:
    try:
        data = checkpoint.decode(line)
    except checkpoint.BadCheckpoint as error:
        raise Malformed("a line of the proof is not base64") from error
    if len(data) != merkle.HASH_SIZE_BYTES:
        raise Malformed("a line of the proof is not a hash")
    return data
