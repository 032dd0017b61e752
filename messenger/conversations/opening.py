"""Open a conversation: direct, group, team space, broadcast space, client thread.

Number 1 of every stream is `conversation.created`; the people who are there from the start may read from it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from archive import events, ledger
from archive.events import SYSTEM, Actor
from messenger.conversations.membership import take_thread
from messenger.conversations.models import Conversation, ReadMarker
from messenger.conversations.stream import append
from messenger.people.errors import Invalid, NotAllowed, NotFound
from messenger.people.models import Contact, Person
from messenger.spaces.models import Membership, Roster, Space

MAX_TITLE = 80


@dataclass(frozen=True)
class Opened:
    """`is_new` is false when the direct conversation or the client thread existed already."""

    conversation: Conversation
    is_new: bool


@dataclass(frozen=True)
class _Plan:
    kind: str
    title: str
    people: Sequence[Person]
    owners: frozenset[int] = frozenset()
    contact: Contact | None = None


def open_direct(person: Person, *, others: Sequence[int], at: datetime | None = None) -> Opened:
    """Open the one direct conversation of a set of two to eight people, or return it."""
    with ledger.transaction():
        people = _colleagues(person, others)
        if not 2 <= len(people) <= 8:
            raise Invalid("people", "A direct conversation is between two and eight people, yourself included.")
        key = hashlib.sha256(",".join(str(one.pk) for one in people).encode()).hexdigest()
        known = Conversation.objects.filter(roster__direct_key=key).select_related("roster").first()
        if known is not None:
            return Opened(conversation=known, is_new=False)
        roster = Roster.objects.create(direct_key=key)
        plan = _Plan(kind=Conversation.DIRECT, title="", people=people)
        return Opened(conversation=_open(plan, roster, by=_actor(people, person), at=at), is_new=True)


def open_group(person: Person, *, title: str, others: Sequence[int], at: datetime | None = None) -> Conversation:
    """Open a group with a title; every member may add others."""
    title = _clean_title(title)
    with ledger.transaction():
        people = _colleagues(person, others)
        if len(people) < 2:
            raise Invalid("people", "Choose at least one other person.")
        plan = _Plan(kind=Conversation.GROUP, title=title, people=people)
        return _open(plan, Roster.objects.create(), by=_actor(people, person), at=at)


def open_space(
    person: Person, *, kind: str, title: str, others: Sequence[int], purpose: str = "", at: datetime | None = None
) -> Conversation:
    """Open a team or a broadcast space; whoever opens it owns it."""
    if kind not in (Space.TEAM, Space.BROADCAST):
        raise Invalid("kind", "A space is a team space or a broadcast space.")
    title = _clean_title(title)
    with ledger.transaction():
        people = _colleagues(person, others)
        at = at or timezone.now()
        roster = Roster.objects.create()
        Space.objects.create(kind=kind, name=title, purpose=purpose[:200], roster=roster, created_at=at)
        plan = _Plan(kind=kind, title=title, people=people, owners=frozenset({person.pk}))
        return _open(plan, roster, by=_actor(people, person), at=at)


def open_client_thread(
    person: Person, *, contact: Contact, others: Sequence[int] = (), at: datetime | None = None
) -> Opened:
    """Open the one SMS thread with a contact, or take it when nobody holds it (membership.take_thread).

    A thread that somebody else holds must be shared by its members: NotAllowed.
    """
    with ledger.transaction():
        people = _colleagues(person, others)
        known = Conversation.objects.filter(contact=contact).first()
        if known is None:
            plan = _Plan(kind=Conversation.CLIENT, title=contact.name, people=people, contact=contact)
            return Opened(_open(plan, Roster.objects.create(), by=_actor(people, person), at=at), is_new=True)
        holders = set(
            Membership.objects.filter(roster=known.roster_id, until_n=None).values_list("person_id", flat=True)
        )
        if not holders:
            take_thread(person, conversation_id=known.pk, at=at)
        elif person.pk not in holders:
            raise NotAllowed("A colleague holds the thread with this client; ask them to add you.")
        return Opened(conversation=known, is_new=False)


def open_unclaimed_thread(contact: Contact, *, at: datetime) -> Conversation:
    """Open the thread of an inbound text that nobody holds yet; call it inside the transaction of the inbound text."""
    plan = _Plan(kind=Conversation.CLIENT, title=contact.name, people=(), contact=contact)
    return _open(plan, Roster.objects.create(), by=SYSTEM, at=at)


def _open(plan: _Plan, roster: Roster, *, by: Actor, at: datetime | None) -> Conversation:
    at = at or timezone.now()
    conversation = Conversation.objects.create(
        kind=plan.kind,
        title=plan.title,
        roster=roster,
        space=Space.objects.filter(roster=roster).first(),
        contact=plan.contact,
        created_at=at,
        last_at=at,
    )
    Membership.objects.bulk_create(
        Membership(
            roster=roster,
            person=one,
            role=Membership.OWNER if one.pk in plan.owners else Membership.MEMBER,
            from_n=1,
            added_at=at,
        )
        for one in plan.people
    )
    ReadMarker.objects.bulk_create(ReadMarker(conversation=conversation, person=one, n=1, at=at) for one in plan.people)
    append(
        conversation,
        events.ConversationCreated(
            stream=conversation.stream,
            actor=by,
            at=at,
            conversation_kind=plan.kind,
            title=plan.title,
            members=tuple(Actor(f"person:{one.pk}", one.name) for one in plan.people),
        ),
    )
    return conversation


def _colleagues(person: Person, others: Sequence[int]) -> list[Person]:
    """Return the person and the active colleagues named, ascending by id; read under the record's lock."""
    wanted = {person.pk, *others}
    people = list(Person.objects.filter(pk__in=wanted, is_active=True, is_examiner=False).order_by("pk"))
    if len(people) != len(wanted):
        raise NotFound
    return people


def _actor(people: Sequence[Person], person: Person) -> Actor:
    """Return who opens it, with the roles held now: the person at hand was read when their request came in."""
    return next(one for one in people if one.pk == person.pk).as_actor()


def _clean_title(title: str) -> str:
    title = " ".join(title.replace("\x00", " ").split())
    if not title:
        raise Invalid("title", "Give it a name.")
    if len(title) > MAX_TITLE:
        raise Invalid("title", f"The name is longer than {MAX_TITLE} characters.")
    return title
