"""Files and the running product: nothing of a file is ever on the disk as it is, and what is acknowledged is there.

The bytes are looked for in every file that the server has open, deleted ones included, and in all of its folders.
"""

import json
import socket
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.stack import Stack, cookie_header, running_stack

pytestmark = pytest.mark.backend("sqlite")  # how a body comes in does not depend on the database
NEEDLE = b"Kumquat-marmalade-"
PLAIN = NEEDLE * 150_000  # 2.7 MB: more than anybody keeps in memory
NAMED = {"Content-Disposition": "attachment; filename*=UTF-8''notes.txt", "Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def own_stack() -> Iterator[Stack]:
    """A product of its own: it is killed here."""
    with running_stack() as stack:
        yield stack


def holding(paths: Iterator[Path]) -> list[str]:
    """Return the names of files that hold the bytes."""
    found = []
    for path in paths:
        try:
            if path.is_file() and NEEDLE in path.read_bytes():
                found.append(str(path))
        except OSError:  # closed or removed meanwhile, or no file that can be read
            continue
    return found


def open_files(pid: int) -> Iterator[Path]:
    return Path(f"/proc/{pid}/fd").iterdir()


def on_disk(stack: Stack) -> list[str]:
    assert stack.web.process is not None
    return holding(stack.folder.rglob("*")) + holding(open_files(stack.web.process.pid))


def talk_of(client: httpx.Client) -> int:
    found = client.get("/api/v1/conversations").json()["results"]
    return int(next(one["id"] for one in found if one["kind"] == "direct"))


def post(client: httpx.Client, conversation: int, upload: str) -> httpx.Response:
    wish = {"client_key": str(uuid.uuid4()), "body": "", "attachments": [upload]}
    return client.post(f"/api/v1/conversations/{conversation}/messages", json=wish)


def half_sent(stack: Stack, client: httpx.Client) -> socket.socket:
    """Begin to send a file up and stay in the middle of it."""
    lines = ["POST /api/v1/uploads HTTP/1.1", f"Host: localhost:{stack.web.port}", f"Content-Length: {len(PLAIN)}"]
    lines += [f"{name}: {value}" for name, value in NAMED.items()]
    lines += [f"Cookie: {cookie_header(client)}", f"X-CSRFToken: {client.headers['X-CSRFToken']}"]
    line = socket.create_connection(("localhost", stack.web.port), timeout=20)
    line.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode() + PLAIN[: len(PLAIN) - 400_000])
    time.sleep(0.7)  # what was sent is read by now
    return line


def test_the_search_for_plain_bytes_finds_them_also_in_deleted_files() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(PLAIN)
        file.flush()
        assert holding(Path("/proc/self/fd").iterdir()) != []


# rule: eu-gdpr-security
def test_a_file_on_its_way_is_never_on_the_disk_as_it_is(own_stack: Stack) -> None:
    alice = own_stack.sign_in("alice")
    with half_sent(own_stack, alice) as line:
        assert on_disk(own_stack) == []
        line.sendall(PLAIN[len(PLAIN) - 400_000 :])
        answer = b"".join(iter(lambda: line.recv(65_536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b" 201 " in head.splitlines()[0], answer[:300]
    upload = json.loads(body)
    assert upload["size"] == len(PLAIN)
    conversation = talk_of(alice)
    message = post(alice, conversation, upload["id"]).json()
    address = f"/api/v1/conversations/{conversation}/messages/{message['n']}/attachments/0"
    fetched = alice.get(address, headers={"Range": "bytes=2000000-2000017"})
    assert (fetched.status_code, len(fetched.content)) == (206, 18)
    assert alice.get(address).content == PLAIN
    assert on_disk(own_stack) == []


def test_a_form_is_not_read_into_a_file_or_as_a_file(own_stack: Stack) -> None:
    alice = own_stack.sign_in("alice")
    address = f"/c/{talk_of(alice)}/post/"
    form = {"body": "words of the form", "client_key": str(uuid.uuid4())}
    answer = alice.post(address, data=form, files={"file": ("notes.txt", PLAIN)})
    assert answer.status_code == 302, own_stack.log()[-3000:]
    assert on_disk(own_stack) == []


def test_a_body_that_is_far_too_large_is_refused(own_stack: Stack) -> None:
    alice = own_stack.sign_in("alice")
    sent = alice.post("/api/v1/uploads", content=bytes(51 * 1024 * 1024), headers=NAMED)
    assert (sent.status_code, sent.json()["field"]) == (400, "file")
    pieces = (bytes(1024 * 1024) for _ in range(60))  # without saying how long it is
    endless = alice.post("/api/v1/uploads", content=pieces, headers=NAMED)
    assert (endless.status_code, endless.json()["field"]) == (400, "file")


def test_a_killed_server_leaves_no_plain_bytes_and_every_acknowledged_file(own_stack: Stack) -> None:
    alice = own_stack.sign_in("alice")
    conversation = talk_of(alice)
    acknowledged = []
    for _ in range(3):
        upload = alice.post("/api/v1/uploads", content=PLAIN[:400_000], headers=NAMED).json()
        acknowledged.append(post(alice, conversation, upload["id"]).json()["n"])
    with half_sent(own_stack, alice):
        own_stack.web.kill()
    assert holding(own_stack.folder.rglob("*")) == []
    own_stack.web.start()
    alice = own_stack.sign_in("alice")
    for n in acknowledged:
        address = f"/api/v1/conversations/{conversation}/messages/{n}/attachments/0"
        assert alice.get(address).content == PLAIN[:400_000]
    assert own_stack.manage("record", "check").returncode == 0
