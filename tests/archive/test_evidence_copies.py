"""Copies of checkpoints elsewhere: written once, held against the record, and shown."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from archive import checkpoint, evidence, ledger
from archive.checkpoint import Statement
from archive.evidence import EvidenceStatus, copying
from archive.ledger.head import keystore
from archive.tasks import collect_evidence
from tests.archive.samples import NOON, record, record_conversations, said

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Settings) -> Path:
    """A folder elsewhere that is set up, and a record."""
    record_conversations(20)
    settings.ONRECORD_COPY_DIR = tmp_path / "elsewhere"
    settings.ONRECORD_COPY_DIR.mkdir()
    return tmp_path / "elsewhere"


def copies(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def shown() -> EvidenceStatus:
    return evidence.status(at=datetime.now(UTC))


def put(folder: Path, *, size: int, root: bytes) -> None:
    """Put a copy there that our key signed."""
    note = checkpoint.sign(Statement(origin="onrecord.example/record", size=size, root=root), key=keystore().log_key)
    (folder / f"checkpoint-{size:019}").write_text(note, encoding="utf-8")


def test_each_new_checkpoint_is_copied_once_and_can_be_read_only(folder: Path) -> None:
    assert [evidence.copy_checkpoint(at=NOON) for _ in range(2)] == [True, False]
    record(said("something new"))
    assert evidence.copy_checkpoint(at=NOON)
    assert copies(folder) == ["checkpoint-0000000000000000020", "checkpoint-0000000000000000021"]
    newest = folder / copies(folder)[-1]
    assert newest.read_text(encoding="utf-8") == ledger.latest_checkpoint().note
    assert newest.stat().st_mode & 0o777 == 0o444


def test_a_copy_counts_as_one_kind_of_evidence_for_a_day(folder: Path) -> None:
    assert shown().level == "red"
    collect_evidence()
    found = shown()
    assert (found.level, found.problems) == ("amber", ())
    sources = {kind.kind: (kind.sources, kind.size) for kind in found.kinds}
    assert (sources["witness"], sources["copy"]) == ((0, None), (1, 20))
    assert evidence.status(at=datetime.now(UTC) + timedelta(days=2)).level == "red"


def test_a_record_that_was_put_back_is_not_copied_over_the_newer_copy(folder: Path) -> None:
    put(folder, size=500, root=bytes(32))
    assert not evidence.copy_checkpoint(at=NOON)
    assert shown().problems == ("copy: The newest copy is of 500 entries, we have 20: the record was put back.",)
    assert len(copies(folder)) == 1


def test_a_record_that_was_rewritten_and_signed_again_is_not_copied(folder: Path) -> None:
    put(folder, size=12, root=bytes(32))
    assert not evidence.copy_checkpoint(at=NOON)
    assert shown().problems == ("copy: The newest copy, of 12 entries, contradicts the record.",)


def test_control_an_older_copy_of_this_record_is_no_contradiction(folder: Path) -> None:
    put(folder, size=12, root=ledger.Prover(12).root())
    assert evidence.copy_checkpoint(at=NOON)
    assert shown().problems == ()


def test_the_copy_of_another_record_is_a_problem(folder: Path) -> None:
    put(folder, size=12, root=bytes(32))
    (path,) = folder.iterdir()
    path.write_text(path.read_text(encoding="utf-8").replace("onrecord.example", "other.example"), encoding="utf-8")
    assert not evidence.copy_checkpoint(at=NOON)
    assert "not of this record" in shown().problems[0]


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff"])
def test_a_damaged_copy_is_a_problem(folder: Path, content: bytes) -> None:
    (folder / "checkpoint-0000000000000000009").write_bytes(content)
    assert not evidence.copy_checkpoint(at=NOON)
    assert "cannot be used" in shown().problems[0]
    assert shown().level == "red"


def test_a_folder_that_is_gone_is_a_problem_and_is_not_made(folder: Path) -> None:
    folder.rmdir()
    assert not evidence.copy_checkpoint(at=NOON)
    assert "cannot be used" in shown().problems[0]
    assert not folder.exists()
    folder.mkdir()
    assert evidence.copy_checkpoint(at=NOON)
    assert shown().problems == ()


def test_nothing_is_copied_where_no_folder_is_set_up(folder: Path, settings: Settings) -> None:
    settings.ONRECORD_COPY_DIR = None
    assert not evidence.copy_checkpoint(at=NOON)
    assert copies(folder) == []


def test_a_copy_that_contradicts_the_record_is_no_evidence(folder: Path) -> None:
    put(folder, size=12, root=bytes(32))
    assert shown().level == "red"


def test_a_copy_from_the_future_is_not_fresh_for_ever(folder: Path) -> None:
    assert evidence.copy_checkpoint(at=NOON)
    ahead = (datetime.now(UTC) + timedelta(days=3650)).timestamp()
    os.utime(folder / copies(folder)[0], (ahead, ahead))
    assert shown().level == "red"


def test_workers_that_copy_at_once_do_not_meet(folder: Path) -> None:
    with ThreadPoolExecutor(8) as workers:
        list(workers.map(lambda _: copying._write(folder / "checkpoint-1", b"note"), range(64)))
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [("checkpoint-1", b"note")]
