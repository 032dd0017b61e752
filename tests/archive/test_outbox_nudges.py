"""Nudges: told after the commit and never before, once a transaction, and nothing that goes wrong with them is felt."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import transaction

from archive import ledger
from archive.outbox import NUDGES_LOST, nudges, registered
from messenger.celery import app
from tests.archive.outboxes import NOON, WORK, put_in_line

committed = pytest.mark.django_db(transaction=True)


class Failing(Exception):
    """Something fails, whether it is an act or who carries nudges."""


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(nudges, "_tell", names.append)
    return names


def put_and_fail() -> None:
    """Put something in, in a transaction or savepoint that comes to nothing."""
    with transaction.atomic():
        WORK.nudge()
        raise Failing


@pytest.fixture
def nobody_carries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(_name: str) -> None:
        raise Failing

    monkeypatch.setattr(nudges, "_tell", refuse)
    before = NUDGES_LOST[WORK.name]
    yield
    assert NUDGES_LOST[WORK.name] == before + 1, "it is counted"


@committed
def test_a_hundred_puts_in_a_transaction_are_one_nudge_after_its_commit(told: list[str]) -> None:
    with transaction.atomic():
        for _ in range(100):
            WORK.nudge()
        nudges.nudge("another")
        assert told == []
    assert told == [WORK.name, "another"]
    with transaction.atomic():
        WORK.nudge()
    assert told == [WORK.name, "another", WORK.name], "the next transaction has its own"


@committed
def test_what_is_rolled_back_nudges_nobody(told: list[str]) -> None:
    with pytest.raises(Failing):
        put_and_fail()
    assert told == []


@committed
def test_a_savepoint_that_is_rolled_back_takes_its_own_nudge_and_no_other(told: list[str]) -> None:
    with transaction.atomic():
        with pytest.raises(Failing):
            put_and_fail()
        with transaction.atomic():
            WORK.nudge()
        with pytest.raises(Failing):
            put_and_fail()
    assert told == [WORK.name]
    with transaction.atomic(), pytest.raises(Failing):
        put_and_fail()
    assert told == [WORK.name]


@committed
def test_an_action_of_the_writer_nudges_once_it_is_committed(told: list[str]) -> None:
    ended: list[list[str]] = []

    @ledger.action()
    def put() -> None:
        put_in_line(1)
        ledger.record_heads(NOON)
        WORK.nudge()
        ended.append(list(told))

    put()
    assert (ended, told) == ([[]], [WORK.name])


@committed
def test_a_carrier_that_is_broken_costs_neither_commit_nor_answer(nobody_carries: None) -> None:
    with transaction.atomic():
        put_in_line(1)
        WORK.nudge()
    assert WORK.claim(at=NOON) is not None, "the sweep finds it"


@committed
@pytest.mark.usefixtures("nobody_carries")
def test_outside_a_transaction_it_is_told_at_once_and_may_fail_too() -> None:
    WORK.nudge()


@committed
def test_parked_work_that_is_tried_again_is_nudged(told: list[str]) -> None:
    put_in_line(1)
    row = WORK.claim(at=NOON)
    assert row is not None
    with transaction.atomic():
        WORK.park(row, failure="no disk", at=NOON)
    assert told == []
    assert WORK.retry(row, at=NOON)
    assert told == [WORK.name]
    assert not WORK.retry(row, at=NOON)
    assert told == [WORK.name], "nothing was put in line"


def test_every_outbox_is_looked_through_by_a_task_of_the_schedule() -> None:
    app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    tasks = {box.name: box.task for box in registered()}
    assert len(tasks) == 6
    assert {name: task for name, task in tasks.items() if task not in scheduled or task not in app.tasks} == {}
