"""The only way to a conversation or a message for a person. Absent and forbidden raise the same NotFound."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from archive.statements import fetch
from messenger.conversations.models import Conversation, Message
from messenger.people.errors import NotFound
from messenger.people.loading import columns, load, width
from messenger.people.models import Contact, Person
from messenger.spaces.models import Membership, Space

LARGEST = 2**63 - 1  # no row has a larger key, and no database takes a larger number


@dataclass(frozen=True)
class Seat:
    """A person's place in a conversation: what they may read, and whether they may speak."""

    person: Person
    conversation: Conversation
    membership: Membership

    @property
    def is_owner(self) -> bool:
        return self.membership.role == Membership.OWNER

    @property
    def may_post(self) -> bool:
        return self.conversation.kind != Conversation.BROADCAST or self.is_owner

    @property
    def may_manage(self) -> bool:
        """In spaces the owners say who belongs; in groups and client threads every member does."""
        kind = self.conversation.kind
        if kind in (Conversation.TEAM, Conversation.BROADCAST):
            return self.is_owner
        return kind != Conversation.DIRECT


# rule: us-hipaa-access
def access_conversation(person: Person, conversation_id: int) -> Seat:
    """Return the person's seat in a conversation they belong to now."""
    if conversation_id > LARGEST:
        raise NotFound
    found = fetch(f"{_seats()} AND talk.id = %s", [person.pk, conversation_id])
    if not found:
        raise NotFound
    return _seat(person, found[0])


def list_seats(person: Person) -> list[Seat]:
    """Return the person's seats, that of the conversation in which something happened last first."""
    found = fetch(f"{_seats()} ORDER BY talk.last_at DESC, talk.roster_id DESC", [person.pk])
    return [_seat(person, values) for values in found]


def _seat(person: Person, values: Sequence[Any]) -> Seat:  # Any, here and below: what columns hold
    stay, talk, space, contact = _parts(values)
    conversation, membership = load(Conversation, talk), load(Membership, stay)
    conversation.space = load(Space, space) if conversation.space_id else None
    conversation.contact = load(Contact, contact) if conversation.contact_id else None
    return Seat(person=person, conversation=conversation, membership=membership)


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Yield the columns of each of the tables that a seat is read from."""
    start = 0
    for model in (Membership, Conversation, Space, Contact):
        yield values[start : start + width(model)]
        start += width(model)


@cache
def _seats() -> str:
    """Written out, because each call of the API asks it (messenger/people/loading.py)."""
    tables = {"stay": Membership, "talk": Conversation, "space": Space, "contact": Contact}
    names = ", ".join(columns(model, name) for name, model in tables.items())
    stay, talk, space, contact = (f"{model._meta.db_table} {name}" for name, model in tables.items())
    return (
        f"SELECT {names} FROM {stay} JOIN {talk} ON talk.roster_id = stay.roster_id "  # noqa: S608 (names of models)
        f"JOIN {Person._meta.db_table} person ON person.id = stay.person_id "
        f"LEFT JOIN {space} ON space.id = talk.space_id LEFT JOIN {contact} ON contact.id = talk.contact_id "
        "WHERE stay.person_id = %s AND stay.until_n IS NULL AND person.is_active"
    )


def access_message(person: Person, conversation_id: int, n: int) -> tuple[Seat, Message]:
    """Return a message that the person may read, with their seat."""
    seat = access_conversation(person, conversation_id)
    message = (
        Message.objects.filter(conversation=seat.conversation, n=n, n__gte=seat.membership.from_n)
        .select_related("author", "contact")
        .first()
    )
    if message is None:
        raise NotFound
    return seat, message
