"""The writer when something around it fails: no thread is to be had, its connection hangs, the database is away."""

import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from archive import ledger
from archive.ledger import writer
from tests.archive.grouping import and_close, bodies, counted, do, outcomes, say, until
from tests.archive.test_group_outage import end_every_other_connection

pytestmark = pytest.mark.django_db(transaction=True)
ANSWER_S = 30


def no_thread(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_an_action_for_which_no_thread_was_to_be_had_is_not_done_later(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.stop_writer()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(RuntimeError, match="new thread"):
            say("told that it failed")
        ledger.stop_writer()  # there is none to wait for
    assert ledger.waiting() == 0
    assert say("the next").seq == 0
    assert bodies() == ["the next"]


def test_who_comes_while_a_connection_is_given_back_does_not_wait_for_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """Giving a connection to a vanished server back may take long, and event loops hand actions in too."""
    monkeypatch.setattr(writer, "IDLE_S", 0.05)
    ledger.stop_writer()
    closing, may_go_on, close = threading.Event(), threading.Event(), BaseDatabaseWrapper.close

    def close_slowly(wrapper: BaseDatabaseWrapper) -> None:
        if threading.current_thread().name == "record-writer":
            closing.set()
            may_go_on.wait(ANSWER_S)
        close(wrapper)

    with ThreadPoolExecutor(1) as pool, counted() as submitted:
        pool.submit(and_close, lambda: say("one")).result(ANSWER_S)
        with monkeypatch.context() as patch:
            patch.setattr(BaseDatabaseWrapper, "close", close_slowly)
            assert closing.wait(ANSWER_S)
            second = pool.submit(say, "two")
            try:
                until(lambda: len(submitted) == 2)
                assert ledger.waiting() == 1
            finally:
                may_go_on.set()
            assert second.result(ANSWER_S).seq == 1
        pool.submit(connections.close_all).result(ANSWER_S)


@pytest.mark.backend("sqlite")
def test_all_who_wait_while_the_database_is_away_hear_of_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program keeps SQLite's write lock for longer than we wait for it."""
    timeout_s = 1.0
    ledger.stop_writer()
    monkeypatch.setitem(connections.settings["default"]["OPTIONS"], "timeout", timeout_s)
    other = sqlite3.connect(str(connection.settings_dict["NAME"]), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    try:
        with ThreadPoolExecutor(5) as pool:
            waiting = [pool.submit(failure_of, partial(say, f"{n}")) for n in range(5)]
            told = [future.result(ANSWER_S) for future in waiting]
    finally:
        other.execute("ROLLBACK")
        other.close()
        ledger.stop_writer()
    assert [type(error) for error, _ in told] == [ledger.NotRecorded] * 5
    assert len({id(error) for error, _ in told}) == 5, "each has a traceback of their own"
    assert max(at for _, at in told) - began < 2 * timeout_s, "they were told one after the other, or after two tries"
    assert bodies() == []


def failure_of(action: Callable[[], Any]) -> tuple[BaseException | None, float]:
    try:
        and_close(action)
    except Exception as error:  # noqa: BLE001  # it is what the test asks for
        return error, time.monotonic()
    return None, time.monotonic()


@pytest.mark.backend("postgres")
def test_a_connection_that_was_ended_while_nobody_looked_costs_a_second_try_and_no_failure() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(and_close, lambda: say("before")).result(ANSWER_S).seq == 0
        end_every_other_connection()
        assert pool.submit(and_close, lambda: say("after")).result(ANSWER_S).seq == 1


@pytest.mark.parametrize("lost", [OperationalError, InterfaceError])
def test_an_action_that_the_database_cannot_keep_is_told_so_and_may_be_asked_again(lost: type[Exception]) -> None:
    def refused() -> None:
        raise lost("no space left on device")

    [error] = outcomes([lambda: do(refused)])
    assert type(error) is ledger.NotRecorded
    assert str(error) == "no space left on device"
    assert say("there is room again").seq == 0
