"""Compare members' lists with the record: who may read which numbers is told by entries, a row alone lets nobody in.

It must not repair. A conversation one of whose changes of membership cannot be opened any more is not compared, nor a
member whose person is not in the database: a refill brings back no people.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from archive import ledger
from archive.events import Json
from messenger.conversations.membership import OPEN_HISTORY
from messenger.conversations.names import number_in
from messenger.people.models import Person
from messenger.spaces.models import Membership, Space

OPENED, ADDED, REMOVED = "conversation.created", "membership.added", "membership.removed"
COLUMNS = ("roster__conversation", "person", "from_n", "until_n", "role")


class Stay(NamedTuple):
    """From which to which number somebody may read a conversation, and as what; `until_n` None while they belong."""

    person: object
    from_n: object
    until_n: object
    role: object


class _Step(NamedTuple):
    kind: str
    n: int
    person: int
    role: str = Membership.MEMBER


@dataclass
class MemberLists:
    """What entries say of the members of each conversation, in the order of the entries."""

    _kinds: dict[int, str] = field(default_factory=dict)
    _steps: dict[int, list[_Step]] = field(default_factory=lambda: defaultdict(list))
    _unknown: set[int] = field(default_factory=set)

    def gather(self, entry: ledger.Recorded, conversation: int) -> None:
        """Note what an entry says of members; most kinds say nothing."""
        if entry.kind not in (OPENED, ADDED, REMOVED):
            return
        if entry.content is None:
            self._unknown.add(conversation)
        elif entry.kind == OPENED:
            self._open(conversation, entry.content)
        else:
            role = str(entry.content.get("role", Membership.MEMBER))
            step = _Step(entry.kind, entry.n, _person_of(entry.content["member"]), role)
            self._steps[conversation].append(step)

    def merge(self, other: Self) -> None:
        """Take over what another one gathered of later entries."""
        self._kinds |= other._kinds
        self._unknown |= other._unknown
        for conversation, steps in other._steps.items():
            self._steps[conversation] += steps

    def problems(self) -> Iterator[ledger.Problem]:
        """Hold the rows against what was gathered; a sentence names each conversation that differs, and the people."""
        known, found = set(Person.objects.values_list("pk", flat=True)), _rows()
        for conversation in sorted((found.keys() | self._kinds.keys()) - self._unknown):
            expected = {stay for stay in self._stays(conversation) if stay.person in known}
            differing = {stay.person for stay in expected ^ found.get(conversation, set())}
            if differing:
                people = ", ".join(sorted(map(str, differing)))
                what = f"Conversation {conversation}: its list of members differs from the record for person {people}."
                yield ledger.Problem(None, what)

    def _open(self, conversation: int, content: Mapping[str, Json]) -> None:
        self._kinds[conversation] = str(content["conversation_kind"])
        owner = _person_of(content["actor"]) if self._kinds[conversation] in (Space.TEAM, Space.BROADCAST) else 0
        members = content["members"]
        for person in map(_person_of, members if isinstance(members, list) else []):
            role = Membership.OWNER if person == owner else Membership.MEMBER
            self._steps[conversation].append(_Step(OPENED, 1, person, role))

    def _stays(self, conversation: int) -> Iterator[Stay]:
        """Yield the stays that follow from the entries."""
        there: dict[int, Stay] = {}
        for step in self._steps.get(conversation, ()):
            if step.kind == REMOVED and step.person in there:
                yield there.pop(step.person)._replace(until_n=step.n)
            elif step.kind != REMOVED:
                from_n = 1 if self._kinds.get(conversation) in OPEN_HISTORY else step.n
                there[step.person] = Stay(step.person, from_n, None, step.role)
        yield from there.values()


def _rows() -> dict[int, set[Stay]]:
    """Return the stays in the database by conversation; a roster without one lets nobody read anything."""
    found: dict[int, set[Stay]] = defaultdict(set)
    stays = Membership.objects.filter(roster__conversation__isnull=False).order_by()
    for conversation, *stay in stays.values_list(*COLUMNS):
        found[conversation].add(Stay(*stay))
    return found


def _person_of(actor: Json) -> int:
    return number_in(actor["id"], of="person") if isinstance(actor, dict) else 0
