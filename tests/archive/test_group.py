"""Group commit: actions that wait at the same time share one commit, and each is told only once that stands."""

import contextlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from itertools import count
from typing import Any

import pytest
from django.db import connections, transaction

from archive import ledger
from archive.ledger import group, turns, writer
from archive.ledger.fairness import FairQueue, QueueFull
from archive.ledger.group import GROUP_ACTIONS
from archive.models import Checkpoint, Head, Leaf, Stream
from tests.archive.grouping import Unwell, and_close, bodies, counted, do, fail, outcomes, piling_up, say, until
from tests.archive.samples import record, said

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def time_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that is busy elsewhere a group must not end early for its time."""
    monkeypatch.setattr(group, "GROUP_S", 60.0)


def test_actions_that_wait_at_the_same_time_share_one_commit_and_one_checkpoint() -> None:
    record(said("first"))
    receipts = outcomes([lambda i=i: say(f"{i}", stream=f"conversation:{i % 3}") for i in range(12)])
    assert [receipt.seq for receipt in receipts] == list(range(1, 13))
    assert [receipt.n for receipt in receipts if receipt.stream == "conversation:1"] == [1, 2, 3, 4]
    assert list(Checkpoint.objects.order_by("size").values_list("size", flat=True)) == [1, 13]
    assert ledger.check() == ledger.CheckReport(size=13, is_sound=True, problems=[])


def test_a_lone_action_waits_for_nobody() -> None:
    assert [say("one").seq, say("two").seq] == [0, 1]
    assert Checkpoint.objects.count() == 2


def test_the_commit_is_announced_once_to_each_by_its_own_thread_and_not_after_a_failure() -> None:
    heard: list[tuple[str, str, int]] = []

    def act(name: str, *, is_failing: bool = False) -> str:
        threading.current_thread().name = name
        do(lambda: announce(name, is_failing))
        return name

    def announce(name: str, is_failing: bool) -> None:
        ledger.record(said(name))
        transaction.on_commit(lambda: heard.append((name, threading.current_thread().name, Leaf.objects.count())))
        if is_failing:
            raise Unwell

    a, failed, b = outcomes([lambda: act("a"), lambda: act("failed", is_failing=True), lambda: act("b")])
    assert (a, type(failed), b) == ("a", Unwell, "b")
    assert sorted(heard) == [("a", "a", 2), ("b", "b", 2)]


def test_a_callback_that_fails_is_its_own_callers_affair() -> None:
    def act() -> None:
        ledger.record(said("b"))
        transaction.on_commit(lambda: 1 // 0)

    a, error, c = outcomes([lambda: say("a"), lambda: do(act), lambda: say("c")])
    assert isinstance(error, ZeroDivisionError)
    assert (a.seq, c.seq) == (0, 2)
    assert bodies() == ["a", "b", "c"]


WHO: ContextVar[str] = ContextVar("who", default="nobody")


def test_an_action_runs_in_the_context_of_who_asked() -> None:
    def act(name: str) -> Any:
        WHO.set(name)
        return do(WHO.get)

    assert outcomes([lambda: act("alice"), lambda: act("bob")]) == ["alice", "bob"]


def test_inside_a_transaction_an_action_is_a_part_of_it() -> None:
    with transaction.atomic():
        assert say("gone with the rest").seq == 0
        transaction.set_rollback(True)
    assert Leaf.objects.count() == 0
    with ledger.transaction():
        assert [say("one").seq, say("two").seq] == [0, 1]
        with contextlib.suppress(Unwell):
            do(fail)
        assert say("three").seq == 2
    assert bodies() == ["one", "two", "three"]
    assert Checkpoint.objects.count() == 1


def test_more_than_may_wait_are_turned_away_and_nothing_of_them_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    say("first")
    monkeypatch.setattr(writer._writer._waiting, "_limit", 3)  # places, of which one lane leaves the last to others
    with ThreadPoolExecutor(4) as pool, counted() as submitted:
        with ledger.transaction():
            waiting = [pool.submit(and_close, lambda: say("in the writer's hands"))]
            until(lambda: len(submitted) == 1 and not writer._writer._waiting)
            for number in (1, 2):
                waiting.append(pool.submit(and_close, lambda number=number: say(f"waiting {number}")))
                until(lambda number=number: len(writer._writer._waiting) == number)
            with pytest.raises(ledger.TooBusy):
                pool.submit(and_close, lambda: say("one too many")).result(30)
            waiting.append(pool.submit(and_close, lambda: do(lambda: ledger.record(said("of another lane")))))
            until(lambda: len(writer._writer._waiting) == 3)
        assert sorted(future.result(30).seq for future in waiting) == [1, 2, 3, 4]
    assert bodies() == ["first", "in the writer's hands", "waiting 1", "of another lane", "waiting 2"]


def test_a_flood_in_some_lanes_leaves_room_for_every_other_one() -> None:
    queue: FairQueue[int] = FairQueue(limit=100)

    def flood(lane: int) -> int:
        for taken in count():
            try:
                queue.put(taken, lane=lane)
            except QueueFull:
                return taken
        raise AssertionError("count() has an end")

    assert flood(1) == 51
    assert flood(2) == 24
    assert [flood(lane) for lane in range(3, 3 + 25)] == [1] * 25, "the last quarter: one each for whom nothing waits"
    assert (flood(28), len(queue)) == (0, 100)
    served = [queue.take() for _ in range(27)]
    assert served == [0] * 27, "one of each lane"
    assert flood(28) == 2


def test_what_is_called_at_a_commit_may_begin_a_transaction_of_its_own() -> None:
    def act() -> None:
        with ledger.transaction():
            ledger.record(said("one"))
            transaction.on_commit(lambda: record_slowly("two"))

    thread = threading.Thread(target=and_close, args=(act,), daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), "it waits for itself"
    assert bodies() == ["one", "two"]


def test_a_crowd_is_served_in_groups_of_a_bounded_size() -> None:
    many = GROUP_ACTIONS + 10
    receipts = outcomes([lambda i=i: say(f"{i}") for i in range(many)])
    assert [receipt.seq for receipt in receipts] == list(range(many))
    sizes = list(Checkpoint.objects.order_by("size").values_list("size", flat=True))
    assert max(b - a for a, b in zip([0, *sizes], sizes, strict=False)) <= GROUP_ACTIONS
    assert len(sizes) < many / 4


def test_a_group_that_takes_its_time_is_committed_before_the_next_one_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "GROUP_S", 0.0)
    outcomes([lambda i=i: say(f"{i}") for i in range(4)])
    assert list(Checkpoint.objects.order_by("size").values_list("size", flat=True)) == [1, 2, 3, 4]


def test_who_waits_for_the_head_beside_a_busy_writer_comes_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "GROUP_S", 0.0)
    with ThreadPoolExecutor(4) as pool, counted() as submitted:
        with ledger.transaction():
            busy = []
            for number in (1, 2, 3):
                busy.append(pool.submit(and_close, lambda number=number: say(f"{number}")))
                until(lambda number=number: len(submitted) == number)
            until(lambda: len(turns._turns._waiting) == 1)
            other = pool.submit(and_close, lambda: record_slowly("a visitor"))
            until(lambda: len(turns._turns._waiting) == 2)
        assert other.result(30).seq == 1
        assert [future.result(30).seq for future in busy] == [0, 2, 3]


def record_slowly(body: str) -> ledger.Receipt:
    with ledger.transaction():
        return ledger.record(said(body))


def test_turns_are_taken_in_the_order_of_coming() -> None:
    line, order = turns.Turns(), list[int]()

    def come(number: int) -> None:
        line.take()
        order.append(number)
        line.give_on()

    line.take()
    with ThreadPoolExecutor(5) as pool:
        for number in range(5):
            pool.submit(come, number)
            until(lambda number=number: len(line._waiting) == number + 1)
        line.give_on()
    assert order == list(range(5))
    line.take()


def test_what_a_process_remembers_counts_for_the_very_same_tree_only() -> None:
    say("one")
    say("two")
    frontier = bytes(Head.objects.get().frontier)
    Head.objects.update(frontier=bytes(32))
    with pytest.raises(ledger.ForeignRecord, match="record check"):
        say("on a tree that nobody signed")
    Head.objects.update(frontier=frontier)
    assert say("three").seq == 2


def test_a_slow_action_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    do(lambda: threading.Event().wait(0.3))
    assert "slow_action" in caplog.text


def test_the_writer_ends_what_was_begun_and_starts_again() -> None:
    with piling_up([lambda i=i: say(f"{i}") for i in range(5)]) as waiting:
        ledger.stop_writer()
        assert [future.result(30).seq for future in waiting] == list(range(5))
    assert writer._writer._thread is None
    assert say("again").seq == 5


def test_the_writer_gives_its_connection_back_when_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "IDLE_S", 0.05)
    ledger.stop_writer()
    seen: list[Any] = []
    do(lambda: seen.append(connections["default"]))
    assert seen[0] is not connections["default"]
    until(lambda: seen[0].connection is None)
    assert say("after the rest").seq == 0


def test_streams_end_where_the_record_says() -> None:
    outcomes([lambda i=i: say(f"{i}", stream=f"conversation:{i % 2}") for i in range(6)])
    ends = dict(Stream.objects.values_list("name", "n"))
    assert ends == {"conversation:0": 3, "conversation:1": 3}


def test_who_hands_an_action_in_hears_of_it_in_the_writers_thread_after_what_follows_the_commit() -> None:
    heard: queue.Queue[object] = queue.Queue()

    def announce() -> int:
        transaction.on_commit(lambda: heard.put("followed"))
        return ledger.record(said("one")).seq

    def fail() -> int:
        ledger.record(said("taken back"))
        raise ZeroDivisionError

    def note(outcome: Callable[[], int]) -> None:
        try:
            heard.put((outcome(), threading.current_thread().name))
        except ZeroDivisionError as error:
            heard.put(error)

    ledger.hand_in(announce, name="announce", lane=7, then=note)
    assert heard.get(timeout=10) == "followed"
    assert heard.get(timeout=10) == (0, "record-writer")
    ledger.hand_in(fail, name="fail", lane=7, then=note)
    assert isinstance(heard.get(timeout=10), ZeroDivisionError)
    assert bodies() == ["one"]


def test_an_action_inside_the_writers_own_thread_is_refused_for_it_would_wait_for_ever() -> None:
    heard: queue.Queue[object] = queue.Queue()

    def follow(outcome: Callable[[], int]) -> None:
        outcome()
        try:
            heard.put(say("never"))
        except RuntimeError as error:
            heard.put(error)

    ledger.hand_in(lambda: ledger.record(said("one")).seq, name="say", lane=7, then=follow)
    assert isinstance(heard.get(timeout=10), RuntimeError)
    assert say("another").seq == 1
