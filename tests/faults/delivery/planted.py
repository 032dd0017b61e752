"""Faults to plant in a history that holds: each changes copies of log and store so that one thing is wrong.

A suite that found nothing plants every one of these in its own history: if they are not found, it has shown nothing.
"""

import copy
from collections.abc import Callable

from tests.faults.delivery.history import CREATED, Limits, Line, Stored, judge

Doctor = Callable[[list[Line], Stored], None]


def lose(log: list[Line], _stored: Stored) -> None:
    """A reader never gets a message."""
    log.remove(_middle_received(log))


def double(log: list[Line], _stored: Stored) -> None:
    """A reader gets a message twice."""
    line = _middle_received(log)
    log.insert(log.index(line), dict(line))


def reorder(log: list[Line], _stored: Stored) -> None:
    """A reader gets two messages in the wrong order."""
    first = _middle_received(log)
    later = log[log.index(first) :]
    second = next(x for x in later if _same_place(x, first) and x["n"] == first["n"] + 1)
    one, two = log.index(first), log.index(second)
    log[one], log[two] = second, first


def leak(log: list[Line], stored: Stored) -> None:
    """Somebody is told what came after they had left."""
    line = _middle_received(log)
    person = next(x["person"] for x in log if x["event"] == "began" and x["reader"] == line["reader"])
    left = {"until_n": line["n"] - 1}
    place = (line["c"], person)
    stored.stays = [stay | left if (stay["c"], stay["person"]) == place else stay for stay in stored.stays]


def forget_message(log: list[Line], stored: Stored) -> None:
    """An acknowledged message is not in the table."""
    key = _acked(log)["key"]
    stored.messages = [row for row in stored.messages if row["key"] != key]


def forget_entry(log: list[Line], stored: Stored) -> None:
    """An acknowledged message has no entry in the record."""
    seq = _acked(log)["seq"]
    stored.entries = [row for row in stored.entries if row["seq"] != seq]


def unsign(log: list[Line], stored: Stored) -> None:
    """The newest acknowledged message is under no signed checkpoint."""
    stored.signed_size = max(line["seq"] for line in log if line["event"] == "acked")


def store_twice(log: list[Line], stored: Stored) -> None:
    """A retry was taken for a message of its own."""
    key = _acked(log)["key"]
    row = next(row for row in stored.messages if row["key"] == key)
    again = row | {"key": "another", "n": row["n"] + 10**6, "seq": row["seq"] + 10**6}
    stored.messages = [*stored.messages, again]


def abandon(log: list[Line], _stored: Stored) -> None:
    """A sender was never answered."""
    log.remove(_acked(log))


def invent(log: list[Line], _stored: Stored) -> None:
    """A reader is told words that the record does not have."""
    line = _middle_received(log)
    log[log.index(line)] = line | {"body": "never said"}


def misname(log: list[Line], _stored: Stored) -> None:
    """A reader is told that somebody else said it."""
    line = _middle_received(log)
    log[log.index(line)] = line | {"author": -1}


def tell_as_another_kind(log: list[Line], _stored: Stored) -> None:
    """A reader is told a message as an event that shows nothing."""
    line = _middle_received(log)
    log[log.index(line)] = line | {"kind": "membership.added"}


def forget_last_event(_log: list[Line], stored: Stored) -> None:
    """The newest event of a stream is in the record and not in the table, so that nobody is told of it."""
    c = stored.messages[0]["c"]
    last = max(row["n"] for row in stored.events if row["c"] == c)
    stored.events = [row for row in stored.events if (row["c"], row["n"]) != (c, last)]


def renumber(_log: list[Line], stored: Stored) -> None:
    """A stream has a gap."""
    c = stored.messages[0]["c"]
    last = max(row["n"] for row in stored.events if row["c"] == c)
    stored.events = [row | {"n": row["n"] + 1} if (row["c"], row["n"]) == (c, last) else row for row in stored.events]


def stay_away(log: list[Line], _stored: Stored) -> None:
    """A reader does not come back."""
    log.remove(next(line for line in log if line["event"] == "finished"))


def break_record(_log: list[Line], stored: Stored) -> None:
    """The check of the record found something."""
    stored.problems = ["entry 7: its leaf is not what was signed"]


PLANTS: dict[Doctor, str] = {
    lose: "I4",
    double: "I4",
    reorder: "I5",
    leak: "I7",
    forget_message: "I1",
    forget_entry: "I2",
    unsign: "I2",
    store_twice: "I6",
    abandon: "I6",
    invent: "I3",
    misname: "I3",
    tell_as_another_kind: "I3",
    forget_last_event: "I5",
    renumber: "I5",
    stay_away: "I11",
    break_record: "I8",
}


def missed_plants(log: list[Line], stored: Stored, limits: Limits | None = None) -> list[str]:
    """Plant each fault by itself; return those that the checker does not name by their rule."""
    missed = []
    for doctor, rule in PLANTS.items():
        bad_log, bad_store = list(log), copy.copy(stored)
        doctor(bad_log, bad_store)
        if rule not in judge(bad_log, bad_store, limits).broken:
            missed.append(f"{doctor.__name__} is not found as {rule}")
    return missed


def _middle_received(log: list[Line]) -> Line:
    """Return a received message that is neither the first nor the last of its reader, who finished."""
    finished = {line["reader"] for line in log if line["event"] == "finished"}
    heard = [x for x in log if x["event"] == "received" and x["kind"] == CREATED and x["reader"] in finished]
    for line in heard[len(heard) // 2 :] + heard:
        same = [x for x in heard if _same_place(x, line)]
        if any(x["n"] == line["n"] + 1 for x in same) and any(x["n"] < line["n"] for x in same):
            return line
    raise AssertionError("too little happened to plant a fault in it")


def _same_place(one: Line, other: Line) -> bool:
    return (one["event"], one.get("reader"), one.get("c")) == (other["event"], other["reader"], other["c"])


def _acked(log: list[Line]) -> Line:
    acked = [line for line in log if line["event"] == "acked"]
    return acked[len(acked) // 2]
