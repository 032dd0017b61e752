"""The power of the database's disk is cut while a writer commits: what was acknowledged is there when it is back.

Controls: with `synchronous_commit = off` and with `fsync = off` the same cut loses acknowledged entries, and the rig
says so. `make faults` cuts a hundred times.
"""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from tests import services
from tests.faults.delivery.disk import Disk, configure, new_disk, postgres_on
from tests.faults.delivery.rig import IS_LONG, SEED
from tests.stack import ROOT, Stack, new_stack

pytestmark = pytest.mark.backend("postgres")
CYCLES, LEAST_ACKED = (100, 200_000) if IS_LONG else (3, 1_000)
PROGRAM = "import django; django.setup(); from tests.faults.delivery.power_program import main; main()"


@dataclass
class Site:
    """A database on a disk of its own, and a writer of the record that has been told what it may believe."""

    disk: Disk
    server: services.PostgresServer
    stack: Stack
    writer: subprocess.Popen[str]
    acked: int = 0
    told: dict[int, str] = field(default_factory=dict)  # last entry of an acknowledged batch -> its leaf hash

    def read_line(self) -> list[str]:
        assert self.writer.stdout is not None
        words = self.writer.stdout.readline().split()
        assert words, "the writer is gone"
        if words[0] == "ack":
            self.acked += int(words[1])
            self.told[int(words[2])] = words[3]
        return words

    def write_and_cut(self, *, least: int, more_s: float) -> None:
        """Let the writer go on, cut the power in the middle of it, and bring disk and database back."""
        assert self.writer.stdin is not None
        enough = self.acked + least
        self.writer.stdin.write("go\n")
        self.writer.stdin.flush()
        while self.acked < enough:
            assert self.read_line()[0] == "ack"
        time.sleep(more_s)
        self.disk.cut()
        self.server.kill()
        while self.read_line()[0] != "down":
            pass
        self.disk.unmount()
        self.disk.mount()

    def lost(self) -> list[int]:
        """Return the acknowledged entries that are not in the database, or not as they were told."""
        with psycopg.connect(self.server.url) as database:
            rows = database.execute("SELECT seq, encode(hash, 'hex') FROM archive_leaf").fetchall()
            size = database.execute("SELECT size FROM archive_head").fetchone()
        stored: dict[int, str] = dict(rows)
        assert size is not None and sorted(stored) == list(range(size[0])), "the record has a gap"
        return sorted(seq for seq, digest in self.told.items() if stored.get(seq) != digest)


@pytest.fixture
def site() -> Iterator[Site]:
    with ExitStack() as undo:
        disk = new_disk(size_mb=3_000 if IS_LONG else 700)
        undo.callback(disk.unmount)
        server = postgres_on(disk)
        undo.callback(server.kill)
        stack = new_stack()
        stack.environment |= {"DATABASE_URL": server.url, "ONRECORD_GUARD_S": "0"}
        environment = os.environ | stack.environment | {"DJANGO_SETTINGS_MODULE": "messenger.settings"}
        command = services.dies_with_parent([sys.executable, "-c", PROGRAM], by="KILL")
        writer = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        undo.callback(writer.wait)
        undo.callback(writer.kill)
        site = Site(disk, server, stack, writer)
        assert site.read_line() == ["ready"]
        yield site


def test_a_power_cut_loses_nothing_acknowledged_and_both_controls_do(site: Site) -> None:
    dice, began = random.Random(SEED), time.monotonic()
    for _ in range(CYCLES):
        site.write_and_cut(least=LEAST_ACKED // CYCLES, more_s=dice.uniform(0, 0.2))
        site.server.start()
        assert site.lost() == []
    checked = site.stack.manage("record", "check", check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    print(f"seed {SEED}: {CYCLES} cuts, {site.acked:,} acknowledged, 0 lost, {time.monotonic() - began:.0f} s")
    assert site.acked >= LEAST_ACKED
    for broken in ("synchronous_commit", "fsync"):
        print(f"  control {broken} = off: {count_lost_without(broken, site)} acknowledged batches lost")


def count_lost_without(setting: str, site: Site) -> str:
    """Cut the power of a database that does not sync; return how much is missing, which must be something."""
    site.server.stop()
    configure(site.server, **{setting: "off"})
    site.server.start()
    guard = Path(site.stack.environment["ONRECORD_VAR"]) / "keys" / "guard" / "checkpoint"
    guard.unlink(missing_ok=True)  # of a record that an earlier control has cut back
    site.told.clear()
    site.write_and_cut(least=1_000, more_s=0.3)
    try:
        site.server.start()
        lost = site.lost()
    except (services.ServiceFailed, psycopg.Error, AssertionError) as error:
        return f"the database itself is damaged ({str(error).splitlines()[0]}), all"
    assert lost, f"{setting} = off is not caught"
    return str(len(lost))
