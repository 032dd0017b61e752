"""Group commit when something goes wrong: each action is told what became of it, and the others do not notice."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from archive import events, ledger
from archive.leaf import LeafTooLarge
from archive.ledger import group
from archive.models import Checkpoint
from tests.archive.grouping import Action, Unwell, bodies, do, fail, outcomes, say
from tests.archive.samples import ALICE, NOON, record, said

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def time_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that is busy elsewhere a group must not end early for its time."""
    monkeypatch.setattr(group, "GROUP_S", 60.0)


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


def test_a_lone_one_that_fails_leaves_nothing_and_what_it_wanted_done_at_the_commit_is_not_done() -> None:
    """It has no savepoint: what it wrote goes with its transaction, and the next one finds the record as it was."""
    done: list[str] = []

    def write_and_fail() -> ledger.Receipt:
        transaction.on_commit(lambda: done.append("announced"))
        ledger.record(said("taken back"))
        assert Checkpoint.objects.count() == 1  # what was appended is stored by now
        raise Unwell

    with pytest.raises(Unwell):
        do(write_and_fail)
    assert (bodies(), Checkpoint.objects.count(), done) == ([], 0, [])
    assert say("after").seq == 0
    assert ledger.check().is_sound


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


def test_a_fault_of_the_writer_itself_leaves_nobody_waiting_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(group.Group, "tell", lambda group: 1 // 0)
        assert isinstance(outcomes([lambda: say("committed, and the news got lost")])[0], ZeroDivisionError)
    assert say("it goes on").seq == 1


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
