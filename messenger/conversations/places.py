"""Where somebody stands in all their conversations: heads, unread counts, memberships. Few queries, however many rows.

For sockets and sync, which need numbers only; the sidebar with its titles is in queries.py. It must write nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from archive.statements import fetch, many, one_of
from messenger.conversations.models import Mention, ReadMarker
from messenger.delivery.reading import Stay
from messenger.people.models import Person
from messenger.spaces.models import Membership


@dataclass(frozen=True, slots=True)
class Place:
    """Somebody's place in one conversation."""

    conversation_id: int
    head: int
    unread: int
    mentions: int
    stay: Stay

    def as_head(self) -> list[int]:
        """Return `[conversation, head, unread, mentions]`, as clients are told it."""
        return [self.conversation_id, self.head, self.unread, self.mentions]


class ReadState(NamedTuple):
    """How far somebody has read a conversation, by number and by message, and how often they are named after that."""

    n: int
    ordinal: int
    mentions: int

    def unread(self, ordinal: int) -> int:
        """Return how many messages stand after the mark, up to the one with this ordinal."""
        return max(0, ordinal - self.ordinal)  # the mark is read after the ordinal, and may have overtaken it


def read_places(person: Person) -> list[Place]:
    """Return the place in every conversation that the person belongs to now."""
    rows = Membership.objects.filter(person=person, until_n=None, roster__conversation__isnull=False)
    fields = ("pk", "from_n", "roster__conversation__pk", "roster__conversation__head", "roster__conversation__ordinal")
    seats = list(rows.values_list(*fields))
    marks = read_marks(person)
    places = []
    for pk, from_n, c, head, ordinal in seats:
        mark = marks.get(c) or ReadState(head, ordinal, mentions=0)
        stay = Stay(membership=pk, from_n=from_n)
        places.append(Place(c, head, mark.unread(ordinal), mark.mentions, stay))
    return places


def read_marks(person: Person, conversations: Sequence[int] | None = None) -> dict[int, ReadState]:
    """Return the person's marks by conversation, of all or of these: an index range for each, however much was said."""
    if conversations is None:
        found = fetch(_marks(), [person.pk])
    else:
        of_these = f" AND mark.conversation_id {one_of('bigint', len(conversations))}"
        found = fetch(_marks() + of_these, [person.pk, *many(conversations)])
    return {c: ReadState(n, ordinal, mentions) for c, n, ordinal, mentions in found}


def list_heads(person: Person) -> list[list[int]]:
    """Return `[conversation, head, unread, mentions]` for everything the person belongs to."""
    return [place.as_head() for place in read_places(person)]


def read_heads(person: Person) -> list[tuple[int, int]]:
    """Return (conversation, head) for everything the person belongs to, in one query."""
    rows = Membership.objects.filter(person=person, until_n=None, roster__conversation__isnull=False)
    return list(rows.values_list("roster__conversation__pk", "roster__conversation__head"))


@cache
def _marks() -> str:
    return (
        "SELECT mark.conversation_id, mark.n, mark.ordinal, "  # noqa: S608 (names of models)
        f"(SELECT count(*) FROM {Mention._meta.db_table} mention WHERE mention.person_id = mark.person_id "
        "AND mention.conversation_id = mark.conversation_id AND mention.ordinal > mark.ordinal) "
        f"FROM {ReadMarker._meta.db_table} mark WHERE mark.person_id = %s"
    )
