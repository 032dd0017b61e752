"""The keys are rotated while another process writes to new buckets: it goes on, and not one key is lost."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_django import Settings

from archive import ledger, rotation
from archive.keys import open_keystore
from archive.keys.store import current_kek, key_files
from archive.keys.wrapping import split
from archive.models import Leaf
from tests import beside

# Its keys are gone when the invariants are checked.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.breaks_the_record]
ROTATIONS = 3


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Iterator[Path]:
    settings.ONRECORD_KEY_DIR = tmp_path / "keys"
    yield tmp_path / "keys"
    open_keystore.cache_clear()


@pytest.fixture
def writer(folder: Path) -> Iterator[subprocess.Popen[str]]:
    with beside.program("tests.archive.daily_writer") as process:
        yield process


def wait_until_written(process: subprocess.Popen[str], count: int) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= count:
            return
    pytest.fail("the writer has stopped")


def test_a_process_that_writes_goes_on_while_the_keys_are_rotated(writer: subprocess.Popen[str], folder: Path) -> None:
    wait_until_written(writer, 1)
    for rotations in range(1, ROTATIONS + 1):
        rotation.rotate_keys(datetime.now(UTC))
        wait_until_written(writer, Leaf.objects.count() - rotations + 1)
    writer.communicate(timeout=60)
    assert writer.returncode == 0
    written = Leaf.objects.count() - ROTATIONS
    assert written > ROTATIONS
    open_keystore.cache_clear()
    assert ledger.check() == ledger.CheckReport(size=written + ROTATIONS, is_sound=True, problems=[])
    assert {split(path.read_bytes())[0] for path in key_files(folder)} == {current_kek(folder)}
    assert [path.name for path in folder.glob("kek*")] == [current_kek(folder).removeprefix("file:")]
