"""Short ways to say in a test what people do in a conversation; only real actions."""

import uuid

from messenger.conversations import actions, opening
from messenger.conversations.actions import Posted, Refusal
from messenger.conversations.models import Conversation, Message
from messenger.people.models import Person


def direct(person: Person, *others: Person) -> Conversation:
    return opening.open_direct(person, others=[other.pk for other in others]).conversation


def group(person: Person, *others: Person, title: str = "Lunch") -> Conversation:
    return opening.open_group(person, title=title, others=[other.pk for other in others])


def space(person: Person, *others: Person, kind: str = "team") -> Conversation:
    return opening.open_space(person, kind=kind, title="Desk", others=[other.pk for other in others])


def say(person: Person, conversation: Conversation, body: str = "hello", key: uuid.UUID | None = None) -> Message:
    outcome = attempt(person, conversation, body, key)
    assert isinstance(outcome, Posted), outcome
    return outcome.message


def attempt(
    person: Person, conversation: Conversation, body: str = "hello", key: uuid.UUID | None = None
) -> Posted | Refusal:
    return actions.post_message(person, conversation_id=conversation.pk, client_key=key or uuid.uuid4(), body=body)


def forged(message: Message, *, n: int, seq: int) -> Message:
    """Return a row like the message's in another place, not saved: what somebody puts in past the actions."""
    copy = Message.objects.get(pk=message.pk)
    copy.pk, copy.n, copy.seq, copy.client_key = None, n, seq, uuid.uuid4()
    return copy
