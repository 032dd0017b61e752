"""The only way to a conversation or a message for a person. Absent and forbidden raise the same NotFound."""

from dataclasses import dataclass

from messenger.conversations.models import Conversation, Message
from messenger.people.errors import NotFound
from messenger.people.models import Person
from messenger.spaces.models import Membership


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
    membership = (
        # By the key itself: only that comparison takes a number that is too large for the database as "there is none".
        Membership.objects.filter(
            person=person, until_n=None, person__is_active=True, roster__conversation__pk=conversation_id
        )
        .select_related("roster__conversation__space", "roster__conversation__contact")
        .first()
    )
    if membership is None:
        raise NotFound
    return Seat(person=person, conversation=membership.roster.conversation, membership=membership)


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
