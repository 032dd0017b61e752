"""A witness: it cosigns a checkpoint only if the record it knows has grown into it (C2SP tlog-witness).

It keeps, for each record it was told of, the last checkpoint it cosigned: that memory is what makes its signature worth
something. It must not cosign before the memory is on the disk, and must not start with a key whose memory is gone.
"""

import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from archive import checkpoint, cosignature, merkle
from archive.checkpoint import BadCheckpoint, Statement
from archive.keys.files import create_key_file, make_folder, read_key_file
from archive.witness.request import LARGEST_SIZE, AddCheckpoint, Malformed

KEY_SIZE_BYTES = 32
LOCK_TIMEOUT_S = 10
TEXT = "text/plain; charset=utf-8"
SIZE = "text/x.tlog.size"
_TABLE = """
CREATE TABLE IF NOT EXISTS cosigned (
    origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL
) STRICT, WITHOUT ROWID
"""


class MemoryLost(Exception):
    """The witness has its key but not its memory: it must be retired and a new one made."""


@dataclass(frozen=True)
class Answer:
    """What goes back over HTTP."""

    status: int
    body: str
    content_type: str = TEXT


class Witness:
    """The witness kept in a folder. `logs` are verifier keys of the records it knows; a record may have several."""

    def __init__(self, folder: Path, *, name: str, logs: Sequence[str] = ()) -> None:
        checkpoint.require_name(name)
        self.name = name
        self._memory = folder / "cosigned.sqlite3"
        self._key = Ed25519PrivateKey.from_private_bytes(self._open(folder))
        self._logs: dict[str, list[str]] = {}
        for key in logs:
            self._logs.setdefault(checkpoint.parse_verifier_key(key)[0], []).append(key)

    def verifier_key(self) -> str:
        return cosignature.verifier_key(self.name, public=checkpoint.public_bytes(self._key))

    def add_checkpoint(self, body: bytes, *, at_s: int) -> Answer:
        """Answer a request: 200 with a cosignature, or 400, 403, 404, 409, 422 as the specification says."""
        try:
            request = AddCheckpoint.parse(body)
            statement = checkpoint.parse(request.note)
        except (Malformed, BadCheckpoint) as error:
            return Answer(400, f"{error}\n")
        if statement.origin not in self._logs:
            return Answer(404, "this witness does not know the record\n")
        if not self._is_signed(request.note, origin=statement.origin):
            return Answer(403, "no key that is trusted for the record signed the checkpoint\n")
        if request.old_size > statement.size or statement.size > LARGEST_SIZE:
            return Answer(400, "the old size is larger than the checkpoint\n")
        return self._advance(request, statement=statement, at_s=at_s)

    def _advance(self, request: AddCheckpoint, *, statement: Statement, at_s: int) -> Answer:
        # One writer at a time from the look at the memory to its commit: two requests cannot both extend one state.
        with self._writing() as memory:
            size, root = _remembered(memory, statement.origin)
            if request.old_size != size:
                return Answer(409, f"{size}\n", SIZE)
            if size == statement.size > 0 and root != statement.root:
                return Answer(409, f"{size}\n", SIZE)
            if not _extends(request, statement=statement, old_root=root):
                return Answer(422, "the proof does not show that the record only grew\n")
            memory.execute(
                "INSERT OR REPLACE INTO cosigned VALUES (?, ?, ?, ?)",
                (statement.origin, statement.size, statement.root, request.note),
            )
        return Answer(200, cosignature.cosign(statement, name=self.name, key=self._key, at_s=at_s))

    def _is_signed(self, note: str, *, origin: str) -> bool:
        return any(_verifies(note, verifier_key=key) for key in self._logs[origin])

    def _open(self, folder: Path) -> bytes:
        make_folder(folder)
        path = folder / "key"
        if path.exists() and not self._memory.exists():
            raise MemoryLost(f"{self._memory} is gone. A witness without memory must be retired: use a new folder.")
        with self._writing() as memory:
            memory.execute(_TABLE)
        if not path.exists():
            create_key_file(path, secrets.token_bytes(KEY_SIZE_BYTES))
        return read_key_file(path)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        memory = open_memory(self._memory)
        try:
            memory.execute("BEGIN IMMEDIATE")
            yield memory
            memory.execute("COMMIT")
        finally:
            memory.close()  # rolls back what was not committed


def open_memory(path: Path) -> sqlite3.Connection:
    """Return a connection whose commits outlive a power cut.

    With FULL alone the folder is not synced after the journal is removed: it could come back and undo the commit, and
    the witness would have forgotten what it signed.
    """
    memory = sqlite3.connect(path, isolation_level=None, timeout=LOCK_TIMEOUT_S)
    memory.execute("PRAGMA synchronous = EXTRA")
    return memory


def _remembered(memory: sqlite3.Connection, origin: str) -> tuple[int, bytes]:
    row = memory.execute("SELECT size, root FROM cosigned WHERE origin = ?", (origin,)).fetchone()
    return row or (0, merkle.EMPTY_ROOT)


def _extends(request: AddCheckpoint, *, statement: Statement, old_root: bytes) -> bool:
    if request.old_size == 0:
        return not request.path and (statement.size > 0 or statement.root == merkle.EMPTY_ROOT)
    return merkle.verify_consistency(
        request.path,
        old_size=request.old_size,
        new_size=statement.size,
        old_root=old_root,
        new_root=statement.root,
    )


def _verifies(note: str, *, verifier_key: str) -> bool:
    try:
        checkpoint.verify(note, verifier_key=verifier_key)
    except BadCheckpoint:
        return False
    return True
