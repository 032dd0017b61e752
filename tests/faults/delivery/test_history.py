"""The history checker: a history that holds is passed, and each planted fault is found by its rule."""

from typing import Any

import pytest

from tests.faults.delivery.history import Limits, Line, Stored, judge
from tests.faults.delivery.planted import PLANTS, missed_plants

ALICE, BOB = 1, 2
MESSAGES = 6


def a_good_history() -> tuple[list[Line], Stored]:
    """Alice says six things, with a crash before the fourth; she and Bob read along."""
    log: list[Line] = [_line(0, "began", reader=name, person=person, c=7, after=1) for name, person in READERS]
    log.append(_line(2.5, "fault", what="kill"))
    log.append(_line(2.9, "healed", what="kill"))
    stored = Stored(signed_size=1000)
    stored.stays = [{"c": 7, "person": person, "from_n": 1, "until_n": None} for _, person in READERS]
    _store(stored, n=1, kind="conversation.created", key="", body="")
    for number in range(MESSAGES):
        place = {"c": 7, "n": number + 2, "seq": 100 + 10 * (number + 2)}
        words = {"key": f"key {number}", "body": f"words {number}"}
        log.append(_line(number, "sent", who="alice", person=ALICE, c=7, **words))
        log.append(_line(number, "acked", who="alice", key=words["key"], **place))
        heard = {"kind": "message.created", "author": ALICE, **place, **words}
        log += [_line(number, "received", reader=name, **heard) for name, _ in READERS]
        _store(stored, n=number + 2, kind="message.created", **words)
        stored.messages.append(place | words | {"person": ALICE})
    log += [_line(9, "finished", reader=name) for name, _ in READERS]
    return log, stored


READERS = (("alice's phone", ALICE), ("bob's desk", BOB))


def _line(t: float, event: str, **fields: Any) -> Line:
    return {"t": float(t), "event": event, **fields}


def _store(stored: Stored, *, n: int, kind: str, key: str, body: str) -> None:
    stored.events.append({"c": 7, "n": n, "seq": 100 + 10 * n, "kind": kind})
    stored.entries.append(
        {"seq": 100 + 10 * n, "stream": "conversation:7", "n": n, "kind": kind, "key": key, "body": body}
    )


def test_a_history_that_holds_is_passed() -> None:
    verdict = judge(*a_good_history())
    assert verdict.faults == []
    assert (verdict.counts["acked"], verdict.counts["received"]) == (MESSAGES, 2 * MESSAGES)


def test_each_planted_fault_is_found_by_its_rule() -> None:
    assert len(PLANTS) == 16
    assert missed_plants(*a_good_history()) == []


def test_what_an_ended_session_hears_later_is_a_leak() -> None:
    log, stored = a_good_history()
    log.append(_line(9, "revoked", person=BOB, stream="person:2", kind="session.ended", readers=["bob's desk"]))
    log.append(_line(9.5, "closed", reader="bob's desk", code=4001))
    ended = {"seq": 135, "stream": "person:2", "n": 1, "kind": "session.ended", "key": "", "body": ""}
    verdict = judge(log, Stored(**{**vars(stored), "entries": [*stored.entries, ended]}))
    assert verdict.broken == {"I7"}
    ended["seq"] = 999
    assert judge(log, Stored(**{**vars(stored), "entries": [*stored.entries, ended]})).faults == []
    late = Limits(close_s=0.4)
    assert judge(log, Stored(**{**vars(stored), "entries": [*stored.entries, ended]}), late).broken == {"I7"}


def test_a_later_end_of_another_session_does_not_excuse_what_was_heard_after_ones_own() -> None:
    log, stored = a_good_history()
    log.append(_line(9.5, "closed", reader="bob's desk", code=4001))
    ends = [
        {"seq": seq, "stream": "person:2", "n": 1, "kind": "session.ended", "key": "", "body": ""}
        for seq in (5, 135, 999)
    ]
    stored.entries += ends
    mine = {"person": BOB, "stream": "person:2", "kind": "session.ended", "readers": ["bob's desk"]}
    assert judge([*log, _line(9, "revoked", **mine, after=5)], stored).broken == {"I7"}
    assert judge([*log, _line(9, "revoked", **mine, after=135)], stored).faults == []


def test_a_revocation_that_the_record_does_not_have_is_named() -> None:
    log, stored = a_good_history()
    log.append(_line(9, "revoked", person=BOB, stream="person:2", kind="session.ended", readers=["bob's desk"]))
    assert judge(log, stored).broken == {"I7"}


def test_a_close_before_the_revocation_is_none_after_it_and_nobody_is_welcomed_again() -> None:
    log, stored = a_good_history()
    ended = {"seq": 999, "stream": "person:2", "n": 1, "kind": "session.ended", "key": "", "body": ""}
    stored.entries.append(ended)
    log.append(_line(1, "closed", reader="bob's desk", code=1006))
    log.append(_line(2, "connected", reader="bob's desk"))
    log.append(_line(9, "revoked", person=BOB, stream="person:2", kind="session.ended", readers=["bob's desk"]))
    assert judge(log, stored).broken == {"I7"}
    log.append(_line(9.5, "closed", reader="bob's desk", code=4001))
    assert judge(log, stored).faults == []
    log.append(_line(11, "connected", reader="bob's desk"))
    assert judge(log, stored).broken == {"I7"}


def test_what_is_heard_late_is_named_where_a_run_has_a_limit() -> None:
    log, stored = a_good_history()
    log.sort(key=lambda line: line["t"])
    slow = next(line for line in log if line["event"] == "received" and line["reader"] == "bob's desk")
    slow["t"] += 0.5
    assert judge(log, stored).faults == []
    assert judge(log, stored, Limits(deliver_s=0.6)).faults == []
    assert judge(log, stored, Limits(deliver_s=0.4)).broken == {"I4"}


@pytest.mark.parametrize(
    ("sizes", "broken"), [([50, 100, 100, 104], set()), ([50, 100, 100, 106], {"I12"}), ([], {"I12"})]
)
def test_memory_is_held_to_what_it_was_once_warm(sizes: list[int], broken: set[str]) -> None:
    log, stored = a_good_history()
    log += [_line(number, "memory", rss=size * 2**20) for number, size in enumerate(sizes)]
    assert judge(log, stored, Limits(memory_growth=0.05)).broken == broken


def test_a_service_that_comes_back_too_late_is_named() -> None:
    log, stored = a_good_history()
    assert judge(log, stored, Limits(resume_s=0.05)).broken == {"I11"}


def test_a_reader_who_left_owes_nothing_and_may_have_what_was_theirs() -> None:
    log, stored = a_good_history()
    stored.stays[1]["until_n"] = 4
    assert judge(log, stored).broken == {"I7"}
    kept = [line for line in log if line["event"] != "received" or line["reader"] != "bob's desk" or line["n"] <= 4]
    assert judge(kept, stored).faults == []
