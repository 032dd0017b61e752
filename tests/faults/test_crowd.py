"""Two processes with eight threads each act at once on one database: no fork, no gap, and everybody was told the truth.

One action in five fails after it has recorded something; nothing of it stays. Control: the same crowd without the lock
on the head does not pass (PostgreSQL; SQLite has one write lock for all, which a program cannot leave out).
"""

import json
import os
from contextlib import ExitStack

import pytest

from archive import ledger
from archive.models import Checkpoint, Leaf
from tests import beside
from tests.archive.samples import record, signed_in
from tests.faults.crowd_program import EVERY

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
        how = (str(THREADS), str(EACH), kind)
        programs = [beside.program("tests.faults.crowd_program", name, *how, LOG_LEVEL="ERROR") for name in PROCESSES]
        crowd = [until.enter_context(program) for program in programs]
        for one in crowd:
            assert beside.hear(one) == "ready"
        for one in crowd:
            beside.tell(one, "go")
        answers = [json.loads(one.communicate(timeout=300)[0]) for one in crowd]
    told = [tuple(line) for answer in answers for line in answer["told"]]
    return told, sum(answer["broken"] for answer in answers)
