"""A server whose database was put back: it refuses to start, is refilled from segments, and people go on writing.

The way that docs/running.md describes, with real processes and the database's own means of copying.
"""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest

from tests.stack import OFFICE, PASSWORD, Stack, new_stack

pytestmark = pytest.mark.both
SMALL_OFFICE = f"""
from messenger.conversations import opening
from messenger.people import actions

def hire(name):
    _, secret = actions.invite(adam, email=f"{{name}}@{OFFICE}", name=name.title(), is_examiner=False)
    return actions.accept_invitation(secret, password="{PASSWORD}")

adam, cora = actions.found_firm(
    "Firm", admin_name="Adam", admin_email="adam@{OFFICE}", admin_password="{PASSWORD}",
    officer_name="Cora", officer_email="cora@{OFFICE}", officer_password="{PASSWORD}",
)
opening.open_direct(hire("alice"), others=[hire("bob").pk])
"""


class Database:
    """The stack's database, copied and put back while nothing runs."""

    def __init__(self, stack: Stack) -> None:
        self._url = stack.environment.get("DATABASE_URL", "")
        self._file = stack.folder / "var" / "onrecord.sqlite3"

    def copy(self) -> None:
        if self._url:
            self._run(f'CREATE DATABASE "{self._name}_old" TEMPLATE "{self._name}"')
        else:
            with closing(sqlite3.connect(self._file)) as file:
                file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            shutil.copyfile(self._file, self._file.with_suffix(".old"))

    def put_back(self) -> None:
        if self._url:
            self._run(f'DROP DATABASE "{self._name}"')
            self._run(f'CREATE DATABASE "{self._name}" TEMPLATE "{self._name}_old"')
        else:
            for suffix in ("-wal", "-shm"):
                Path(f"{self._file}{suffix}").unlink(missing_ok=True)
            shutil.copyfile(self._file.with_suffix(".old"), self._file)

    @property
    def _name(self) -> str:
        return self._url.rsplit("/", 1)[1]

    def _run(self, statement: str) -> None:
        with psycopg.connect(self._url.replace(f"/{self._name}", "/postgres"), autocommit=True) as server:
            server.execute(statement)


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """A product with two people who talk, and a segment store of its own."""
    made = new_stack()
    (tmp_path / "segments").mkdir()
    made.environment["ONRECORD_SEGMENT_STORE"] = f"file://{tmp_path}/segments?immutable=no"
    made.manage("migrate")
    made.manage("shell", "--command", SMALL_OFFICE)
    return made


def test_a_server_that_was_put_back_is_refilled_and_goes_on(stack: Stack) -> None:
    database = Database(stack)
    database.copy()
    before = stack.size()
    stack.start()
    alice = stack.sign_in("alice")
    conversation = alice.get("/api/v1/conversations").json()["results"][0]["id"]
    say(alice, conversation, "said after the backup")
    stack.stop()
    stack.manage("record", "segments", "seal")
    after = stack.size()
    assert after > before

    database.put_back()
    assert stack.size() == before
    refused = stack.manage("serve", "--no-worker", check=False)
    assert refused.returncode == 1
    assert "it was put back" in refused.stderr and "Traceback" not in refused.stderr

    refilled = stack.manage("record", "refill")
    assert f"The record had {before} entries and has {after}" in refilled.stdout
    assert "not behind any more" in refilled.stdout
    assert "sound" in stack.manage("record", "check").stdout

    stack.start()
    alice = stack.sign_in("alice")
    assert "said after the backup" in alice.get(f"/api/v1/conversations/{conversation}/messages").text
    say(alice, conversation, "and it goes on")
    stack.stop()
    assert "sound" in stack.manage("record", "check").stdout


def say(person: httpx.Client, conversation: int, body: str) -> None:
    message = {"body": body, "client_key": str(uuid4())}
    answer = person.post(f"/api/v1/conversations/{conversation}/messages", json=message)
    assert answer.status_code in (200, 201), answer.text
