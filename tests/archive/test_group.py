"""Group commit: actions that wait at the same time share one commit; each is told what became of it, and nothing else.

The head's lock is held while actions pile up, so that which of them share a group is not left to chance.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections, transaction

from archive import events, ledger
from archive.leaf import LeafTooLarge
from archive.ledger import group, turns, writer
from archive.ledger.group import GROUP_ACTIONS
from archive.models import Checkpoint, Head, Leaf, Stream
from tests.archive.samples import ALICE, NOON, record, said

pytestmark = pytest.mark.django_db(transaction=True)
Action = Callable[[], Any]


@pytest.fixture(autouse=True)
def time_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that is busy elsewhere a group must not end early for its time."""
    monkeypatch.setattr(group, "GROUP_S", 60.0)


@ledger.action()
def say(body: str, *, stream: str = "conversation:7") -> ledger.Receipt:
    return ledger.record(said(body, stream=stream))


@ledger.action()
def do(action: Action) -> Any:
    return action()


@contextlib.contextmanager
def piling_up(actions: list[Action]) -> Iterator[list[Future[Any]]]:
    """Start each action in a thread of its own, in this order, while the head is locked; let go at the end."""
    with ThreadPoolExecutor(len(actions)) as pool, counted() as submitted:
        with ledger.transaction():
            waiting = []
            for number, action in enumerate(actions, start=1):
                waiting.append(pool.submit(_and_close, action))
                _until(lambda number=number: len(submitted) == number)
        yield waiting


@contextlib.contextmanager
def counted() -> Iterator[list[object]]:
    """Note what is handed to the writer."""
    submit, seen = writer._writer.submit, list[object]()

    def and_note(*args: Any, **kwargs: Any) -> Any:
        job = submit(*args, **kwargs)
        seen.append(job)
        return job

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer._writer, "submit", and_note)
        yield seen


def _until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        threading.Event().wait(0.01)
    pytest.fail("It did not come to that in ten seconds.")


def _and_close(action: Action) -> Any:
    try:
        return action()
    finally:
        connections.close_all()


def outcomes(actions: list[Action]) -> list[Any]:
    """Return what each action returned or raised."""
    with piling_up(actions) as waiting:
        return [future.exception(30) or future.result() for future in waiting]


def bodies() -> list[str]:
    return [str(ledger.open_entry(seq).content["body"]) for seq in range(Leaf.objects.count())]


class Unwell(Exception):
    """An action that fails."""


def fail() -> None:
    ledger.record(said("never"))
    raise Unwell


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


def test_one_that_fails_is_taken_out_alone_and_told_its_own_error() -> None:
    actions: list[Action] = [lambda: say("a"), lambda: do(fail), lambda: say("b"), lambda: do(fail), lambda: say("c")]
    first, second, third, fourth, fifth = outcomes(actions)
    assert [first.seq, third.seq, fifth.seq] == [first.n - 1, third.n - 1, fifth.n - 1] == [0, 1, 2]
    assert isinstance(second, Unwell)
    assert isinstance(fourth, Unwell)
    assert second is not fourth
    assert bodies() == ["a", "b", "c"]
    assert ledger.check().is_sound
    assert Checkpoint.objects.count() == 1


def too_large() -> ledger.Receipt:
    rule = f"rule {'x' * 70_000}"
    return ledger.record(events.SignedIn(stream=f"person:{rule}", actor=ALICE, at=NOON, address="", agent=""))


def other_day() -> ledger.Receipt:
    return ledger.record(said("on a day without a key", at=NOON + timedelta(days=1)))


def lone_surrogate() -> ledger.Receipt:
    return ledger.record(said("half a character: \ud800"))


def test_what_cannot_be_sealed_concerns_one_action_only(settings: Any) -> None:
    record(said("today"), said("tomorrow", at=NOON + timedelta(days=1)))
    (settings.ONRECORD_KEY_DIR / "buckets" / "7y_2026-11-22").rename(settings.ONRECORD_KEY_DIR / "away")
    ledger.head.open_keystore.cache_clear()
    try:
        a, missing, b, surrogate, c = outcomes(
            [lambda: say("a"), lambda: do(other_day), lambda: say("b"), lambda: do(lone_surrogate), lambda: say("c")]
        )
    finally:
        (settings.ONRECORD_KEY_DIR / "away").rename(settings.ONRECORD_KEY_DIR / "buckets" / "7y_2026-11-22")
    assert isinstance(missing, ledger.KeyMissing)
    assert isinstance(surrogate, ledger.NotCanonical)
    assert [receipt.seq for receipt in (a, b, c)] == [2, 3, 4]
    assert ledger.check().is_sound


class Wide(events.Event):
    """So many fields that the commitments alone are larger than a leaf may be."""

    kind = "test.wide"

    def content(self) -> dict[str, events.Json]:
        return {f"field{number}": "" for number in range(1000)}


def test_a_leaf_that_is_too_large_concerns_one_action_only() -> None:
    wide = Wide(stream="conversation:7", actor=ALICE, at=NOON)
    a, refused, b = outcomes([lambda: say("a"), lambda: do(lambda: ledger.record(wide)), lambda: say("b")])
    assert isinstance(refused, LeafTooLarge)
    assert (a.seq, b.seq, b.n) == (0, 1, 2)
    assert ledger.check().is_sound


def test_a_statement_that_the_database_refuses_concerns_one_action_only() -> None:
    def refused() -> None:
        ledger.record(said("never"))
        with connection.cursor() as cursor:
            cursor.execute("SELECT nonsense FROM nowhere")

    _, error, _ = outcomes([lambda: say("a"), lambda: do(refused), lambda: say("b")])
    assert "nowhere" in str(error)
    assert bodies() == ["a", "b"]


def break_a_foreign_key() -> None:
    """Leave a row that only the check at the commit refuses."""
    ledger.record(said("never"))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO archive_document (seq, stream_id, kind, at, actor_id, actor_name, text) "
            "VALUES (999, 'no stream', '', '2026-11-21', '', '', '')"
        )


def test_what_only_the_commit_refuses_costs_the_others_nothing() -> None:
    a, refused, b = outcomes([lambda: say("a"), lambda: do(break_a_foreign_key), lambda: say("b")])
    assert isinstance(refused, IntegrityError)
    assert (a.seq, b.seq) == (0, 1)
    assert bodies() == ["a", "b"]
    assert ledger.check().is_sound


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
    monkeypatch.setattr(writer._writer._waiting, "_limit", 2)
    with ThreadPoolExecutor(4) as pool, counted() as submitted:
        with ledger.transaction():
            waiting = [pool.submit(_and_close, lambda: say("in the writer's hands"))]
            _until(lambda: len(submitted) == 1 and not writer._writer._waiting)
            for number in (1, 2):
                waiting.append(pool.submit(_and_close, lambda number=number: say(f"waiting {number}")))
                _until(lambda number=number: len(writer._writer._waiting) == number)
            with pytest.raises(ledger.TooBusy):
                pool.submit(_and_close, lambda: say("one too many")).result(30)
        assert [future.result(30).seq for future in waiting] == [1, 2, 3]
    assert bodies() == ["first", "in the writer's hands", "waiting 1", "waiting 2"]


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
                busy.append(pool.submit(_and_close, lambda number=number: say(f"{number}")))
                _until(lambda number=number: len(submitted) == number)
            _until(lambda: len(turns._turns._waiting) == 1)
            other = pool.submit(_and_close, lambda: record_slowly("a visitor"))
            _until(lambda: len(turns._turns._waiting) == 2)
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
            _until(lambda number=number: len(line._waiting) == number + 1)
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
    _until(lambda: seen[0].connection is None)
    assert say("after the rest").seq == 0


def test_streams_end_where_the_record_says() -> None:
    outcomes([lambda i=i: say(f"{i}", stream=f"conversation:{i % 2}") for i in range(6)])
    ends = dict(Stream.objects.values_list("name", "n"))
    assert ends == {"conversation:0": 3, "conversation:1": 3}


@pytest.mark.backend("postgres")
def test_a_connection_that_is_lost_half_way_costs_the_others_nothing() -> None:
    lost: list[int] = []

    def lose_once() -> ledger.Receipt:
        receipt = ledger.record(said("lost once"))
        if not lost:
            lost.append(receipt.seq)
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return receipt

    a, b, c = outcomes([lambda: say("a"), lambda: do(lose_once), lambda: say("c")])
    assert sorted([a.seq, b.seq, c.seq]) == [0, 1, 2]
    assert sorted(bodies()) == ["a", "c", "lost once"]
    assert ledger.check().is_sound


@pytest.mark.backend("postgres")
def test_a_commit_whose_answer_never_came_is_told_as_in_doubt_to_everybody() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE deadly (n int)")
        cursor.execute(
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$"
        )
        cursor.execute(
            "CREATE CONSTRAINT TRIGGER deadly AFTER INSERT ON deadly DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION die()"
        )
    try:
        a, b, c = outcomes([lambda: say("a"), lambda: do(die_at_the_commit), lambda: say("c")])
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE deadly")
            cursor.execute("DROP FUNCTION die")
    assert [type(outcome) for outcome in (a, b, c)] == [ledger.OutcomeUnknown] * 3
    assert a is not c
    assert say("it goes on").seq == 0
    assert ledger.check().is_sound


def die_at_the_commit() -> None:
    ledger.record(said("never"))
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO deadly VALUES (1)")


async def test_an_event_loop_waits_without_a_thread_and_what_follows_the_commit_happens_though_nobody_waits() -> None:
    heard = threading.Event()

    def announce() -> ledger.Receipt:
        transaction.on_commit(heard.set)
        return ledger.record(said("announced"))

    receipt = await ledger.act(lambda: ledger.record(said("one")), name="say", lane=7)
    assert receipt.seq == 0
    waiting = asyncio.ensure_future(ledger.act(announce, name="announce", lane=7))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await asyncio.to_thread(heard.wait, 10)
    assert await asyncio.to_thread(_and_close, bodies) == ["one", "announced"]
