"""The power of the database's disk is cut while a writer commits: what was acknowledged is there when it is back.

On PostgreSQL the disk is the cluster's, on SQLite it holds everything: database, keys, guard. Controls: with
`synchronous_commit = off` and with `fsync = off`, on SQLite with `synchronous = OFF`, the same cut loses acknowledged
entries, and the rig says so. `make faults` cuts a hundred times.
"""

import math
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from tests import services
from tests.environment import BACKEND
from tests.faults.delivery.disk import WITHOUT_SYNC, Disk, configure, new_disk, postgres_on
from tests.faults.delivery.rig import IS_LONG, SEED
from tests.stack import ROOT, Stack, new_stack

CYCLES, LEAST_ACKED = (100, 200_000) if IS_LONG else (3, 1_000)
CONTROL_TRIES = 3
CHECK_LIMIT_S = 1800.0  # of the whole record, on a machine that does much else
PROGRAM = "import django; django.setup(); from tests.faults.delivery.power_program import main; main()"
GONE = (services.ServiceFailed, psycopg.Error, sqlite3.Error, AssertionError)  # of a database that the cut has ruined
if BACKEND == "sqlite":
    pytestmark = pytest.mark.faults_only


@dataclass
class Site:
    """A database on a disk of its own, and a writer of the record that has been told what it may believe."""

    disk: Disk
    stack: Stack
    server: services.PostgresServer | None  # SQLite has none
    writer: subprocess.Popen[str]
    acked: int = 0
    told: dict[int, str] = field(default_factory=dict)  # last entry of an acknowledged batch -> its leaf hash
    told_late: list[int] = field(default_factory=list)  # said while the power went: without power nothing is said
    cut_at: float = math.inf

    def read_line(self) -> list[str]:
        assert self.writer.stdout is not None
        words = self.writer.stdout.readline().split()
        assert words, "the writer is gone"
        if words[0] == "ack":
            self._believe(*words[1:])
        return words

    def _believe(self, count: str, last: str, digest: str, at: str) -> None:
        if float(at) > self.cut_at:
            self.told_late.append(int(last))
        else:
            self.acked += int(count)
            self.told[int(last)] = digest

    def write_and_cut(self, *, least: int, more_s: float) -> None:
        """Let the writer go on, cut the power in the middle of it, and bring the disk back."""
        assert self.writer.stdin is not None
        enough = self.acked + least
        self.writer.stdin.write("go\n")
        self.writer.stdin.flush()
        while self.acked < enough:
            words = self.read_line()
            assert words[0] == "ack", f"the writer stopped by itself: {words}"
        time.sleep(more_s)
        self.cut_at = time.monotonic()
        self.disk.cut()
        if self.server is not None:
            self.server.kill()
        while self.read_line()[0] != "down":
            pass
        self.cut_at = math.inf
        self.disk.unmount()
        self.disk.mount()

    def lost(self) -> list[int]:
        """Start the database; return the acknowledged entries that are not in it, or not as they were told."""
        if self.server is not None:
            self.server.start()
        leaves, size = self._rows()
        stored: dict[int, str] = dict(leaves)
        assert sorted(stored) == list(range(size)), "the record has a gap"
        return sorted(seq for seq, digest in self.told.items() if stored.get(seq) != digest)

    def _rows(self) -> tuple[list[tuple[int, str]], int]:
        sizes = "SELECT size FROM archive_head"
        if self.server is None:
            with closing(sqlite3.connect(self.disk.root / "onrecord.sqlite3")) as file:
                leaves = file.execute("SELECT seq, lower(hex(hash)) FROM archive_leaf").fetchall()
                return leaves, int(file.execute(sizes).fetchone()[0])
        with psycopg.connect(self.server.url) as database:
            leaves = database.execute("SELECT seq, encode(hash, 'hex') FROM archive_leaf").fetchall()
            (size,) = database.execute(sizes).fetchone() or (0,)
            return leaves, size


@pytest.fixture
def site() -> Iterator[Site]:
    with ExitStack() as undo:
        disk = new_disk(size_mb=3_000 if IS_LONG else 700)
        undo.callback(disk.unmount)
        stack, server = new_stack(), None
        stack.environment["ONRECORD_GUARD_S"] = "0"
        if BACKEND == "postgres":
            server = postgres_on(disk)
            undo.callback(server.kill)
            stack.environment["DATABASE_URL"] = server.url
        else:
            stack.environment["ONRECORD_VAR"] = str(disk.root)
        writer = undo.enter_context(start_writer(stack))
        undo.callback(writer.kill)
        site = Site(disk, stack, server, writer)
        assert site.read_line() == ["ready"]
        yield site


def start_writer(stack: Stack, *arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | stack.environment | {"DJANGO_SETTINGS_MODULE": "messenger.settings"}
    command = services.dies_with_parent([sys.executable, "-c", PROGRAM, *arguments], by="KILL")
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_a_power_cut_loses_nothing_acknowledged_and_every_control_does(site: Site) -> None:
    dice, began = random.Random(SEED), time.monotonic()
    for _ in range(CYCLES):
        site.write_and_cut(least=LEAST_ACKED // CYCLES, more_s=dice.uniform(0, 0.2))
        assert site.lost() == []
    checked = site.stack.manage("record", "check", check=False, limit_s=CHECK_LIMIT_S)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    took_s = time.monotonic() - began
    print(f"seed {SEED}: {CYCLES} cuts, {site.acked:,} acknowledged, 0 lost, {took_s:.0f} s; ", end="")
    print(f"{len(site.told_late)} batches were said to be there while the power went")
    assert site.acked >= LEAST_ACKED
    for name, weaken in (POSTGRES_CONTROLS if site.server else SQLITE_CONTROLS).items():
        weaken(site)
        print(f"  control {name}: {count_lost(site, name)} acknowledged batches lost")


def count_lost(site: Site, name: str) -> str:
    """Cut the power of a database that does not sync; return how much is missing, which must be something.

    A cut can meet the moment in which all was synced anyway, at the end of a segment of the log: so it has three tries.
    """
    guard = Path(site.stack.environment["ONRECORD_VAR"]) / "keys" / "guard" / "checkpoint"
    for _ in range(CONTROL_TRIES):
        guard.unlink(missing_ok=True)  # of a record that an earlier control has cut back
        site.told.clear()
        site.write_and_cut(least=1_000, more_s=0.3)
        try:
            lost = site.lost()
        except GONE as error:
            return f"the database itself is damaged ({str(error).splitlines()[0]}), all"
        if lost:
            return str(len(lost))
    pytest.fail(f"{name} is not caught")


def set_to(settings: Mapping[str, str]) -> Callable[[Site], None]:
    def weaken(site: Site) -> None:
        assert site.server is not None
        site.server.stop()
        configure(site.server, **settings)
        site.server.start()

    return weaken


def write_without_sync(site: Site) -> None:
    site.writer.kill()
    site.writer.wait()
    site.writer = start_writer(site.stack, "PRAGMA synchronous=OFF")
    assert site.read_line() == ["ready"]


POSTGRES_CONTROLS = {
    "synchronous_commit = off": set_to(WITHOUT_SYNC),
    "fsync = off": set_to({"fsync": "off"}),
}
SQLITE_CONTROLS = {"synchronous = OFF": write_without_sync}
