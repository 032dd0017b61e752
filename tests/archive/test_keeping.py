"""A guard whose disk or lock hangs: nobody who acts waits for it, and it hears of the latest commit when it goes on."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pytest_django import Settings

from archive import checkpoint, guard, ledger
from archive.checkpoint import Statement
from archive.ledger.keeping import Keeper, keeper
from tests.archive.grouping import and_close, say
from tests.archive.samples import said

ANSWER_S = 10
KEY = Ed25519PrivateKey.generate()
NOTES = [checkpoint.sign(Statement(origin="a.example/b", size=n, root=bytes(32)), key=KEY) for n in range(1, 5)]


@contextmanager
def standing_still(path: Path) -> Iterator[None]:
    """Hold the guard's lock, as a process does that stands still in the middle of a write."""
    with guard._locked(path):
        yield


def record_slowly(body: str) -> int:
    with ledger.transaction():
        return ledger.record(said(body)).seq


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_a_guard_that_hangs(tmp_path: Path, settings: Settings) -> None:
    settings.ONRECORD_GUARD, settings.ONRECORD_GUARD_S = tmp_path / "guard" / "checkpoint", 0.0
    with ThreadPoolExecutor(1) as pool:
        with standing_still(settings.ONRECORD_GUARD):
            acts = [lambda: say("one").seq, lambda: say("two").seq, lambda: record_slowly("three")]
            assert [pool.submit(and_close, act).result(ANSWER_S) for act in acts] == [0, 1, 2]
            assert not keeper.flush(0.1)
            assert guard.read(settings.ONRECORD_GUARD) == ""
        assert keeper.flush(ANSWER_S)
    assert guard.read(settings.ONRECORD_GUARD) == ledger.latest_checkpoint().note


def test_what_waits_for_a_guard_that_hangs_is_one_note_the_largest(tmp_path: Path) -> None:
    own, path = Keeper(), tmp_path / "checkpoint"
    before = threading.active_count()
    with standing_still(path):
        for note in (NOTES[0], NOTES[3], NOTES[1], NOTES[2]):
            own.keep(path, note=note)
        assert threading.active_count() == before + 1
        assert len(own._waiting) <= 1
    assert own.flush(ANSWER_S)
    assert guard.read(path) == NOTES[3]


def test_without_a_thread_the_note_waits_for_the_next_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, path = Keeper(), tmp_path / "checkpoint"
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        own.keep(path, note=NOTES[2])
    assert (own.flush(0), guard.read(path)) == (True, "")
    own.keep(path, note=NOTES[1])
    assert own.flush(ANSWER_S)
    assert guard.read(path) == NOTES[2]


def no_thread(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_a_forked_process_tells_its_own_guard(tmp_path: Path) -> None:
    own, path, other = Keeper(), tmp_path / "parent" / "checkpoint", tmp_path / "child" / "checkpoint"
    with standing_still(path):
        own.keep(path, note=NOTES[0])
        child = os.fork()
        if child == 0:
            own.keep(other, note=NOTES[1])
            os._exit(0 if own.flush(ANSWER_S) else 1)
        assert os.waitpid(child, 0)[1] == 0
    assert own.flush(ANSWER_S)
    assert (guard.read(path), guard.read(other)) == (NOTES[0], NOTES[1])
