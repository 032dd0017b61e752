"""A broken-off check goes on where it was, sees what comes after, and believes no file that it did not write."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction

from archive import ledger
from archive.ledger.checking import BATCH
from tests.archive.record_reset import fences_down
from tests.archive.samples import record, said
from tests.archive.tampering import flip

pytestmark = pytest.mark.django_db
MORE = 300


class BrokenOff(Exception):
    """The process ends here."""


def break_off(_done: int, _total: int) -> None:
    raise BrokenOff


def place_in(folder: Path) -> ledger.PlaceFile:
    return ledger.PlaceFile(folder / "place", every_pages=1)


@pytest.fixture
def broken_off(tmp_path: Path) -> Path:
    """The folder with the place of a check that was broken off after its first page."""
    record(*(said(f"message {i}", stream=f"conversation:{i % 5}") for i in range(BATCH + MORE)))
    with pytest.raises(BrokenOff):
        ledger.check(on_progress=break_off, place=place_in(tmp_path))
    assert (tmp_path / "place").exists()
    return tmp_path


def noting(seen: list[int]) -> Callable[[int, int], None]:
    return lambda done, _total: seen.append(done)


def test_a_check_goes_on_from_its_place_and_forgets_it_at_the_end(broken_off: Path) -> None:
    seen: list[int] = []
    record(said("one more"))
    report = ledger.check(on_progress=noting(seen), place=place_in(broken_off))
    assert report == ledger.CheckReport(size=BATCH + MORE + 1, is_sound=True, problems=[])
    assert seen == [BATCH + MORE + 1], "the first page was looked at again"
    assert not (broken_off / "place").exists()


@pytest.mark.breaks_the_record
def test_what_lies_after_the_place_is_found_and_named(broken_off: Path) -> None:
    with transaction.atomic(), fences_down(connection):
        flip("archive_leaf", "data", seq=BATCH + 7)
    assert ledger.check(place=place_in(broken_off)).problems[0].seq == BATCH + 7


@pytest.mark.breaks_the_record
def test_a_place_is_not_kept_behind_a_fault(tmp_path: Path) -> None:
    record(*(said(f"message {i}") for i in range(20)))
    with transaction.atomic(), fences_down(connection):
        flip("archive_leaf", "data", seq=7)
    with pytest.raises(BrokenOff):
        ledger.check(on_progress=break_off, place=place_in(tmp_path))
    assert not (tmp_path / "place").exists()


@pytest.mark.breaks_the_record
def test_what_was_changed_before_the_place_is_found_by_a_check_from_the_beginning(broken_off: Path) -> None:
    with transaction.atomic(), fences_down(connection):
        flip("archive_entry", "ciphertext", seq=7)
    assert ledger.check(place=place_in(broken_off)).is_sound
    assert ledger.check().problems[0].seq == 7


@pytest.mark.parametrize("change", [lambda data: data.replace(b'"size": 1000', b'"size": 1001'), lambda data: b"x"])
def test_a_place_that_somebody_wrote_by_hand_is_refused(broken_off: Path, change: Callable[[bytes], bytes]) -> None:
    file = broken_off / "place"
    assert change(file.read_bytes()) != file.read_bytes()
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(ledger.BadPlace, match="not written by a check of this record"):
        ledger.check(place=place_in(broken_off))


def test_the_command_resumes(broken_off: Path) -> None:
    out, errors = StringIO(), StringIO()
    call_command("record", "check", "--resume", str(broken_off / "place"), stdout=out, stderr=errors)
    assert out.getvalue() == f"The record is sound: {BATCH + MORE} entries.\n"
    assert f"\r{BATCH} of" not in errors.getvalue()
    (broken_off / "place").write_text("x")
    with pytest.raises(CommandError, match="not written by a check"):
        call_command("record", "check", "--resume", str(broken_off / "place"), stdout=out, stderr=errors)
