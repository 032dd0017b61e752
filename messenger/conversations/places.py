"""Where somebody stands in all their conversations: heads, unread counts, memberships. Few queries, however many rows.

For sockets and sync, which need numbers only; the sidebar with its titles is in queries.py. It must write nothing.
"""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Count, F

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


def read_places(person: Person) -> list[Place]:
    """Return the place in every conversation that the person belongs to now."""
    rows = Membership.objects.filter(person=person, until_n=None, roster__conversation__isnull=False)
    fields = ("pk", "from_n", "roster__conversation__pk", "roster__conversation__head", "roster__conversation__ordinal")
    seats = list(rows.values_list(*fields))
    read = dict(ReadMarker.objects.filter(person=person).values_list("conversation_id", "ordinal"))
    mentions = _unread_mentions(person)
    return [
        Place(c, head, ordinal - read.get(c, ordinal), mentions[c], Stay(membership=pk, from_n=from_n))
        for pk, from_n, c, head, ordinal in seats
    ]


def list_heads(person: Person) -> list[list[int]]:
    """Return `[conversation, head, unread, mentions]` for everything the person belongs to."""
    return [place.as_head() for place in read_places(person)]


def read_heads(person: Person) -> list[tuple[int, int]]:
    """Return (conversation, head) for everything the person belongs to, in one query."""
    rows = Membership.objects.filter(person=person, until_n=None, roster__conversation__isnull=False)
    return list(rows.values_list("roster__conversation__pk", "roster__conversation__head"))


def _unread_mentions(person: Person) -> Counter[int]:
    rows = Mention.objects.filter(
        person=person, conversation__markers__person=person, ordinal__gt=F("conversation__markers__ordinal")
    )
    return Counter(dict(rows.values_list("conversation").annotate(count=Count("pk"))))
