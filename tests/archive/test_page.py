"""The open page of a transaction: it shows what it holds to readers inside it, and gives back what savepoints take."""

import contextlib

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from archive import ledger, merkle
from archive.ledger import storing
from archive.ledger.storing import COPY_FROM
from archive.models import Checkpoint, Entry, Leaf, RecordKey
from tests.archive.samples import NOON, record, said

pytestmark = pytest.mark.django_db


class Undone(Exception):
    """Takes a savepoint back."""


def test_a_reader_inside_the_transaction_finds_what_was_just_recorded() -> None:
    with ledger.transaction():
        receipt = ledger.record(said("one"))
        assert ledger.open_entry(receipt.seq).content["body"] == "one"
        ledger.record(said("two"))
        assert Leaf.objects.count() == 2
        ledger.record(said("three"))
        with connection.cursor() as cursor:
            cursor.execute('SELECT count(*) FROM "archive_entry"')
            assert cursor.fetchone() == (3,)
        ledger.record(said("four"))
        assert ledger.latest_checkpoint().size == 4
    assert ledger.check().is_sound


def test_entries_that_nobody_looks_at_are_stored_at_the_end_under_one_checkpoint() -> None:
    with ledger.transaction():
        for number in range(5):
            ledger.record(said(f"{number}"))
    assert list(Checkpoint.objects.values_list("size", flat=True)) == [5]


@pytest.mark.parametrize("is_read", [False, True])
@pytest.mark.parametrize("is_read_inside", [False, True])
def test_a_plain_savepoint_takes_its_entries_back(is_read: bool, is_read_inside: bool) -> None:
    with ledger.transaction():
        ledger.record(said("kept"))
        if is_read:
            assert Entry.objects.count() == 1
        with contextlib.suppress(Undone), transaction.atomic():
            ledger.record(said("taken back"))
            ledger.record(said("taken back, first of its stream", stream="conversation:8"))
            if is_read_inside:
                assert Entry.objects.count() == 3
            raise Undone
        after = ledger.record(said("after"))
        assert (after.seq, after.n) == (1, 2)
    assert [ledger.open_entry(seq).content["body"] for seq in range(2)] == ["kept", "after"]
    assert Leaf.objects.count() == 2
    assert ledger.check().is_sound


def test_a_read_in_a_savepoint_that_is_taken_back_loses_nothing_from_before_it() -> None:
    with ledger.transaction():
        ledger.record(said("before"))
        with contextlib.suppress(Undone), transaction.atomic():
            assert Leaf.objects.count() == 1
            raise Undone
        assert Leaf.objects.count() == 1
    assert ledger.open_entry(0).content["body"] == "before"
    assert ledger.check() == ledger.CheckReport(size=1, is_sound=True, problems=[])


def test_savepoints_in_savepoints() -> None:
    with ledger.transaction():
        ledger.record(said("0"))
        with contextlib.suppress(Undone), ledger.transaction():
            ledger.record(said("never"))
            with transaction.atomic():
                ledger.record(said("never either"))
            with contextlib.suppress(Undone), transaction.atomic():
                ledger.record(said("and not this"))
                assert Leaf.objects.count() == 4
                raise Undone
            raise Undone
        with transaction.atomic():
            ledger.record(said("1"))
            with contextlib.suppress(Undone), transaction.atomic():
                ledger.record(said("no"))
                raise Undone
        ledger.record(said("2"))
    assert [ledger.open_entry(seq).content["body"] for seq in range(3)] == ["0", "1", "2"]
    assert ledger.check() == ledger.CheckReport(size=3, is_sound=True, problems=[])


def test_a_call_that_fails_half_way_leaves_nothing_of_itself() -> None:
    with ledger.transaction():
        ledger.record(said("kept"))
        with pytest.raises(ledger.NotCanonical):
            ledger.record_all([said("good", stream="conversation:8"), said("bad \ud800"), said("unseen")])
        assert ledger.record(said("next", stream="conversation:8")).n == 1
    assert ledger.check() == ledger.CheckReport(size=2, is_sound=True, problems=[])


@pytest.mark.parametrize("count", [1, COPY_FROM])
def test_a_row_that_the_database_refuses_leaves_nothing_of_its_entries(count: int) -> None:
    record(said("kept"))
    in_the_way = RecordKey.objects.create(seq=count, bucket="7y/2026-11-21", wrapped=b"in the way")
    with pytest.raises(IntegrityError):
        record(*(said(f"never {number}") for number in range(count)))
    in_the_way.delete()
    assert record(said("after"))[0].seq == 1
    assert ledger.check() == ledger.CheckReport(size=2, is_sound=True, problems=[])


def test_rows_that_could_not_be_stored_in_a_savepoint_are_stored_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk was full for a moment, say: what came before the savepoint is still to be stored, on the same tree."""
    store = storing.store

    def refuse(*_tables: object, **_ends: object) -> None:
        raise OperationalError("no space left")

    with ledger.transaction():
        record(said("before"))
        monkeypatch.setattr(storing, "store", refuse)
        with pytest.raises(OperationalError), transaction.atomic():
            Entry.objects.count()
        monkeypatch.setattr(storing, "store", store)
        record(said("after"))
    record(said("on top of it"))
    assert Leaf.objects.count() == 3
    assert ledger.check().is_sound


def test_tiles_fill_across_turns_and_savepoints() -> None:
    record(*(said(f"{number}") for number in range(250)))
    with ledger.transaction():
        for number in range(4):
            ledger.record(said(f"kept {number}"))
        with contextlib.suppress(Undone), transaction.atomic():
            ledger.record_all([said(f"over the edge {number}") for number in range(10)])
            assert Leaf.objects.count() == 264
            raise Undone
        ledger.record_all([said(f"to the end {number}") for number in range(5)])
    latest = ledger.latest_checkpoint()
    leaves = [bytes(digest) for digest in Leaf.objects.order_by("seq").values_list("hash", flat=True)]
    assert (latest.size, latest.root) == (259, merkle.root(leaves))
    assert ledger.check().is_sound


def test_heads_count_what_the_transaction_has_recorded_before() -> None:
    with ledger.transaction():
        ledger.record(said("one"))
        receipt = ledger.record_heads(NOON)
    assert ledger.open_entry(receipt.seq).content["count"] == 1


def test_a_transaction_that_fails_leaves_no_page_open() -> None:
    with contextlib.suppress(Undone), ledger.transaction():
        ledger.record(said("never"))
        raise Undone
    with transaction.atomic():
        assert ledger.record(said("first")).seq == 0
    assert ledger.check().size == 1
