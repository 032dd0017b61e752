"""The witness: what it signs, what it refuses and with which answer (C2SP tlog-witness), and what it remembers."""

import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import call_command
from django.core.management.base import CommandError

from archive import checkpoint, cosignature, merkle
from archive.checkpoint import BadCheckpoint, Statement
from archive.witness.keeper import Answer, MemoryLost, Witness, open_memory
from archive.witness.request import AddCheckpoint
from archive.witness.server import WitnessServer

NAME = "auditor.example/witness"
ORIGIN = "record.example/firm"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
LOG = checkpoint.verifier_key(ORIGIN, public=checkpoint.public_bytes(KEY))
LEAVES = [merkle.leaf_hash(bytes([i])) for i in range(40)]
FORKED = [*LEAVES[:7], merkle.leaf_hash(b"another eighth"), *LEAVES[8:]]


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(tmp_path / "witness", name=NAME, logs=[LOG])


def note(size: int, *, leaves: list[bytes] = LEAVES, key: Ed25519PrivateKey = KEY, origin: str = ORIGIN) -> str:
    return checkpoint.sign(Statement(origin=origin, size=size, root=merkle.root(leaves[:size])), key=key)


def request(old: int, new: int, *, leaves: list[bytes] = LEAVES, signed: str = "") -> bytes:
    path = merkle.consistency_path(old, new_size=new, node=merkle.Tree(leaves[:new]).node) if old else []
    return AddCheckpoint(old_size=old, path=tuple(path), note=signed or note(new, leaves=leaves)).encode()


def statuses(witness: Witness, *bodies: bytes) -> list[int]:
    return [witness.add_checkpoint(body, at_s=1).status for body in bodies]


def test_a_record_that_grows_is_cosigned_each_time(witness: Witness) -> None:
    for old, new in ((0, 5), (5, 5), (5, 12), (12, 40)):
        answer = witness.add_checkpoint(request(old, new), at_s=1_700_000_000 + new)
        found = cosignature.verify(
            answer.body, statement=checkpoint.parse(note(new)), verifier_key=witness.verifier_key()
        )
        assert (answer.status, found.witness, found.at_s) == (200, NAME, 1_700_000_000 + new)


def test_a_record_that_it_does_not_know_is_404(witness: Witness) -> None:
    other = note(5, origin="record.example/other")
    assert statuses(witness, request(0, 5, signed=other)) == [404]


def test_a_checkpoint_by_a_key_that_is_not_trusted_is_403(witness: Witness) -> None:
    assert statuses(witness, request(0, 5, signed=note(5, key=OTHER_KEY))) == [403]


def test_a_further_signature_by_a_stranger_is_ignored(witness: Witness) -> None:
    twice = note(5) + note(5, key=OTHER_KEY).rpartition("\n\n")[2]
    assert statuses(witness, request(0, 5, signed=twice)) == [200]


def test_a_record_may_have_two_keys(tmp_path: Path) -> None:
    second = checkpoint.verifier_key(ORIGIN, public=checkpoint.public_bytes(OTHER_KEY))
    both = Witness(tmp_path / "both", name=NAME, logs=[LOG, second])
    assert statuses(both, request(0, 5), request(5, 6, signed=note(6, key=OTHER_KEY))) == [200, 200]


def test_an_old_size_above_the_checkpoint_is_400(witness: Witness) -> None:
    body = AddCheckpoint(old_size=6, path=(), note=note(5)).encode()
    assert statuses(witness, body) == [400]


def test_another_old_size_than_the_remembered_one_is_409_and_names_it(witness: Witness) -> None:
    assert statuses(witness, request(0, 5)) == [200]
    for old in (0, 3, 12):
        assert witness.add_checkpoint(request(old, 12), at_s=1) == Answer(409, "5\n", "text/x.tlog.size")
    assert witness.add_checkpoint(request(3, 4), at_s=1).status == 409, "a record that was put back"


def test_another_root_of_the_same_size_is_409(witness: Witness) -> None:
    assert statuses(witness, request(0, 8), request(8, 8, leaves=FORKED)) == [200, 409]


def test_a_record_that_does_not_continue_the_remembered_one_is_422(witness: Witness) -> None:
    assert statuses(witness, request(0, 8), request(8, 20, leaves=FORKED)) == [200, 422]
    assert statuses(witness, request(8, 20)) == [200], "the refusal changed nothing"


def test_a_proof_where_none_belongs_or_none_where_one_does_is_422(witness: Witness) -> None:
    superfluous = AddCheckpoint(old_size=0, path=(LEAVES[0],), note=note(5)).encode()
    missing = AddCheckpoint(old_size=5, path=(), note=note(12)).encode()
    same = AddCheckpoint(old_size=5, path=(LEAVES[0],), note=note(5)).encode()
    assert statuses(witness, superfluous, request(0, 5), missing, same) == [422, 200, 422, 422]


def test_an_empty_record_has_the_root_of_nothing(witness: Witness) -> None:
    forged = checkpoint.sign(Statement(origin=ORIGIN, size=0, root=bytes(32)), key=KEY)
    assert statuses(witness, request(0, 0, signed=forged), request(0, 0), request(0, 3)) == [422, 200, 200]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"old 0\n",
        b"old 00\n\n" + note(5).encode(),
        b"old -1\n\n" + note(5).encode(),
        b"old 9223372036854775808\n\n" + note(5).encode(),
        b"old 0\nnot base64\n\n" + note(5).encode(),
        b"old 0\nAAAA\n\n" + note(5).encode(),
        b"old 0\n" + b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" * 64 + b"\n" + note(5).encode(),
        b"old 0\n\nno checkpoint",
        b"old 0\n\n" + note(5).encode()[:-1],
    ],
)
def test_what_is_no_request_is_400(witness: Witness, body: bytes) -> None:
    assert statuses(witness, body) == [400]


def test_it_remembers_across_a_restart_and_keeps_its_key(witness: Witness, tmp_path: Path) -> None:
    assert statuses(witness, request(0, 8)) == [200]
    again = Witness(tmp_path / "witness", name=NAME, logs=[LOG])
    assert again.verifier_key() == witness.verifier_key()
    assert statuses(again, request(0, 8), request(8, 20, leaves=FORKED), request(8, 20)) == [409, 422, 200]


def test_a_witness_without_its_memory_does_not_start(witness: Witness, tmp_path: Path) -> None:
    (tmp_path / "witness" / "cosigned.sqlite3").unlink()
    with pytest.raises(MemoryLost, match="must be retired"):
        Witness(tmp_path / "witness", name=NAME, logs=[LOG])
    shutil.rmtree(tmp_path / "witness")
    assert Witness(tmp_path / "witness", name=NAME).verifier_key() != witness.verifier_key()


def test_of_two_branches_asked_for_at_once_only_one_is_signed(witness: Witness) -> None:
    assert statuses(witness, request(0, 7)) == [200]
    branches = [request(7, 20), request(7, 20, leaves=FORKED)] * 8
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda body: witness.add_checkpoint(body, at_s=1).status, branches))
    assert sorted(set(answers)) == [200, 409]
    assert answers.count(200) == 1


def test_what_it_remembers_is_on_the_disk_before_it_answers(witness: Witness, tmp_path: Path) -> None:
    witness.add_checkpoint(request(0, 8), at_s=1)
    with sqlite3.connect(tmp_path / "witness" / "cosigned.sqlite3") as memory:
        assert memory.execute("SELECT origin, size, note FROM cosigned").fetchall() == [(ORIGIN, 8, note(8))]


def test_its_memory_survives_a_power_cut_after_the_answer(witness: Witness, tmp_path: Path) -> None:
    memory = open_memory(tmp_path / "witness" / "cosigned.sqlite3")
    assert memory.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert memory.execute("PRAGMA synchronous").fetchone() == (3,), "EXTRA: the folder of the journal is synced too"
    memory.close()


@contextmanager
def served(witness: Witness, *, connection_s: float = 60) -> Iterator[int]:
    """Serve the witness; gives the port."""
    with WitnessServer(witness, host="127.0.0.1", port=0, connection_s=connection_s) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_a_size_of_thousands_of_digits_is_400(witness: Witness) -> None:
    with served(witness) as port, socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n")
        assert line.recv(100).startswith(b"HTTP/1.1 400 ")


def sent_slowly(line: socket.socket) -> int:
    """Send a byte every now and then until nobody listens; return how many were sent."""
    for sent in range(500):
        try:
            line.sendall(b"x")
        except (BrokenPipeError, ConnectionResetError):
            return sent
        time.sleep(0.02)
    return 500


def test_a_sender_of_a_byte_now_and_then_is_cut_off(witness: Witness) -> None:
    with served(witness, connection_s=0.3) as port, socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 60000\r\n\r\n")
        assert sent_slowly(line) < 500, "it was heard to the end"


def test_over_http_it_answers_add_checkpoint_and_nothing_else(witness: Witness) -> None:
    with served(witness) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        good = client.post("/add-checkpoint", content=request(0, 5))
        stale = client.post("/add-checkpoint", content=request(0, 5))
        elsewhere = client.post("/other", content=b"")
        large = client.post("/add-checkpoint", content=b"x" * 65_537)
    assert (good.status_code, stale.status_code, elsewhere.status_code, large.status_code) == (200, 409, 404, 400)
    assert (stale.text, stale.headers["Content-Type"]) == ("5\n", "text/x.tlog.size")
    assert good.text.startswith(f"— {NAME} ")


def test_the_command_prints_the_key_that_its_signatures_verify_with(tmp_path: Path) -> None:
    out = StringIO()
    call_command("witness", "key", str(tmp_path / "w"), "--name", NAME, stdout=out)
    assert out.getvalue().strip() == Witness(tmp_path / "w", name=NAME).verifier_key()


def test_a_name_or_record_key_that_cannot_be_used_is_refused_by_the_command(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="verifier key"):
        call_command("witness", "serve", str(tmp_path / "w"), "--name", NAME, "--log", "nonsense")
    with pytest.raises(CommandError, match="one word"):
        call_command("witness", "key", str(tmp_path / "w"), "--name", "two words")
    with pytest.raises(BadCheckpoint):
        Witness(tmp_path / "w", name="a+b")
