"""The ledger with real commits: several writers at once, acts outside a transaction, first starts side by side."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connections, transaction
from pytest_django import Settings

from archive import ledger
from archive.keys import open_keystore
from archive.models import Checkpoint, Head, Leaf
from tests.archive.samples import NOON, record, said

pytestmark = pytest.mark.django_db(transaction=True)
WRITERS = 4
EACH = 8


@pytest.fixture
def new_keys(settings: Settings, tmp_path: Path) -> Iterator[None]:
    """A key folder that does not exist yet."""
    settings.ONRECORD_KEY_DIR = tmp_path / "keys"
    yield
    open_keystore.cache_clear()


class Writer:
    """Records EACH messages, one commit each; every other one in a stream that all writers share."""

    def __init__(self) -> None:
        self._start = threading.Barrier(WRITERS)

    def __call__(self, number: int) -> list[ledger.Receipt]:
        try:
            self._start.wait(timeout=30)
            return [self._record(number, i) for i in range(EACH)]
        finally:
            connections.close_all()

    def _record(self, number: int, i: int) -> ledger.Receipt:
        stream = "conversation:shared" if i % 2 else f"conversation:{number}"
        with transaction.atomic():
            return ledger.record(said(f"{number}/{i}", stream=stream))


@pytest.mark.breaks_the_record  # its keys are gone when the invariants are checked
def test_writers_at_once_get_numbers_without_gaps_even_as_the_record_begins(new_keys: None) -> None:
    with ThreadPoolExecutor(WRITERS) as pool:
        receipts = [receipt for part in pool.map(Writer(), range(WRITERS)) for receipt in part]
    assert sorted(receipt.seq for receipt in receipts) == list(range(WRITERS * EACH))
    shared = [receipt for receipt in receipts if receipt.stream == "conversation:shared"]
    assert sorted(receipt.n for receipt in shared) == list(range(1, WRITERS * EACH // 2 + 1))
    assert [r.n for r in sorted(shared, key=lambda r: r.seq)] == sorted(r.n for r in shared)
    assert ledger.check() == ledger.CheckReport(size=WRITERS * EACH, is_sound=True, problems=[])
    ledger.confirm_identity()


def test_each_commit_has_its_own_signed_checkpoint() -> None:
    record(said("one"), said("two"))
    record(said("three"))
    assert sorted(Checkpoint.objects.values_list("size", flat=True)) == [2, 3]


def test_an_act_outside_a_transaction_is_refused_and_leaves_no_trace() -> None:
    with pytest.raises(ledger.NotInTransaction, match=r"transaction\.atomic"):
        ledger.record(said("loose"))
    with pytest.raises(ledger.NotInTransaction):
        ledger.record_all([said("loose")])
    assert not Head.objects.exists()


def test_the_heads_are_recorded_in_a_transaction_of_their_own() -> None:
    record(said("one"))
    assert ledger.record_heads(NOON).seq == 1
    assert Leaf.objects.count() == 2


class Failing(Exception):
    """The act after the entry fails."""


def record_and_fail() -> None:
    with transaction.atomic():
        ledger.record(said("never"))
        raise Failing


@pytest.mark.breaks_the_record  # its keys are gone when the invariants are checked
def test_what_was_rolled_back_is_not_in_the_record(new_keys: None) -> None:
    with pytest.raises(Failing):
        record_and_fail()
    assert not Head.objects.exists()
    assert ledger.check().size == 0
    [receipt] = record(said("first"))
    assert (receipt.seq, receipt.n) == (0, 1)
    assert ledger.check().is_sound


def test_the_check_meets_writers_without_a_false_alarm() -> None:
    record(said("first"))
    writer = Writer()
    with ThreadPoolExecutor(WRITERS) as pool:
        writing = [pool.submit(writer, number) for number in range(WRITERS)]
        reports = [ledger.check()]
        while not all(future.done() for future in writing):
            reports.append(ledger.check())
    assert [report.problems for report in reports if not report.is_sound] == []
    assert ledger.check().size == 1 + WRITERS * EACH
