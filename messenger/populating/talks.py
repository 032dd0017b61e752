"""The conversations of an invented firm: opened by the product's own actions, and read back for who is to speak.

Must not decide who may speak: seats and kinds do, as for anybody.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from random import Random

from archive import ledger
from messenger.conversations.models import Conversation
from messenger.conversations.opening import open_direct, open_group, open_space
from messenger.people.models import Person
from messenger.populating.phrases import TOPICS
from messenger.spaces.models import Membership

AT_ONCE = 50  # conversations of one commit
DIRECT_SHARE, GROUP_SHARE = 0.4, 0.4
BUSY_SHARE = 0.9  # of groups and spaces: those that the first of the people is in


@dataclass
class Talk:
    """A conversation, who may speak in it, and its members by the name that a mention uses."""

    conversation: Conversation
    speakers: list[Person] = field(default_factory=list)
    members: list[Person] = field(default_factory=list)
    by_first_name: dict[str, list[Person]] = field(default_factory=dict)

    def seat(self, person: Person, *, is_owner: bool) -> None:
        self.members.append(person)
        self.by_first_name.setdefault(person.name.split()[0].casefold(), []).append(person)
        if self.conversation.kind != Conversation.BROADCAST or is_owner:
            self.speakers.append(person)


def open_talks(people: Sequence[Person], *, count: int, rng: Random) -> None:
    """Open a space for everybody, one for news, and so many others: direct ones, groups and team spaces."""
    everybody = [person.pk for person in people]
    with ledger.transaction():
        open_space(people[0], kind="team", title="Everybody", others=everybody, purpose="All of us")
        open_space(people[0], kind="broadcast", title="News", others=everybody, purpose="From the partners")
    numbers = iter(range(1, count + 1))
    while part := list(islice(numbers, AT_ONCE)):
        with ledger.transaction():
            for number in part:
                _open(people, number=number, rng=rng)


def _open(people: Sequence[Person], *, number: int, rng: Random) -> None:
    kind = rng.random()
    if kind < DIRECT_SHARE:
        first, other = rng.sample(people, 2)
        if open_direct(first, others=[other.pk]).is_new:
            return
    title = f"{TOPICS[number % len(TOPICS)]} {number}"
    size = min(len(people) - 1, 2 + int(rng.random() ** 3 * 40))
    opener = people[0] if rng.random() < BUSY_SHARE else rng.choice(people[1:])
    others = [person.pk for person in rng.sample(people, size) if person != opener] or [people[-1].pk]
    if kind < DIRECT_SHARE + GROUP_SHARE:
        open_group(opener, title=title, others=others)
    else:
        open_space(opener, kind="team", title=title, others=others)


def load_talks() -> list[Talk]:
    """Return the conversations of colleagues, oldest first, with who belongs to them now."""
    talks = {
        conversation.roster_id: Talk(conversation)
        for conversation in Conversation.objects.exclude(kind=Conversation.CLIENT).order_by("pk")
    }
    for membership in _stays():
        if membership.roster_id in talks:
            talks[membership.roster_id].seat(membership.person, is_owner=membership.role == Membership.OWNER)
    return [talk for talk in talks.values() if talk.speakers]


def _stays() -> Iterator[Membership]:
    """Yield who belongs where; each person is one object, with their roles at hand."""
    people = {person.pk: person for person in Person.objects.filter(is_active=True)}
    for person in people.values():
        _ = person.roles
    for membership in Membership.objects.filter(until_n=None, person__in=list(people)).order_by("pk"):
        membership.person = people[membership.person_id]
        yield membership
