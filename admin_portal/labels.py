"""Short names of conversations and people for lists. Three queries for any number of conversations.

Names are not content, but they are shown to those only who may search, export or review.
"""

from collections import defaultdict
from collections.abc import Iterable

from messenger.conversations.models import Conversation
from messenger.people.models import Contact, Person
from messenger.spaces.models import Membership

_KINDS = {
    Conversation.DIRECT: "Direct",
    Conversation.GROUP: "Group",
    Conversation.TEAM: "Team space",
    Conversation.BROADCAST: "Broadcast space",
    Conversation.CLIENT: "Client",
}
_MOST_NAMES = 4


def conversation_id_of(stream: str) -> int | None:
    """Return 7 for "conversation:7", None for any other stream."""
    kind, _, number = stream.partition(":")
    return int(number) if kind == "conversation" and number.isdecimal() else None


def label_conversations(ids: Iterable[int]) -> dict[int, str]:
    """Return {id: "Team space · Rates desk"} for the conversations that exist."""
    rows = list(Conversation.objects.filter(pk__in=set(ids)).select_related("space", "contact"))
    members = _member_names(row.roster_id for row in rows if not _own_name(row))
    return {row.pk: f"{_KINDS.get(row.kind, row.kind)} · {_own_name(row) or members[row.roster_id]}" for row in rows}


def _own_name(row: Conversation) -> str:
    if row.contact is not None:
        return row.contact.name
    return row.title or (row.space.name if row.space is not None else "")


def _member_names(roster_ids: Iterable[int]) -> dict[int, str]:
    names: defaultdict[int, list[str]] = defaultdict(list)
    rows = Membership.objects.filter(roster__in=set(roster_ids), until_n=None).select_related("person")
    for row in rows:
        names[row.roster_id].append(row.person.name)
    return defaultdict(lambda: "nobody", {roster: _join(found) for roster, found in names.items()})


def _join(names: list[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def speakers() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return everybody who may have said something, in groups: [("Colleagues", [("person:3", "Alice"), …]), …]."""
    people = [(f"person:{pk}", name) for pk, name in Person.objects.values_list("pk", "name")]
    contacts = [(f"contact:{pk}", name) for pk, name in Contact.objects.values_list("pk", "name")]
    groups = [("Colleagues", people), ("Clients", contacts)]
    return [(title, choices) for title, choices in groups if choices]
