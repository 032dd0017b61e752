"""An act whose access ends while it waits for the record is refused as if it had come later, and leaves no entry.

Every row of the matrix that takes a session is raced with its end: so a new route is raced as soon as it has a row.
The long form (`make faults`) races each row with every cause, also by a token, without its role, out of the group.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import cycle
from typing import Final

import pytest

from archive import ledger
from messenger.people import doors
from tests.security.ending import (
    DEACTIVATED,
    NEW_GROUP,
    OF_SESSIONS,
    OF_TOKENS,
    REMOVED,
    ROLE_OF,
    ROLE_TAKEN,
    Cause,
    Guest,
    House,
    Race,
    race,
)
from tests.security.knocking import Answer
from tests.security.rows import Row
from tests.security.table import ROWS
from tests.security.world import build_world

pytestmark = pytest.mark.django_db(transaction=True)
LOOKED_AT: Final = frozenset({"seq", "report_id"})  # what is an entry to look at
LEAST: Final = 50  # acts that come to the lock in time, also on a machine that is busy elsewhere
IS_LONG: Final = os.environ.get("ONRECORD_FAULTS_LONG") == "1"
# Who is taken for a row, the first of these that it says yes to.
ORDER: Final = ("member", "owner", "reviewer", "officer", "second", "administrator", "examiner")


def role_for(row: Row) -> str:
    """Return who is taken for a row, "" where it says yes to none of them."""
    return next((role for role in ORDER if row.yes_for(role)), "")


def raced_rows() -> list[Row]:
    """Return one row of each method and route that takes a session, and may leave an entry."""
    found: dict[tuple[str, str], Row] = {}
    for row in ROWS:
        is_entry = row.method != "GET" or not LOOKED_AT.isdisjoint(row.args) or (IS_LONG and row.route != "metrics")
        if is_entry and role_for(row) and not row.yes_for("anonymous"):
            found.setdefault((row.method, row.route), row)
    return list(found.values())


Question = tuple[Row, Guest, Cause]


def questions(house: House) -> Iterator[Question]:
    """Yield what is raced with what: a short form takes the causes in turn, and of what is alike every fourth."""
    rows, some = raced_rows(), slice(None, None, None if IS_LONG else 4)
    for row, cause in paired(rows, OF_SESSIONS):
        yield row, house.let_in_by_session(row, role_for(row)), cause
    for row, cause in paired([row for row in rows if row.is_api][some], OF_TOKENS):
        yield row, house.let_in_by_token(role_for(row)), cause
    for row in [row for row in rows if role_for(row) in ROLE_OF][some]:
        yield row, house.let_in_by_session(row, role_for(row)), ROLE_TAKEN
    for row in [in_a_new_group(row) for row in rows if row.args.get("conversation_id") == "talk"]:
        yield row, house.let_in_by_session(row, role_for(row)), REMOVED


def paired(rows: Iterable[Row], causes: tuple[Cause, ...]) -> Iterator[tuple[Row, Cause]]:
    turn = cycle(causes)
    for row in rows:
        for cause in causes if IS_LONG else (next(turn),):
            # Whom an administrator invited and what they asked for would go with them.
            if not (cause is DEACTIVATED and role_for(row) == "administrator"):
                yield row, cause


def in_a_new_group(row: Row) -> Row:
    return replace(row, args={name: value.replace("talk", NEW_GROUP) for name, value in row.args.items()})


def faults_of(name: str, raced: Race) -> Iterator[str]:
    """Say what is wrong: something recorded behind the end, or another answer than what comes later gets."""
    if raced.late:
        yield f"{name}: {raced.late} entries behind the end"
    # Without a role somebody is still signed in: a page says no in its own words.
    if raced.has_waited and not name.endswith(ROLE_TAKEN.name) and gist(raced.answer) != gist(raced.afterwards):
        yield f"{name}: {raced.answer.without(raced.afterwards)}, and later {raced.afterwards.without(raced.answer)}"


def gist(answer: Answer) -> tuple[object, ...]:
    """Return what must be alike; a page may be named or not on the way to the sign-in, a dead cookie taken or not."""
    return (answer.status, answer.is_to_sign_in, answer.text)


@dataclass
class Races:
    """Races one after the other, and remembers what was wrong and how many acts did wait for the record."""

    house: House
    wrong: list[str] = field(default_factory=list)
    waited: Counter[str] = field(default_factory=Counter)

    def run(self, row: Row, guest: Guest, cause: Cause) -> Race:
        raced = race(self.house, row, guest, cause)
        cause.restore(self.house, guest)
        self.wrong += faults_of(f"{row.name} by {guest.role}, {cause.name}", raced)
        self.waited[cause.name] += raced.has_waited
        return raced


# rule: us-hipaa-access
def test_what_waits_while_its_access_ends_is_refused_as_if_it_came_later() -> None:
    house = House(build_world())
    races = Races(house)
    for question in questions(house):
        races.run(*question)
    print(f"{races.waited.total()} acts waited while an access ended: {dict(races.waited)}; {len(races.wrong)} wrong")
    assert not races.wrong, "\n".join(line[:1500] for line in races.wrong)
    assert races.waited.total() >= LEAST
    assert min(races.waited.values()) > 0
    assert_that_one_which_does_not_look_again_is_caught(house)


def assert_that_one_which_does_not_look_again_is_caught(house: House) -> None:
    """The control: the same race with a record that has no condition for who comes in."""
    races, row = Races(house), next(row for row in raced_rows() if row.name == "POST api/v1/contacts")
    ledger.register_condition("door", lambda: None)
    try:
        raced = races.run(row, house.let_in_by_session(row, "member"), OF_SESSIONS[0])
    finally:
        doors.register()
    assert (raced.answer.status, raced.late, len(races.wrong)) == (201, 1, 2)
