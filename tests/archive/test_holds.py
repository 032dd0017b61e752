"""Legal holds: what they cover outlives its term and every erasure, and a release by itself destroys nothing."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

import pytest
from django.conf import settings as django_settings
from django.db import connection
from pytest_django import Settings

from archive import holds, ledger, retention
from archive.events import HOLDS_STREAM, HoldReleased
from archive.keys import KeyMissing, open_keystore
from archive.models import Document, RecordKey, Stream
from archive.retention import disposing
from tests.archive.disposals import CARL, CORA, NEXT_DAY, OLD, TERM_OVER, bodies, dispose, erase, say
from tests.archive.samples import ALICE, BOB, record, signed_in

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")
LONG_AFTER = TERM_OVER + timedelta(days=400)


def place(**scope: object) -> holds.Hold:
    asked = holds.Scope(**scope)  # type: ignore[arg-type]  # each test gives fields of the scope
    return holds.place(asked, matter="A v B", reason="letter of 3 May", by=CARL, at=NEXT_DAY)


def release(hold: holds.Hold) -> None:
    holds.release(hold.n, reason="settled", asked_by=CARL, approved_by=CORA, at=TERM_OVER)


def key_names() -> dict[int, str]:
    return dict(RecordKey.objects.values_list("seq", "bucket"))


def test_what_is_held_outlives_its_term_and_the_key_of_its_bucket() -> None:
    seqs = say("held", "not held")
    hold = place(entries=((seqs[0], seqs[0]),))
    assert is_under_key_of(hold, seqs[:1])
    done = dispose()
    assert (bodies(seqs), done.held) == (["held", None], {hold.n: 1})
    open_keystore.cache_clear()
    assert bodies(seqs) == ["held", None]
    assert ledger.check().disposed == 1


def test_not_even_the_loss_of_the_buckets_key_takes_what_is_held() -> None:
    seqs = say("held", "not held")
    [name] = set(key_names().values())
    place(entries=((seqs[0], seqs[0]),))
    path = django_settings.ONRECORD_KEY_DIR / "buckets" / name.replace("/", "_")
    kept = path.read_bytes()
    path.unlink()
    open_keystore.cache_clear()
    try:
        assert bodies(seqs[:1]) == ["held"]
        with pytest.raises(KeyMissing):
            ledger.open_entry(seqs[1])
    finally:
        path.write_bytes(kept)
        open_keystore.cache_clear()


def is_under_key_of(hold: holds.Hold, seqs: list[int]) -> bool:
    """Of the hold's own, or a later one where another test's hold of this number has had its key destroyed."""
    return {key_names()[seq].partition(".")[0] for seq in seqs} == {hold.key_name}


@pytest.mark.parametrize(
    ("scope", "kept"),
    [
        ({"streams": ("conversation:7",)}, {"alice in 7", "bob in 7", "alice in 7, next day"}),
        ({"actors": ("person:1",)}, {"alice in 7", "alice in 8", "alice in 7, next day"}),
        ({"actors": ("person:1",), "since": NEXT_DAY}, {"alice in 7, next day"}),
        ({"streams": ("conversation:7",), "until": NEXT_DAY}, {"alice in 7", "bob in 7"}),
        ({"streams": ("conversation:9",)}, set()),
    ],
)
def test_a_hold_covers_streams_and_people_between_two_times(scope: dict[str, object], kept: set[str]) -> None:
    said = [
        *say("alice in 7"),
        *say("bob in 7", actor=BOB),
        *say("alice in 8", stream="conversation:8"),
        *say("alice in 7, next day", at=NEXT_DAY),
    ]
    place(**scope)
    dispose(LONG_AFTER)
    assert {body for body in bodies(said) if body} == kept
    assert ledger.check().is_sound


def test_what_is_said_after_the_hold_is_held_too() -> None:
    hold = place(streams=("conversation:7",))
    seqs = say("said later")
    assert bodies(seqs) == ["said later"]
    assert not key_names()[seqs[0]].startswith("hold/")
    assert holds.protect_held() == 1
    assert is_under_key_of(hold, seqs)
    more = say("after the sweep")
    assert dispose().count == 0
    assert bodies([*seqs, *more]) == ["said later", "after the sweep"]


@pytest.mark.breaks_the_record
def test_a_person_is_held_though_the_search_rows_forget_them_and_for_acts_without_words() -> None:
    seqs = say("alice")
    [sign_in] = record(signed_in(actor=BOB, at=OLD))
    place(actors=(ALICE.id, BOB.id))
    Document.objects.all().delete()
    assert retention.preview_expired(TERM_OVER).count == 0
    assert (bodies(seqs), ledger.open_entry(sign_in.seq).content["address"]) == (["alice"], "192.0.2.7")


@pytest.mark.breaks_the_record
@pytest.mark.parametrize("renamed", ["conversation:7", "holds"])
def test_a_stream_that_is_renamed_in_the_database_stays_held(renamed: str) -> None:
    """The app's role may write to the rows of streams, the evidence stands in the leaves: id, time, and the hold."""
    seqs = say("alice")
    place(streams=("conversation:7",))
    Stream.objects.filter(name=renamed).update(name="something else")
    assert (retention.preview_expired(TERM_OVER).count, dispose().count) == (0, 0)
    Stream.objects.filter(name="something else").update(name=renamed)
    assert bodies(seqs) == ["alice"]


def test_overlapping_holds_each_keep_it_and_only_the_last_release_lets_it_go() -> None:
    seqs = say("under two holds")
    first, second = place(streams=("conversation:7",)), place(actors=("person:1",))
    assert holds.held_among(seqs) == {seqs[0]: [first.n, second.n]}
    for hold in (first, second):
        assert dispose().count == 0
        release(hold)
        assert bodies(seqs) == ["under two holds"]
    assert dispose().count == 1
    assert bodies(seqs) == [None]
    assert ledger.check().is_sound


def test_a_hold_keeps_an_erasure_away(settings: Settings) -> None:
    settings.ONRECORD_ERASURE_FLOOR_YEARS = 0
    seqs = say("held", "not held")
    hold = place(entries=((seqs[0], seqs[0]),))
    with pytest.raises(retention.DisposalRefused, match=f"hold {hold.n} covers them"):
        erase((seqs[0], seqs[0]))
    done = erase((seqs[0], seqs[1]))
    assert (done.count, done.held, bodies(seqs)) == (1, {hold.n: 1}, ["held", None])


def test_a_released_hold_frees_what_lies_under_its_key_beside_what_another_holds() -> None:
    seqs = say("only the first", "both")
    first = place(entries=((seqs[0], seqs[1]),))
    second = place(entries=((seqs[1], seqs[1]),))
    release(first)
    done = dispose()
    assert (len(done.keys), done.held) == (1, {second.n: 1})
    assert done.keys[0].startswith(first.key_name)
    assert bodies(seqs) == [None, "both"]
    assert ledger.check().is_sound


def test_a_large_hold_is_put_under_its_key_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holds, "BATCH", 4)
    seqs = say(*(f"message {i}" for i in range(10)))
    progress: list[int] = []
    hold = holds.place(
        holds.Scope(streams=("conversation:7",)),
        matter="A v B",
        reason="letter",
        by=CARL,
        at=NEXT_DAY,
        on_progress=progress.append,
    )
    assert is_under_key_of(hold, seqs)
    assert progress == [4, 8, 10]
    assert holds.count_held(hold) == 10


def test_holds_are_read_back_as_they_were_placed() -> None:
    scope = {"streams": ("conversation:7",), "entries": ((1, 4),), "since": OLD, "until": NEXT_DAY}
    hold = place(**scope)
    assert holds.active_holds() == [hold]
    release(hold)
    assert holds.active_holds() == []


@pytest.mark.parametrize(
    "scope",
    [
        {},
        {"streams": ("a",), "since": OLD.replace(tzinfo=None)},
        {"streams": ("a",), "since": NEXT_DAY, "until": OLD},
        {"streams": ("a",), "since": OLD, "until": OLD},
        {"streams": ("a", " ")},
        {"actors": ("",)},
        {"entries": tuple((i, i) for i in range(0, 500, 2))},
        {"entries": ((1, 2), (5, 3))},
        {"entries": ((-1, 4),)},
    ],
)
def test_a_hold_that_covers_nothing_or_could_not_be_read_back_is_refused(scope: dict[str, object]) -> None:
    with pytest.raises(holds.BadHold):
        place(**scope)
    assert ledger.is_empty()


def test_a_hold_placed_in_the_middle_of_a_disposal_keeps_what_is_still_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disposing, "BATCH", 2)
    seqs = say(*(f"message {i}" for i in range(6)))
    placed: list[holds.Hold] = []

    def place_once(_done: int) -> None:
        if not placed:
            placed.append(place(streams=("conversation:7",)))

    done = retention.dispose_expired(
        reason="term over", asked_by=CARL, approved_by=CORA, at=TERM_OVER, on_progress=place_once
    )
    assert (done.count, bodies(seqs)) == (2, [None, None, *(f"message {i}" for i in range(2, 6))])
    assert len(done.keys) == 1
    open_keystore.cache_clear()
    assert bodies(seqs)[2:] == [f"message {i}" for i in range(2, 6)]
    report = ledger.check()
    assert (report.is_sound, report.disposed) == (True, 2)


def test_a_release_takes_two_people_and_a_hold_in_force() -> None:
    hold = place(streams=("conversation:7",))
    for n, approved_by, reason in ((hold.n, CARL, "alone"), (hold.n + 1, CORA, "none such"), (hold.n, CORA, " ")):
        with pytest.raises(holds.BadHold):
            holds.release(n, reason=reason, asked_by=CARL, approved_by=approved_by, at=TERM_OVER)
    assert holds.active_holds() == [hold]


def test_an_entry_by_which_one_person_released_a_hold_releases_nothing() -> None:
    """Written past release(), by somebody who can run our code: the format says that it is not valid."""
    hold = place(streams=("conversation:7",))
    alone = {"hold": hold.n, "reason": "alone", "asked_by": CARL, "approved_by": CARL}
    record(HoldReleased(stream=HOLDS_STREAM, actor=CARL, at=TERM_OVER, **alone))  # type: ignore[arg-type]
    assert holds.active_holds() == [hold]


# rule: us-finra-4511-retention
def test_in_whatever_order_holds_and_disposals_come_nothing_held_is_lost_and_nothing_else_stays() -> None:
    dice = random.Random(20261121)
    streams = {seq: stream for stream in ("conversation:1", "conversation:2", "conversation:3")
               for seq in say("a", "b", stream=stream)}  # fmt: skip
    alive, held = set(streams), dict[int, str]()
    for step in range(40):
        act = dice.choice(("place", "release", "sweep", "dispose", "say"))
        stream = f"conversation:{dice.randrange(1, 4)}"
        if act == "place":
            held[place(streams=(stream,)).n] = stream
        elif act == "release" and held:
            release(next(hold for hold in holds.active_holds() if hold.n == dice.choice(sorted(held))))
            held = {hold.n: hold.scope.streams[0] for hold in holds.active_holds()}
        elif act == "sweep":
            holds.protect_held()
        elif act == "say":
            streams |= dict.fromkeys(new := say(f"step {step}", stream=stream), stream)
            alive |= set(new)
        elif act == "dispose":
            dispose()
            alive = {seq for seq in alive if streams[seq] in held.values()}
        opening = {seq for seq in streams if ledger.open_entry(seq).disposed_by is None}
        assert opening == alive, f"step {step}, {act}"
    assert len(alive) < len(streams)


# rule: us-finra-4511-retention
def test_a_hold_and_a_disposal_at_the_same_moment_agree_on_who_was_first() -> None:
    """I10: what a hold covers is gone only where the disposal stands before the hold in the record."""
    lost = []
    for number in range(6):
        [seq] = say(f"message {number}")
        with ThreadPoolExecutor(max_workers=2) as pool:
            placing = pool.submit(in_thread, lambda: place(entries=((seq, seq),)))  # noqa: B023 (runs before the next)
            disposal = pool.submit(in_thread, dispose)
            placing.result(timeout=60)
            disposal.result(timeout=60)
        hold = ledger.find_entry(HOLDS_STREAM, placing.result().n)
        gone_by = ledger.open_entry(seq).disposed_by
        if gone_by is not None and gone_by > hold.seq:
            lost.append(seq)
    assert lost == []
    assert ledger.check().is_sound


def in_thread(act: Callable[[], T]) -> T:
    try:
        return act()
    finally:
        connection.close()
