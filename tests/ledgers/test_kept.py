"""Every kept ledger opens and verifies with today's program: rows migrated, keys read, checkpoint contained."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import Settings
from pytest_django.plugin import DjangoDbBlocker

from archive import ledger
from archive.keys import open_keystore
from archive.publish import require_contained
from tests.archive.record_reset import fences_down
from tests.archive.tampering import flip

KEPT = sorted(path.name for path in Path(__file__).parent.iterdir() if path.name.isdigit())
SIZES = {"1": 270}
pytestmark = pytest.mark.backend("sqlite")


@pytest.fixture(params=KEPT)
def version(
    request: pytest.FixtureRequest, tmp_path: Path, settings: Settings, django_db_blocker: DjangoDbBlocker
) -> Iterator[str]:
    """Give Django a copy of a kept ledger, brought to today's tables as an upgrade does it."""
    shutil.copytree(Path(__file__).parent / request.param, tmp_path / "kept")
    settings.ONRECORD_KEY_DIR = tmp_path / "kept" / "keys"
    settings.ONRECORD_GUARD = tmp_path / "guard"
    settings.ONRECORD_ORIGIN = "kept.example/record"
    before = connection.settings_dict["NAME"]
    with django_db_blocker.unblock():
        connection.close()
        connection.settings_dict["NAME"] = str(tmp_path / "kept" / "record.sqlite3")
        try:
            call_command("migrate", "archive", verbosity=0)
            yield request.param
        finally:
            connection.close()
            connection.settings_dict["NAME"] = before
            open_keystore.cache_clear()


def test_every_format_version_has_its_ledger() -> None:
    assert set(KEPT) == set(SIZES)


def test_a_kept_ledger_verifies(version: str, tmp_path: Path) -> None:
    assert ledger.check() == ledger.CheckReport(size=SIZES[version], is_sound=True, problems=[])
    note = (tmp_path / "kept" / "checkpoint").read_text(encoding="utf-8")
    assert require_contained(note).size == SIZES[version]
    assert ledger.open_entry(3).content["body"] == "early 3 ✓"
    assert ledger.find_entry("conversation:1", 1).content["body"] == "message 1"


def test_control_a_changed_byte_of_a_kept_ledger_is_found(version: str) -> None:
    assert version in SIZES
    with fences_down(connection):
        flip("archive_leaf", "data", seq=7)
    report = ledger.check()
    assert (report.is_sound, report.problems[0].seq) == (False, 7)
