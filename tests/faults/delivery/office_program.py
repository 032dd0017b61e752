"""Founds a firm, hires people with a token each and opens groups; prints it as JSON. A program of its own:

it runs beside the server in the environment of the product under test. Arguments: how many people belong to groups, how
many groups, how many people in each (0: all of them in every one), and how many more belong to none.
"""

import json
import sys

from django.core.management import call_command

from messenger.conversations import opening
from messenger.people import actions
from messenger.people.models import Person

PASSWORD = "quiet-harbour-lantern-42"


def hire(name: str, *, by: Person) -> dict[str, object]:
    _, secret = actions.invite(by, email=f"{name}@firm.example", name=name.title())
    person = actions.accept_invitation(secret, password=PASSWORD)
    _, token = actions.create_token(person, name="load")
    return {"name": name, "person": person.pk, "token": token}


def open_group(members: list[int]) -> int:
    first = Person.objects.get(pk=members[0])
    return opening.open_group(first, title=f"Group of {first.name}", others=members[1:]).pk


def main() -> None:
    call_command("migrate", verbosity=0)
    people, groups, size, strangers = (int(word) for word in sys.argv[1:])
    adam, _ = actions.found_firm(
        "Harbour & Vale",
        admin_name="Adam",
        admin_email="adam@firm.example",
        admin_password=PASSWORD,
        officer_name="Cora",
        officer_email="cora@firm.example",
        officer_password=PASSWORD,
    )
    seats = [hire(f"person{number}", by=adam) for number in range(people + strangers)]
    members = [int(str(seat["person"])) for seat in seats[:people]]
    size = size or people
    parts = [[members[(size * group + number) % people] for number in range(size)] for group in range(groups)]
    print(json.dumps({"seats": seats, "conversations": [open_group(part) for part in parts]}))
