"""Every kept ledger opens and verifies with today's program: rows migrated, keys read, checkpoint contained."""

from pathlib import Path

import pytest
from django.db import connection

from archive import ledger
from archive.publish import require_contained
from tests.archive.record_reset import fences_down
from tests.archive.samples import record, said
from tests.archive.tampering import flip
from tests.ledgers.kept import FOLDER, KEPT

pytestmark = pytest.mark.backend("sqlite")


def test_every_kept_ledger_is_known() -> None:
    assert {path.name for path in FOLDER.iterdir() if path.name.isdigit()} == set(KEPT)


def test_a_kept_ledger_verifies(version: str, tmp_path: Path) -> None:
    kept = KEPT[version]
    assert ledger.check() == ledger.CheckReport(size=kept.size, is_sound=True, problems=[], disposed=kept.disposed)
    assert ledger.check_blobs() == []
    note = (tmp_path / "kept" / "checkpoint").read_text(encoding="utf-8")
    assert require_contained(note).size == kept.size
    assert {seq: ledger.open_entry(seq).content["body"] for seq in kept.bodies} == kept.bodies
    assert ledger.find_entry("conversation:1", 1).content["body"] == "message 1"


def test_a_kept_ledger_grows_on(version: str, tmp_path: Path) -> None:
    [receipt] = record(said("of today"))
    assert receipt.seq == KEPT[version].size
    assert ledger.check().is_sound
    note = (tmp_path / "kept" / "checkpoint").read_text(encoding="utf-8")
    assert require_contained(note).size == KEPT[version].size


def test_control_a_changed_byte_of_a_kept_ledger_is_found(version: str) -> None:
    with fences_down(connection):
        flip("archive_leaf", "data", seq=7)
    report = ledger.check()
    assert (report.is_sound, report.problems[0].seq) == (False, 7)
