"""Fill a store with one room and its members, by the product's own actions; print their tokens.

A program of its own, run once before the server starts, with the server's environment. Output: {room, desks, tokens};
a desk is a conversation of one member with somebody who is never there.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messenger.settings")
django.setup()

# isort: split
from archive import ledger  # noqa: E402  (models load after the set-up above)
from messenger.conversations.opening import open_group, open_space  # noqa: E402
from messenger.people import actions  # noqa: E402
from messenger.people.models import Person  # noqa: E402

AT_ONCE = 100
Given = TypeVar("Given")
Made = TypeVar("Made")
PASSWORD = "bench-on-the-record"  # noqa: S105  (nobody signs in with it)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.room")
    parser.add_argument("members", type=int)
    options = parser.parse_args()
    admin, _ = actions.found_firm(
        "Bench",
        admin_name="Adam",
        admin_email="adam@bench.example",
        admin_password=PASSWORD,
        officer_name="Cora",
        officer_email="cora@bench.example",
        officer_password=PASSWORD,
    )
    people = list(_together(lambda number: _hire(number, by=admin), range(options.members)))
    room = open_space(people[0], kind="team", title="Everybody", others=[person.pk for person in people[1:]])
    tokens = list(_together(lambda person: actions.create_token(person, name="bench")[1], people))
    desks = list(_together(lambda person: open_group(person, title="Desk", others=[admin.pk]).pk, people))
    json.dump({"room": str(room.pk), "desks": desks, "tokens": tokens}, sys.stdout)


def _together(act: Callable[[Given], Made], given: Iterable[Given]) -> Iterator[Made]:
    """Act for each, many under one commit."""
    left = iter(given)
    while part := list(islice(left, AT_ONCE)):
        with ledger.transaction():
            made = [act(one) for one in part]
        yield from made


def _hire(number: int, *, by: Person) -> Person:
    _, secret = actions.invite(by, email=f"member{number}@bench.example", name=f"Member {number}")
    return actions.accept_invitation(secret, password=PASSWORD)


if __name__ == "__main__":
    main()
