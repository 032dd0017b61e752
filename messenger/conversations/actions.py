"""What members do in a conversation: post, mark as read. One action = one transaction = one entry.

Posts are checked here for their form and handed over (postbox.py); what becomes of them is decided in posting.py.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils import timezone

from archive import events, ledger
from archive.statements import Question, fetch_together
from messenger.conversations import attachments as files
from messenger.conversations import postbox
from messenger.conversations.access import LARGEST, Seat
from messenger.conversations.markup import is_quick, render_body
from messenger.conversations.models import Message, ReadMarker
from messenger.conversations.posting import Answer, Posted, Refusal, Wish
from messenger.conversations.seats import seats_from, seats_question
from messenger.delivery import bus
from messenger.delivery.waking import settled
from messenger.people.doors import Door, coming_in_by, door_in_use, doors_question, open_doors
from messenger.people.errors import Denial, Invalid, NotFound, SignedOut
from messenger.people.loading import columns, load
from messenger.people.models import Person

__all__ = ["Posted", "Refusal", "clean_body", "mark_read", "post_from_loop", "post_message"]


def clean_body(body: object, *, has_files: bool = False) -> str:
    """Return the words as they are kept, none only beside a file; raises Invalid with what is allowed."""
    if not isinstance(body, str):
        raise Invalid("body", "The message must be text.")
    if "\x00" in body:
        raise Invalid("body", "The message contains a NUL character, which cannot be kept.")
    try:
        size_bytes = len(body.encode())  # and no look at each character: the event loop waits for this
    except UnicodeEncodeError as error:
        raise Invalid(
            "body", "The message contains half a character (a lone surrogate), which cannot be kept."
        ) from error
    if not body.strip() and not has_files:
        raise Invalid("body", "The message is empty.")
    if size_bytes > settings.ONRECORD_BODY_BYTES:
        raise Invalid("body", f"The message is longer than {settings.ONRECORD_BODY_BYTES:,} bytes.")
    return body.strip()


def post_message(
    person: Person,
    *,
    conversation_id: int,
    client_key: UUID,
    body: object,
    attachments: Sequence[object] = (),
    door: Door | None = None,
    at: datetime | None = None,
) -> Posted | Refusal:
    """Say something in a conversation. On return of `Posted` it is durable, in order, and under a signed checkpoint.

    `attachments` are ids of files that this person sent up; `door` is looked at again where they came in long ago.
    Raises NotFound (not a member), NotAllowed (a broadcast space one does not own), Invalid (field `body` or
    `attachments`), Unavailable (the store of files does not answer), Conflict (field `client_key`: it belongs to
    another message). Asking again with the same key gives the same answer.
    """
    ids = files.clean_ids(attachments)
    body = clean_body(body, has_files=bool(ids))
    files.require_durable(person, ids)
    wish = Wish(person.pk, conversation_id, client_key, body, render_body(body), files=ids, door=door, at=at)
    if ids or connection.in_atomic_block:
        return _told(postbox.write_alone(wish))
    ledger.give_back_connection()
    return _told(postbox.put(wish).result())


async def post_from_loop(
    person: Person, *, conversation_id: int, client_key: UUID, body: object, door: Door
) -> Posted | Refusal:
    """Say something without files, from an event loop: as `post_message`, but nobody's thread waits for it."""
    words = clean_body(body)
    # Markup can take long, and in the event loop everybody would wait for it.
    html = render_body(words) if is_quick(words) else await asyncio.to_thread(render_body, words)
    wish = Wish(person.pk, conversation_id, client_key, words, html, door=door)
    return _told(await settled(postbox.put(wish)))


def _told(answer: Answer) -> Posted | Refusal:
    if isinstance(answer, Denial):
        raise answer
    return answer


def mark_read(person: Person, *, conversation_id: int, n: int, at: datetime | None = None) -> ReadMarker:
    """Move the person's read marker forward to number `n`; an older number changes nothing and records nothing.

    Raises SignedOut, NotFound.
    """
    door = door_in_use()
    with coming_in_by(None):  # it is looked at in one trip with the seat: there is no act of which there are more
        return _mark_read(person.pk, conversation_id=conversation_id, n=n, door=door, at=at)


@ledger.action(lane="conversation_id")
def _mark_read(person_id: int, *, conversation_id: int, n: int, door: Door | None, at: datetime | None) -> ReadMarker:
    seat, marker = _place_of(person_id, conversation_id, door=door)
    n = min(n, seat.conversation.head)
    if n <= marker.n:
        return marker
    marker.n, marker.at = n, at or timezone.now()
    # By the number, whose order is that of the ordinals: the highest of all before it would read all of them.
    newest = Message.objects.filter(conversation=seat.conversation, n__lte=n).order_by("-n").values_list("ordinal")[:1]
    marker.ordinal = max(marker.ordinal, *(ordinal for (ordinal,) in newest), 0)
    ledger.record(
        events.ReceiptMarked(
            stream=f"person:{person_id}",
            actor=seat.person.as_actor(),
            at=marker.at,
            conversation=seat.conversation.stream,
            n=n,
        )
    )
    marker.save(update_fields=["n", "ordinal", "at"])
    bus.announce_reading(conversation_id, person_id, n=n)
    return marker


def _place_of(person_id: int, conversation_id: int, *, door: Door | None) -> tuple[Seat, ReadMarker]:
    """Return the seat and how far it has read, through a door that opens. Raises SignedOut, NotFound."""
    key, doors = (person_id, conversation_id), {door} if door else set()
    if conversation_id > LARGEST:
        raise NotFound
    of_seats, of_doors, of_markers = fetch_together(
        [seats_question([key]), doors_question(doors, at=timezone.now()), Question(_marker(), key)]
    )
    if doors != open_doors(doors, of_doors):
        raise SignedOut
    seat = seats_from(of_seats).get(key)
    if seat is None:
        raise NotFound
    return seat, load(ReadMarker, of_markers[0])


@cache
def _marker() -> str:
    """Written out, because each mark asks it."""
    return (
        f"SELECT {columns(ReadMarker, 'marker')} FROM {ReadMarker._meta.db_table} marker "  # noqa: S608 (names of models)
        "WHERE marker.person_id = %s AND marker.conversation_id = %s"
    )
