"""The seats of many posts at once: what `access_conversation` says of each, in one statement, for who is to write.

Inside `ledger.transaction()`, whose lock holds still what is read here until the commit. The rows are partly loaded:
they have what posting needs. Must not be used to show a conversation, and must let nobody in whom access would not.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from django.db import connection, models

from archive.statements import Found, Question, rows, rows_of
from messenger.conversations.access import LARGEST, Seat
from messenger.conversations.models import Conversation
from messenger.people.models import Grant, Person
from messenger.spaces.models import Membership

SeatKey = tuple[int, int]  # person, conversation
NOBODYS: SeatKey = (0, 0)
PERSON = ("id", "email", "name", "is_active", "is_examiner")
CONVERSATION = ("id", "kind", "title", "roster_id", "space_id", "contact_id", "head", "ordinal")
MEMBERSHIP = ("id", "roster_id", "person_id", "role", "from_n", "until_n")
_TALK_AT = len(PERSON)
_STAY_AT = _TALK_AT + len(CONVERSATION)


def seats_question(keys: Collection[SeatKey]) -> Question:
    """Return the query for these seats; `seats_from` reads the answer."""
    wanted = sorted({key for key in keys if max(key) <= LARGEST}) or [NOBODYS]
    return Question(_statement(len(wanted)), rows(wanted))


# rule: us-hipaa-access
def seats_from(found: Found) -> dict[SeatKey, Seat]:
    """Return the seats that there are now; who may not know of one finds nothing, as where there is none.

    The seats of one conversation share its object, those of one person theirs.
    """
    people: dict[int, Person] = {}
    conversations: dict[int, Conversation] = {}
    seats: dict[SeatKey, Seat] = {}
    for row in found:
        of_person, of_talk, of_stay = row[: len(PERSON)], row[_TALK_AT:_STAY_AT], row[_STAY_AT:-1]
        if (person_id := of_person[0]) not in people:
            people[person_id] = _person(of_person, granted=row[-1])
        if (conversation_id := of_talk[0]) not in conversations:
            conversations[conversation_id] = Conversation.from_db(connection.alias, CONVERSATION, of_talk)
        membership = Membership.from_db(connection.alias, MEMBERSHIP, of_stay)
        seats[person_id, conversation_id] = Seat(people[person_id], conversations[conversation_id], membership)
    return seats


def _person(row: Sequence[Any], *, granted: str | None) -> Person:  # Any: what columns hold
    values = [*row[:3], bool(row[3]), bool(row[4])]  # SQLite has no booleans
    person = Person.from_db(connection.alias, PERSON, values)
    person.keep_roles(granted.split(",") if granted else ())
    return person


@cache
def _statement(count: int) -> str:
    """Written out, because each post asks it: Django would compile it anew, for ten times what the database needs."""
    together = "string_agg(role, ',')" if connection.vendor == "postgresql" else "group_concat(role, ',')"
    tables: Mapping[str, type[models.Model]] = {"person": Person, "talk": Conversation, "stay": Membership}
    columns = [*_of("person", PERSON), *_of("talk", CONVERSATION), *_of("stay", MEMBERSHIP)]
    person, talk, stay = (f"{model._meta.db_table} {name}" for name, model in tables.items())
    wanted = rows_of(("bigint", "bigint"), count)
    # The joins say CROSS so that SQLite begins with the few wanted ones; PostgreSQL does so by itself.
    return (
        f"SELECT {', '.join(columns)}, "  # noqa: S608 (names of models)
        f"(SELECT {together} FROM {Grant._meta.db_table} WHERE person_id = person.id AND ended_at IS NULL) "
        f"FROM ({wanted}) AS wanted CROSS JOIN {talk} CROSS JOIN {stay} CROSS JOIN {person} "
        "WHERE talk.id = wanted.column2 AND stay.roster_id = talk.roster_id AND stay.person_id = wanted.column1 "
        "AND stay.until_n IS NULL AND person.id = stay.person_id AND person.is_active"
    )


def _of(table: str, names: Iterable[str]) -> list[str]:
    return [f"{table}.{name}" for name in names]
