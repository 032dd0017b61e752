"""Two processes with eight threads each act at once on one database: no fork, no gap, and everybody was told the truth.

One action in five fails after it has recorded something; nothing of it stays. Control: the same crowd without the lock
on the head does not pass (PostgreSQL; SQLite has one write lock for all, which a program cannot leave out).
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from archive import ledger
from archive.models import Checkpoint, Leaf
from tests.archive.samples import record, signed_in
from tests.archive.test_rotation_race import database_url
from tests.faults.crowd_program import EVERY
from tests.stack import ROOT

pytestmark = pytest.mark.django_db(transaction=True)
PROCESSES = ("a", "b")
THREADS = 8
EACH = int(os.environ.get("ONRECORD_FAULTS_CROWD", "25"))
Told = list[tuple[str, int, int, str]]  # name, seq, n, leaf hash


def test_a_crowd_in_two_processes_never_forks_the_record() -> None:
    record(signed_in())
    told, broken = run_crowd(kind="locked")
    assert broken == 0
    assert len(told) == len(PROCESSES) * THREADS * (EACH - EACH // EVERY)
    assert sorted(seq for _, seq, _, _ in told) == list(range(1, len(told) + 1))
    assert ledger.check() == ledger.CheckReport(size=len(told) + 1, is_sound=True, problems=[])
    stored = {seq: bytes(digest).hex() for seq, digest in Leaf.objects.filter(seq__gt=0).values_list("seq", "hash")}
    assert {seq: digest for _, seq, _, digest in told} == stored
    commits = Checkpoint.objects.count()
    print(f"{len(told)} entries in {commits} commits")
    assert commits < len(told) / 2, "they hardly ever shared a commit: the run shows nothing of groups"


@pytest.mark.backend("postgres")
@pytest.mark.breaks_the_record
def test_control_without_the_lock_the_same_crowd_breaks() -> None:
    record(signed_in())
    told, broken = run_crowd(kind="careless")
    numbers = [seq for _, seq, _, _ in told]
    assert broken or len(set(numbers)) < len(numbers) or not ledger.check().is_sound


def run_crowd(*, kind: str) -> tuple[Told, int]:
    with ExitStack() as until:
        crowd = [until.enter_context(process(name, kind=kind)) for name in PROCESSES]
        for one in crowd:
            assert one.stdout is not None and one.stdout.readline() == "ready\n"
        for one in crowd:
            assert one.stdin is not None
            one.stdin.write("go\n")
            one.stdin.flush()
        answers = [json.loads(one.communicate(timeout=300)[0]) for one in crowd]
    told = [tuple(line) for answer in answers for line in answer["told"]]
    return told, sum(answer["broken"] for answer in answers)


@contextmanager
def process(name: str, *, kind: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.faults.crowd_program", name, str(THREADS), str(EACH), kind]
    environment = os.environ | {"DATABASE_URL": database_url(), "LOG_LEVEL": "ERROR"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as started:
        try:
            yield started
        finally:
            started.kill()
