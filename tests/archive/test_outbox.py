"""One outbox: pauses that grow, the end after the last try, what a person may do then, and how full it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from archive.models import Segment
from archive.outbox import Backoff, LeaseLost, figures_of
from archive.outbox.boxes import DIED
from tests.archive.outboxes import LEASE, NOON, WORK, put_in_line

MINUTE = timedelta(minutes=1)
LATER = timedelta(hours=1)
CHANCE = st.floats(min_value=0, max_value=1)
DATABASE = pytest.mark.django_db


def fail(row: Segment) -> None:
    raise OSError(f"no disk for {row.first}")


def done(row: Segment) -> None:
    WORK.finish(row, sealed_at=NOON)


def only_row() -> Segment:
    return Segment.objects.get()


def claimed() -> Segment:
    """Put one row in line and lease it."""
    put_in_line(1)
    row = WORK.claim(at=NOON)
    assert row is not None
    return row


# --- pauses ----------------------------------------------------------------------------------------------------------
def test_pauses_grow_by_their_factor_up_to_the_longest_one() -> None:
    doubling = Backoff(first=MINUTE, longest=10 * MINUTE)
    assert [doubling.pause_after(tries, chance=0) / MINUTE for tries in range(1, 7)] == [1, 2, 4, 8, 10, 10]
    steep = Backoff(first=timedelta(seconds=5), longest=timedelta(minutes=30), factor=4)
    assert [steep.pause_after(tries, chance=0).seconds for tries in range(1, 7)] == [5, 20, 80, 320, 1280, 1800]


@given(tries=st.integers(min_value=1, max_value=100_000), chance=CHANCE)
def test_chance_takes_half_of_a_pause_at_most_and_never_adds_to_it(tries: int, chance: float) -> None:
    backoff = Backoff(first=MINUTE, longest=timedelta(days=1))
    whole = backoff.pause_after(tries, chance=0)
    assert whole / 2 <= backoff.pause_after(tries, chance=chance) <= whole <= backoff.longest


@DATABASE
def test_two_rows_that_fail_together_do_not_come_back_together() -> None:
    put_in_line(20)
    WORK.work_off(fail, at=NOON)
    assert len(set(Segment.objects.values_list("due_at", flat=True))) > 10


# --- tries -----------------------------------------------------------------------------------------------------------
@DATABASE
def test_what_fails_waits_longer_each_time_and_is_parked_after_its_last_try() -> None:
    put_in_line(1)
    at = NOON
    for tries, whole in ((1, MINUTE), (2, 2 * MINUTE)):
        assert WORK.work_off(fail, at=at) == 0
        row = only_row()
        assert row.due_at is not None
        assert whole / 2 <= row.due_at - at <= whole + timedelta(seconds=10)
        assert (row.tries, row.failure, row.lease_token, row.parked_at) == (tries, "OSError", None, None)
        at = row.due_at
    WORK.work_off(fail, at=at)
    row = only_row()
    assert row.parked_at is not None and row.parked_at - at < timedelta(seconds=10)
    assert (row.tries, row.failure, row.due_at) == (3, "OSError", None)
    assert WORK.work_off(done, at=at + timedelta(days=365)) == 0, "nobody takes it by itself"


@DATABASE
def test_one_that_fails_holds_up_none_behind_it() -> None:
    put_in_line(3)
    assert WORK.work_off(lambda row: fail(row) if row.first == 0 else done(row), at=NOON) == 2
    assert list(WORK.rows().values_list("first", flat=True)) == [0]


@DATABASE
def test_a_row_whose_workers_all_died_is_parked_without_another_try() -> None:
    put_in_line(1)
    for number in range(WORK.most_tries):
        assert WORK.claim(at=NOON + number * LEASE) is not None
    worked_on: list[int] = []
    WORK.work_off(lambda row: worked_on.append(row.first), at=NOON + WORK.most_tries * LEASE)
    assert (worked_on, only_row().failure) == ([], DIED)
    assert only_row().parked_at is not None


@DATABASE
def test_what_is_not_tried_costs_no_try() -> None:
    row = claimed()
    WORK.postpone(row, until=NOON + LATER)
    assert (only_row().tries, only_row().due_at, only_row().lease_token) == (0, NOON + LATER, None)
    with pytest.raises(LeaseLost):
        done(row)


@DATABASE
def test_a_lease_that_is_renewed_is_not_free_at_its_first_end() -> None:
    row = claimed()
    WORK.renew(row, at=NOON + LEASE - MINUTE, problem="half of it")
    assert WORK.claim(at=NOON + LEASE) is None
    assert only_row().problem == "half of it"
    assert WORK.claim(at=NOON + 2 * LEASE) is not None
    with pytest.raises(LeaseLost):
        WORK.renew(row, at=NOON + 2 * LEASE)


@DATABASE
def test_what_is_rolled_back_can_be_given_back_with_the_same_lease() -> None:
    put_in_line(1)

    def finish_and_fail(row: Segment) -> None:
        with transaction.atomic():
            done(row)
            raise OSError("the entry could not be written")

    WORK.work_off(finish_and_fail, at=NOON)
    assert (only_row().failure, only_row().sealed_at) == ("OSError", None)


@DATABASE
def test_who_lost_the_lease_neither_finishes_nor_gives_back_nor_parks() -> None:
    put_in_line(1)
    late, ours = WORK.claim(at=NOON), WORK.claim(at=NOON + LEASE)
    assert late is not None and ours is not None
    before = Segment.objects.values().get()
    for act in (
        lambda: done(late),
        lambda: WORK.put_back(late, failure="late", at=NOON),
        lambda: WORK.park(late, failure="late", at=NOON),
        lambda: WORK.postpone(late, until=NOON),
    ):
        with pytest.raises(LeaseLost):
            act()
    assert Segment.objects.values().get() == before
    done(ours)
    with pytest.raises(LeaseLost):
        done(ours)


@DATABASE
def test_what_is_done_is_not_given_back_by_who_has_not_heard_of_it() -> None:
    """Its token may stay where it names something; the row is not among those that wait any more."""
    row = claimed()
    WORK.finish(row, sealed_at=NOON, lease_token=row.lease_token)
    before = Segment.objects.values().get()
    for act in (
        lambda: WORK.renew(row, at=NOON),
        lambda: WORK.put_back(row, failure="in doubt", at=NOON),
        lambda: WORK.park(row, failure="in doubt", at=NOON),
        lambda: WORK.postpone(row, until=NOON),
    ):
        with pytest.raises(LeaseLost):
            act()
    assert Segment.objects.values().get() == before


@contextmanager
def broken_record() -> Iterator[None]:
    with transaction.atomic():
        yield
        raise ValueError("the record cannot be written")


@DATABASE
def test_what_cannot_be_given_back_keeps_its_reason_and_holds_up_none_behind_it() -> None:
    put_in_line(2)
    box = replace(WORK, transaction=broken_record)
    assert box.work_off(lambda row: fail(row) if row.first == 0 else done(row), at=NOON) == 1
    row = Segment.objects.get(first=0)
    assert (row.failure, row.tries, row.parked_at) == ("OSError", 1, None)
    assert row.lease_token is not None and row.due_at is not None
    assert NOON + LEASE <= row.due_at < NOON + LEASE + MINUTE, "it is due when its lease ends"
    for number in range(1, 5):
        box.work_off(fail, at=NOON + number * (LEASE + MINUTE))
    assert Segment.objects.get(first=0).failure == "OSError", "that its tries ran out is not the reason"
    WORK.work_off(fail, at=NOON + 5 * (LEASE + MINUTE))
    assert Segment.objects.filter(first=0, failure="OSError").exclude(parked_at=None).exists()


# --- what a person decides -------------------------------------------------------------------------------------------
def parked_row() -> Segment:
    row = claimed()
    WORK.park(row, failure="no use", at=NOON)
    return only_row()


@DATABASE
def test_a_parked_row_that_is_retried_has_all_its_tries_again() -> None:
    row = parked_row()
    assert WORK.retry(row, at=NOON + LATER)
    assert not WORK.retry(row, at=NOON + LATER), "it is not parked any more"
    assert (only_row().tries, only_row().due_at) == (0, NOON + LATER)
    assert WORK.work_off(done, at=NOON + LATER) == 1


@DATABASE
def test_a_parked_row_that_is_set_aside_is_nobodys_any_more() -> None:
    row = parked_row()
    assert WORK.set_aside(row)
    assert not WORK.set_aside(row)
    assert not WORK.parked_rows().exists()
    assert WORK.claim(at=NOON + timedelta(days=365)) is None


@DATABASE
def test_a_row_cannot_be_parked_and_due() -> None:
    row = parked_row()
    with pytest.raises(IntegrityError), transaction.atomic():
        Segment.objects.filter(pk=row.pk).update(due_at=NOON)


# --- figures ---------------------------------------------------------------------------------------------------------
@DATABASE
def test_figures_tell_what_waits_is_leased_is_parked_and_for_how_long_nobody_came() -> None:
    parked_row()
    Segment.objects.update(first=100)
    assert figures_of(WORK, at=NOON).overdue == timedelta(0)
    put_in_line(3)
    WORK.claim(at=NOON)
    found = figures_of(WORK, at=NOON + 2 * MINUTE)
    assert (found.waiting, found.leased, found.parked, found.overdue) == (2, 1, 1, 2 * MINUTE)
    assert figures_of(WORK, at=NOON - MINUTE).overdue == timedelta(0), "what is not due yet is not overdue"
