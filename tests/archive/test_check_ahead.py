"""A check with several processes finds what a check with one finds, and goes on when a process dies."""

import os
import signal
from concurrent.futures import ProcessPoolExecutor

import pytest
from django.db import connection, transaction

from archive import ledger
from archive.ledger import check_ahead, checking
from tests.archive.record_reset import fences_down
from tests.archive.samples import record, said
from tests.archive.tampering import delete_everywhere, flip, swap

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.breaks_the_record]
BATCH = 50
SIZE = 3 * BATCH + 7


@pytest.fixture(autouse=True)
def history(monkeypatch: pytest.MonkeyPatch) -> None:
    record(*(said(f"message {i}", stream=f"conversation:{i % 5}") for i in range(SIZE)))
    monkeypatch.setattr(check_ahead, "WORTH_IT", BATCH)
    monkeypatch.setattr(checking, "BATCH", BATCH)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The first numbers of the pages that this process had to look at itself."""
    inline: list[int] = []
    accept = check_ahead.accept_page

    def noting(numbers: range, **rest: object) -> object:
        inline.append(numbers.start)
        return accept(numbers, **rest)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(check_ahead, "accept_page", noting)
    return inline


def test_a_sound_record_is_found_sound_and_the_pages_were_opened_elsewhere(asked: list[int]) -> None:
    assert ledger.check(workers=2) == ledger.CheckReport(size=SIZE, is_sound=True, problems=[])
    assert asked == [0], "only the first page is not ahead"
    assert ledger.check().is_sound
    assert asked == [0, 0, BATCH, 2 * BATCH, 3 * BATCH]


def test_each_fault_is_found_and_named_as_by_one_process() -> None:
    with transaction.atomic(), fences_down(connection):
        flip("archive_leaf", "data", seq=BATCH + 5)
        flip("archive_recordkey", "wrapped", seq=2 * BATCH + 1)
        swap("archive_entry", "ciphertext", seqs=(7, 12))
        delete_everywhere(f"seq = {2 * BATCH + 20}")
    report = ledger.check(workers=2)
    assert report == ledger.check()
    assert {7, 12, BATCH + 5, 2 * BATCH + 1, 2 * BATCH + 20} <= {problem.seq for problem in report.problems}


def test_a_process_that_is_killed_costs_time_and_nothing_else(
    asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    start = check_ahead.start_workers

    def dying(count: int) -> ProcessPoolExecutor:
        pool = start(count)
        os.kill(pool.submit(os.getpid).result(), signal.SIGKILL)
        return pool

    monkeypatch.setattr(check_ahead, "start_workers", dying)
    assert ledger.check(workers=2) == ledger.CheckReport(size=SIZE, is_sound=True, problems=[])
    assert asked == [0, BATCH, 2 * BATCH, 3 * BATCH]


def test_inside_a_transaction_nobody_helps(asked: list[int]) -> None:
    with transaction.atomic():
        assert ledger.check(workers=2).is_sound
    assert asked == [0, BATCH, 2 * BATCH, 3 * BATCH]
