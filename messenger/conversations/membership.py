"""Who joins and who leaves a conversation. The change is a numbered event of its stream, so "after" has one meaning."""

from datetime import datetime

from django.db.models import F
from django.utils import timezone

from archive import events, ledger
from archive.events import Actor
from messenger.conversations.access import access_conversation
from messenger.conversations.models import Conversation, ReadMarker
from messenger.conversations.stream import append
from messenger.people.errors import Conflict, NotAllowed, NotFound
from messenger.people.models import Person
from messenger.people.standing import as_now
from messenger.spaces.models import Membership, Roster

OPEN_HISTORY = (Conversation.TEAM, Conversation.BROADCAST, Conversation.CLIENT)


def add_member(by: Person, *, conversation_id: int, person_id: int, at: datetime | None = None) -> Membership:
    """Add a colleague. In spaces and client threads they see the history, in groups what is said from now on."""
    with ledger.transaction():
        by = as_now([by])[by.pk]
        seat = access_conversation(by, conversation_id)
        if not seat.may_manage:
            raise NotAllowed("Only an owner adds people here.")
        person = Person.objects.filter(pk=person_id, is_active=True, is_examiner=False).first()
        if person is None:
            raise NotFound
        return _join(seat.conversation, person, by=by.as_actor(), at=at or timezone.now())


def take_thread(person: Person, *, conversation_id: int, at: datetime | None = None) -> Membership:
    """Take a client thread that nobody holds (an inbound text from an unknown number); administrators may not."""
    with ledger.transaction():
        person = as_now([person])[person.pk]
        conversation = Conversation.objects.filter(pk=conversation_id, kind=Conversation.CLIENT).first()
        if conversation is None or not person.can("threads.take"):
            raise NotFound
        if Membership.objects.filter(roster=conversation.roster_id, until_n=None).exists():
            raise NotFound
        return _join(conversation, person, by=person.as_actor(), at=at or timezone.now())


def remove_member(
    by: Person, *, conversation_id: int, person_id: int, reason: str = "", at: datetime | None = None
) -> None:
    """Remove somebody, or leave (`person_id` is one's own). They hear nothing numbered after the removal."""
    with ledger.transaction():
        by = as_now([by])[by.pk]
        seat = access_conversation(by, conversation_id)
        if seat.conversation.kind == Conversation.DIRECT:
            raise NotAllowed("Nobody is removed from a direct conversation.")
        if person_id != by.pk and not seat.may_manage:
            raise NotAllowed("Only an owner removes people here.")
        membership = (
            Membership.objects.filter(roster=seat.membership.roster_id, person__pk=person_id, until_n=None)
            .select_related("person")
            .first()
        )
        if membership is None:
            raise NotFound
        _refuse_orphan(seat.conversation, membership)
        _leave(seat.conversation, membership, by=by.as_actor(), reason=reason, at=at or timezone.now())


def _refuse_orphan(conversation: Conversation, membership: Membership) -> None:
    """A space keeps an owner: otherwise nobody could ever add or remove anybody again."""
    if conversation.space_id is None or membership.role != Membership.OWNER:
        return
    owners = Membership.objects.filter(roster=conversation.roster_id, role=Membership.OWNER, until_n=None)
    if not owners.exclude(pk=membership.pk).exists():
        raise Conflict("person", "A space needs an owner: make somebody else an owner first.")


def _join(conversation: Conversation, person: Person, *, by: Actor, at: datetime) -> Membership:
    if Membership.objects.filter(roster=conversation.roster_id, person=person, until_n=None).exists():
        raise Conflict("person", f"{person.name} is a member already.")
    event = events.MemberAdded(
        stream=conversation.stream,
        actor=by,
        at=at,
        member=Actor(f"person:{person.pk}", person.name),
        role=Membership.MEMBER,
    )
    receipt = append(conversation, event, data={"person": {"id": person.pk, "name": person.name}})
    from_n = 1 if conversation.kind in OPEN_HISTORY else receipt.n
    membership = Membership.objects.create(roster_id=conversation.roster_id, person=person, from_n=from_n, added_at=at)
    ordinal = Conversation.objects.values_list("ordinal", flat=True).get(pk=conversation.pk)
    ReadMarker.objects.update_or_create(
        conversation=conversation, person=person, defaults={"n": receipt.n, "ordinal": ordinal, "at": at}
    )
    _advance_epoch(conversation)
    return membership


def _leave(conversation: Conversation, membership: Membership, *, by: Actor, reason: str, at: datetime) -> None:
    person = membership.person
    event = events.MemberRemoved(
        stream=conversation.stream, actor=by, at=at, member=Actor(f"person:{person.pk}", person.name), reason=reason
    )
    receipt = append(conversation, event, data={"person": {"id": person.pk, "name": person.name}})
    membership.until_n, membership.ended_at = receipt.n, at
    membership.save(update_fields=["until_n", "ended_at"])
    _advance_epoch(conversation)


def _advance_epoch(conversation: Conversation) -> None:
    Roster.objects.filter(pk=conversation.roster_id).update(epoch=F("epoch") + 1)
