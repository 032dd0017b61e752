"""The rollback guard: a database that was put back is not written to, and there is a recorded way out."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from io import StringIO
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction
from pytest_django import Settings

from archive import checkpoint, evidence, guard, ledger
from archive.checkpoint import Statement
from archive.ledger.keeping import keeper
from archive.tasks import keep_guard
from tests.archive.samples import NOON, record, said

pytestmark = pytest.mark.django_db
Committed = Callable[..., AbstractContextManager[object]]


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, settings: Settings) -> Path:
    """A guard of this test's own that writes at each commit."""
    path = tmp_path / "guard" / "checkpoint"
    settings.ONRECORD_GUARD, settings.ONRECORD_GUARD_S = path, 0.0
    return path


@pytest.fixture
def committed(django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[object]]) -> Committed:
    """Run in the block what waits for the commit: the test itself never commits."""

    @contextmanager
    def and_told() -> Iterator[None]:
        with django_capture_on_commit_callbacks(execute=True):
            yield
        assert keeper.flush(10)

    return and_told


class PutBack(Exception):
    """Takes the block's entries away again."""


def lose(*words: str, path: Path) -> None:
    """Commit entries, as the guard sees it, and put the database back to where it was before."""
    with suppress(PutBack), transaction.atomic():
        record(*(said(word) for word in words))
        guard.advance(path, note=ledger.latest_checkpoint().note)
        raise PutBack


def size() -> int:
    return ledger.latest_checkpoint().size


def test_each_commit_tells_the_guard_and_only_a_commit_does(kept: Path, committed: Committed) -> None:
    record(said("not committed"))
    assert not kept.exists()
    with committed():
        record(said("one"), said("two"))
    assert guard.read(kept) == ledger.latest_checkpoint().note
    with committed():
        record(said("three"))
    assert checkpoint.parse(guard.read(kept)).size == size() == 4


def test_what_the_limit_holds_back_the_sweep_tells(kept: Path, committed: Committed, settings: Settings) -> None:
    with committed():
        record(said("one"))
    settings.ONRECORD_GUARD_S = 3600.0
    with committed():
        record(said("two"))
    assert checkpoint.parse(guard.read(kept)).size == 1
    keep_guard()
    assert checkpoint.parse(guard.read(kept)).size == 2


def test_a_database_that_was_put_back_is_not_written_to(kept: Path) -> None:
    record(said("one"))
    lose("two", "three", path=kept)
    for act in (lambda: record(said("instead")), ledger.confirm_identity):
        with pytest.raises(ledger.BehindGuard, match="ends at entry 1, but 3 entries were committed"):
            act()
    assert size() == 1
    assert "ends at entry 1" in evidence.status(at=NOON).problems[0]


def commit_elsewhere() -> None:
    """Append an entry on a connection of another thread, as another process does."""

    def append() -> None:
        record(said("meanwhile"))
        connection.close()

    with ThreadPoolExecutor(1) as other:
        other.submit(append).result()


def after_each_query(execute: Callable[..., object], *query: object) -> object:
    result = execute(*query)
    commit_elsewhere()
    return result


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("look", [ledger.guard_problem, ledger.confirm_identity])
def test_what_another_process_commits_meanwhile_is_no_loss(look: Callable[[], object]) -> None:
    record(said("one"))
    with connection.execute_wrapper(after_each_query):
        assert not look()
    assert size() > 1


@pytest.mark.parametrize("words", [["check"], ["check", "--fast"]])
def test_a_check_says_that_the_database_was_put_back_before_anything_is_written(kept: Path, words: list[str]) -> None:
    record(said("one"))
    call_command("record", *words, stdout=StringIO(), stderr=StringIO())
    lose("two", "three", path=kept)
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("record", *words, stdout=out, stderr=StringIO())
    assert "ends at entry 1, but 3 entries were committed before" in out.getvalue()


def test_an_emptied_database_is_behind_too(kept: Path) -> None:
    lose("one", "two", path=kept)
    with pytest.raises(ledger.BehindGuard, match="ends at entry 0, but 2"):
        ledger.confirm_identity()
    with pytest.raises(ledger.BehindGuard):
        record(said("instead"))


def test_a_database_that_grew_again_after_it_was_put_back_is_another_one(kept: Path, settings: Settings) -> None:
    record(said("one"))
    lose("two", path=kept)
    settings.ONRECORD_GUARD = kept.with_name("nowhere")
    record(said("another two"), said("three"))
    settings.ONRECORD_GUARD = kept
    with pytest.raises(ledger.BehindGuard, match="not the one that the guard knows at 2 entries"):
        record(said("four"))


def test_bringing_the_newer_database_back_is_enough(kept: Path) -> None:
    record(said("one"))
    guard.advance(kept, note=ledger.latest_checkpoint().note)
    ledger.confirm_identity()
    record(said("two"))
    assert size() == 2
    assert evidence.status(at=NOON).problems == ()


def test_an_accepted_loss_is_an_entry_that_carries_the_lost_checkpoint(kept: Path) -> None:
    record(said("one"))
    lose("two", "three", path=kept)
    lost = guard.read(kept)
    out = StringIO()
    call_command("record", "break", "--reason", "The disk failed; the backup is of last night.", stdout=out)
    assert "accepted in entry 1" in out.getvalue()
    entry = ledger.open_entry(1)
    assert (entry.kind, entry.content["lost_size"], entry.content["lost_checkpoint"]) == ("log.break", 3, lost)
    assert entry.content["reason"] == "The disk failed; the backup is of last night."
    assert guard.read(kept) == ledger.latest_checkpoint().note
    record(said("it goes on"))
    assert ledger.check().is_sound


def test_a_stop_between_entry_and_guard_leaves_the_ledger_refusing(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(said("one"))
    lose("two", "three", path=kept)
    with monkeypatch.context() as patch:
        patch.setattr(guard, "replace", _fail)
        with pytest.raises(OSError, match="power"):
            ledger.record_break(reason="first try", at=NOON)
    with pytest.raises(ledger.BehindGuard):
        record(said("not yet"))
    ledger.record_break(reason="second try", at=NOON)
    record(said("it goes on"))
    assert [ledger.open_entry(seq).kind for seq in (1, 2)] == ["log.break", "log.break"]


def _fail(*_: object, **__: object) -> None:
    raise OSError("the power went")


def test_there_is_no_loss_to_accept_where_nothing_is_lost(kept: Path) -> None:
    record(said("one"))
    with pytest.raises(CommandError, match="no loss to accept"):
        call_command("record", "break", "--reason", "just in case")
    assert size() == 1


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff\xfe"])
def test_a_guard_that_cannot_be_read_stops_the_ledger_and_proves_no_loss(kept: Path, content: bytes) -> None:
    record(said("one"))
    kept.parent.mkdir()
    kept.write_bytes(content)
    with pytest.raises(ledger.BehindGuard, match="cannot be read"):
        record(said("two"))
    with pytest.raises(CommandError, match="no checkpoint of this record"):
        call_command("record", "break", "--reason", "the file is damaged")
    kept.unlink()
    record(said("two"))


def test_the_guard_of_another_record_is_refused(kept: Path) -> None:
    record(said("one"))
    foreign = Ed25519PrivateKey.from_private_bytes(bytes(32))
    statement = Statement(origin="onrecord.example/record", size=1, root=bytes(32))
    guard.advance(kept, note=checkpoint.sign(statement, key=foreign))
    with pytest.raises(ledger.BehindGuard, match="not of this record"):
        record(said("two"))
    with pytest.raises(CommandError, match="no checkpoint of this record"):
        call_command("record", "break", "--reason", "not ours")


def test_a_guard_that_cannot_be_written_does_not_fail_the_act(
    kept: Path, committed: Committed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(guard, "advance", _fail)
    with committed():
        record(said("one"))
    assert size() == 1
    assert "guard_not_kept" in caplog.text


NOTES = [
    checkpoint.sign(Statement(origin="a.example/b", size=n, root=bytes([n]) * 32), key=Ed25519PrivateKey.generate())
    for n in range(1, 9)
]


def test_the_file_only_moves_forward_whoever_comes_first(kept: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda note: guard.advance(kept, note=note), [*NOTES[::-1], *NOTES]))
    assert guard.read(kept) == NOTES[-1]
    guard.advance(kept, note=NOTES[0])
    assert guard.read(kept) == NOTES[-1]
    assert [path.name for path in sorted(kept.parent.iterdir())] == ["checkpoint", "checkpoint.lock"]


def test_a_replacement_needs_what_it_expects(kept: Path) -> None:
    guard.advance(kept, note=NOTES[4])
    guard.replace(kept, expected=NOTES[3], note=NOTES[0])
    assert guard.read(kept) == NOTES[4]
    guard.replace(kept, expected=NOTES[4], note=NOTES[0])
    assert guard.read(kept) == NOTES[0]
