"""A list of events too long for one go: written in parts while the next is made, and still all or nothing."""

import contextlib
import threading

import pytest
from django.db import IntegrityError, connection, transaction

from archive import ledger, search
from archive.events import Event
from archive.ledger import storing
from archive.ledger.ahead import made_ahead
from archive.ledger.page import PART
from archive.models import Checkpoint, Document, Leaf
from tests.archive.samples import record, said

pytestmark = pytest.mark.django_db
COUNT = PART + storing.ROWS_AT_ONCE + 7  # two parts, the second of them more than whole statements
STREAMS = 3


class Undone(Exception):
    """Takes a savepoint back."""


def long_list(*, last: str = "the last one") -> list[Event]:
    bodies = [*(f"one of many, number{number}" for number in range(COUNT - 1)), last]
    return [said(body, stream=f"conversation:{number % STREAMS}") for number, body in enumerate(bodies)]


def test_a_long_list_is_recorded_in_order_under_one_checkpoint() -> None:
    record(said("before", stream="conversation:0"))
    receipts = ledger.record_all(long_list())
    assert [receipt.seq for receipt in receipts] == list(range(1, COUNT + 1))
    assert [receipt.n for receipt in receipts if receipt.stream == "conversation:1"] == list(range(1, COUNT // 3 + 1))
    assert list(Checkpoint.objects.values_list("size", flat=True)) == [1, COUNT + 1]
    assert ledger.check() == ledger.CheckReport(size=COUNT + 1, is_sound=True, problems=[])
    for words, seq in (("number0", 1), (f"number{PART}", PART + 1), ("last", COUNT)):
        assert [hit.seq for hit in search.find(search.Query(words=words)).hits] == [seq]


def test_a_long_list_that_fails_at_its_end_leaves_nothing_of_itself() -> None:
    with ledger.transaction():
        ledger.record(said("kept", stream="conversation:0"))
        with pytest.raises(ledger.NotCanonical):
            ledger.record_all(long_list(last="bad \ud800"))
        assert (Leaf.objects.count(), Document.objects.count()) == (1, 1)
        after = ledger.record(said("after", stream="conversation:0"))
        assert (after.seq, after.n) == (1, 2)
        assert ledger.record(said("first of its stream", stream="conversation:1")).n == 1
    assert ledger.check() == ledger.CheckReport(size=3, is_sound=True, problems=[])


def test_a_savepoint_takes_a_long_list_back() -> None:
    with ledger.transaction():
        with contextlib.suppress(Undone), transaction.atomic():
            ledger.record_all(long_list())
            assert Leaf.objects.count() == COUNT
            raise Undone
        assert ledger.record(said("instead")).seq == 0
    assert ledger.check() == ledger.CheckReport(size=1, is_sound=True, problems=[])


def test_a_reader_and_a_savepoint_after_a_long_list_lose_nothing_of_it() -> None:
    with ledger.transaction():
        ledger.record_all(long_list())
        with contextlib.suppress(Undone), transaction.atomic():
            ledger.record(said("taken back"))
            assert ledger.latest_checkpoint().size == COUNT + 1
            raise Undone
        assert ledger.latest_checkpoint().size == COUNT
    assert ledger.check_leaves().is_sound


def test_rows_that_are_there_already_are_refused_also_in_a_long_list() -> None:
    record(said("there already"))
    rows: list[storing.Row] = [(seq, b"leaf", b"hash") for seq in reversed(range(storing.ROWS_AT_ONCE))]
    with pytest.raises(IntegrityError), transaction.atomic():
        storing.insert(Leaf, ("seq", "data", "hash"), rows)
    assert Leaf.objects.count() == 1


def test_the_next_part_is_made_by_a_thread_that_ends_with_the_list() -> None:
    makers = set[str]()

    def make(part: int) -> int:
        makers.add(threading.current_thread().name)
        return part * part

    assert list(made_ahead(range(5), make=make)) == [0, 1, 4, 9, 16]
    half_way = made_ahead(range(5), make=make)
    assert next(half_way) == 0
    half_way.close()
    assert makers
    assert makers.isdisjoint(thread.name for thread in threading.enumerate())
    assert connection.connection is not None, "and ours is still open"
