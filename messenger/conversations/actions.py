"""What members do in a conversation: post, mark as read. One action = one transaction = one entry.

The order is visible in each function: access, known client key, policy verdict, entry, rows, announcement on commit.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import Max
from django.utils import timezone

from archive import events, ledger
from messenger.conversations import attachments as files
from messenger.conversations import rows, texts
from messenger.conversations.access import Seat, access_conversation
from messenger.conversations.models import Conversation, Mention, Message, ReadMarker, RefusedPost
from messenger.conversations.stream import Words, append_message
from messenger.people.errors import Conflict, Invalid, NotAllowed
from messenger.people.models import Person
from messenger.policy.access import active_rules
from messenger.policy.verdicts import Verdict, review

_MENTION = re.compile(r"(?<!\w)@(\w[\w.-]*)")


@dataclass(frozen=True)
class Posted:
    """The message is in the signed record. `is_new` is false when the client key had been used for it before."""

    message: Message
    is_new: bool


@dataclass(frozen=True)
class Refusal:
    """Policy refused the words: the record keeps them, nobody sees them."""

    client_key: UUID
    reasons: tuple[dict[str, str], ...]


def clean_body(body: object, *, has_files: bool = False) -> str:
    """Return the words as they are kept, none only beside a file; raises Invalid with what is allowed."""
    if not isinstance(body, str):
        raise Invalid("body", "The message must be text.")
    if "\x00" in body:
        raise Invalid("body", "The message contains a NUL character, which cannot be kept.")
    if any("\ud800" <= character <= "\udfff" for character in body):
        raise Invalid("body", "The message contains half a character (a lone surrogate), which cannot be kept.")
    if not body.strip() and not has_files:
        raise Invalid("body", "The message is empty.")
    if len(body.encode()) > settings.ONRECORD_BODY_BYTES:
        raise Invalid("body", f"The message is longer than {settings.ONRECORD_BODY_BYTES:,} bytes.")
    return body.strip()


def post_message(
    person: Person,
    *,
    conversation_id: int,
    client_key: UUID,
    body: str,
    attachments: Sequence[object] = (),
    at: datetime | None = None,
) -> Posted | Refusal:
    """Say something in a conversation. On return of `Posted` it is durable, in order, and under a signed checkpoint.

    `attachments` are ids of files that this person sent up. Raises NotFound (not a member), NotAllowed (a broadcast
    space one does not own), Invalid (field `body` or `attachments`), Unavailable (the store of files does not answer),
    Conflict (field `client_key`: it belongs to another message). Asking again with the same key gives the same answer.
    """
    ids = files.clean_ids(attachments)
    body = clean_body(body, has_files=bool(ids))
    files.require_durable(person, ids)
    return _post(person, conversation_id=conversation_id, client_key=client_key, body=body, ids=ids, at=at)


@ledger.action(lane="conversation_id")
def _post(
    person: Person, *, conversation_id: int, client_key: UUID, body: str, ids: tuple[UUID, ...], at: datetime | None
) -> Posted | Refusal:
    seat = access_conversation(person, conversation_id)
    earlier = _earlier_answer(seat, client_key)
    if earlier is not None:
        return earlier
    if not seat.may_post:
        raise NotAllowed("Only the owners of a broadcast space post in it.")
    at = at or timezone.now()
    if ids and seat.conversation.kind == Conversation.CLIENT:
        raise Invalid(files.FIELD, "Files cannot be sent to a phone: a text message carries words only.")
    attached = files.take_waiting(person, ids, at=at)
    words = Words(body=body, client_key=client_key, author=person, attachments=attached)
    verdict = review("\n".join([body, *(file.name for file in attached)]), rules=active_rules())
    if verdict.is_refused:
        return _refuse(seat, words, verdict, at=at)
    return Posted(message=_say(seat, words, verdict, at=at), is_new=True)


@ledger.action(lane="conversation_id")
def mark_read(person: Person, *, conversation_id: int, n: int, at: datetime | None = None) -> ReadMarker:
    """Move the person's read marker forward to number `n`; an older number changes nothing and records nothing."""
    seat = access_conversation(person, conversation_id)
    marker = ReadMarker.objects.get(conversation=seat.conversation, person=person)
    n = min(n, seat.conversation.head)
    if n <= marker.n:
        return marker
    marker.n, marker.at = n, at or timezone.now()
    newest = Message.objects.filter(conversation=seat.conversation, n__lte=n).aggregate(newest=Max("ordinal"))
    marker.ordinal = max(marker.ordinal, newest["newest"] or 0)
    ledger.record(
        events.ReceiptMarked(
            stream=f"person:{person.pk}",
            actor=person.as_actor(),
            at=marker.at,
            conversation=seat.conversation.stream,
            n=n,
        )
    )
    marker.save(update_fields=["n", "ordinal", "at"])
    return marker


def _earlier_answer(seat: Seat, client_key: UUID) -> Posted | Refusal | None:
    if not rows.is_key_used(client_key):
        return None
    message = Message.objects.filter(client_key=client_key).select_related("author", "contact").first()
    if message is not None:
        if message.author_id != seat.person.pk or message.conversation_id != seat.conversation.pk:
            raise Conflict("client_key", "This client key belongs to another message.")
        return Posted(message=message, is_new=False)
    refused = RefusedPost.objects.filter(client_key=client_key).first()
    if refused is None:
        return None
    if refused.person_id != seat.person.pk or refused.conversation_id != seat.conversation.pk:
        raise Conflict("client_key", "This client key belongs to another message.")
    return Refusal(client_key=client_key, reasons=tuple(refused.reasons))


def _refuse(seat: Seat, words: Words, verdict: Verdict, *, at: datetime) -> Refusal:
    reasons = tuple(reason.as_json() for reason in verdict.reasons)
    receipt = ledger.record(
        events.MessageRefused(
            stream=f"person:{seat.person.pk}",
            actor=seat.person.as_actor(),
            at=at,
            body=words.body,
            attachments=words.attachments,
            client_key=str(words.client_key),
            conversation=seat.conversation.stream,
            hits=verdict.hits,
            reasons=tuple(dict(reason) for reason in reasons),
        )
    )
    files.name_in_record(words.attachments, seq=receipt.seq)
    RefusedPost.objects.create(
        client_key=words.client_key,
        person=seat.person,
        conversation=seat.conversation,
        seq=receipt.seq,
        reasons=list(reasons),
        at=at,
    )
    return Refusal(client_key=words.client_key, reasons=reasons)


def _say(seat: Seat, words: Words, verdict: Verdict, *, at: datetime) -> Message:
    if seat.conversation.kind == Conversation.CLIENT:
        return texts.queue_text(seat.conversation, words, hits=verdict.hits, at=at)
    event = events.MessageCreated(
        stream=seat.conversation.stream,
        actor=seat.person.as_actor(),
        at=at,
        body=words.body,
        attachments=words.attachments,
        client_key=str(words.client_key),
        hits=verdict.hits,
    )
    message = append_message(seat.conversation, event, words)
    _note_mentions(seat, message)
    return message


def _note_mentions(seat: Seat, message: Message) -> None:
    """Keep a row for each member named by their first name; a message without @ costs no query."""
    named = {name.casefold().rstrip(".-") for name in _MENTION.findall(message.body)}
    if not named:
        return
    members = Person.objects.filter(memberships__roster=seat.membership.roster_id, memberships__until_n=None)
    Mention.objects.bulk_create(
        Mention(message=message, conversation=seat.conversation, person=member, ordinal=message.ordinal)
        for member in members.exclude(pk=seat.person.pk)
        if member.name.split()[0].casefold() in named
    )
