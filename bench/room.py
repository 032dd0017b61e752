"""Fill a store with a firm, its rooms and their members, and print who they are.

A program of its own, run once before the server starts, with the server's environment. People come in bulk, with the
entries that their arrival has in the record; the first ones of them are the members of each room. Output: {tokens,
rooms, desks}; a room is named by its size, a desk is a room with one member.
"""

import argparse
import json
import os
import sys

import django
from django.utils import timezone

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messenger.settings")
django.setup()

# isort: split
from archive import events, ledger  # noqa: E402  (models load after the set-up above)
from messenger.conversations.opening import open_space  # noqa: E402
from messenger.people import actions  # noqa: E402
from messenger.people.models import ApiToken, Person, digest_of, new_secret  # noqa: E402
from messenger.people.tokens import PREFIX  # noqa: E402

AT_ONCE = 500
PASSWORD = "bench-on-the-record"  # noqa: S105  (nobody signs in with it)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.room")
    parser.add_argument("sizes", type=int, nargs="+", help="a room for each")
    parser.add_argument("--desks", type=int, default=0, help="how many also have a room of their own")
    options = parser.parse_args()
    actions.found_firm(
        "Bench",
        admin_name="Adam",
        admin_email="adam@bench.example",
        admin_password=PASSWORD,
        officer_name="Cora",
        officer_email="cora@bench.example",
        officer_password=PASSWORD,
    )
    most = max([*options.sizes, options.desks])
    people: list[Person] = []
    tokens: list[str] = []
    for first in range(0, most, AT_ONCE):
        came = _hire(range(first, min(first + AT_ONCE, most)))
        people += came
        tokens += _give_tokens(came)
    rooms = {size: _open(f"Room of {size}", people[:size]) for size in options.sizes}
    desks = [_open("Desk", [person]) for person in people[: options.desks]]
    json.dump({"tokens": tokens, "rooms": rooms, "desks": desks}, sys.stdout)


@ledger.transaction()
def _hire(numbers: range) -> list[Person]:
    """Let people join without an invitation each: that would be eight statements more for everybody."""
    now = timezone.now()
    people = [
        Person(name=f"Member {number}", email=f"member{number}@bench.example", password="!", joined_at=now)  # noqa: S106
        for number in numbers
    ]
    Person.objects.bulk_create(people)
    for person in people:
        person.keep_roles(())
    ledger.record_all(
        [
            events.PersonJoined(
                stream=f"person:{person.pk}", actor=person.as_actor(), at=now, name=person.name, email=person.email
            )
            for person in people
        ]
    )
    return people


@ledger.transaction()
def _give_tokens(people: list[Person]) -> list[str]:
    now, secrets = timezone.now(), [PREFIX + new_secret() for _ in people]
    ApiToken.objects.bulk_create(
        ApiToken(person=person, name="bench", digest=digest_of(secret), created_at=now)
        for person, secret in zip(people, secrets, strict=True)
    )
    ledger.record_all(
        [
            events.TokenCreated(stream=f"person:{person.pk}", actor=person.as_actor(), at=now, name="bench")
            for person in people
        ]
    )
    return secrets


def _open(title: str, people: list[Person]) -> str:
    room = open_space(people[0], kind="team", title=title, others=[person.pk for person in people[1:]])
    return str(room.pk)


if __name__ == "__main__":
    main()
