"""Read what is said: the sidebar, pages of messages, events after a cursor. A constant number of queries each."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Count, Q

from messenger.conversations.access import Seat, list_seats
from messenger.conversations.frames import (
    Frame,
    conversation_title,
    event_frames,
    instant,
    message_frames,
    person_frame,
)
from messenger.conversations.loading import load_events
from messenger.conversations.models import Conversation, Message, StreamEvent
from messenger.conversations.paging import PAGE, MessagePage, newest_page, page_before
from messenger.conversations.places import ReadState, list_heads, read_marks
from messenger.people.models import Person
from messenger.sms.models import ConsentHead
from messenger.spaces.models import Membership

MAX_SYNC = 500
FEW = 16
AT_ONCE = 200  # conversations in one statement: SQLite refuses a condition of a thousand parts


@dataclass(frozen=True)
class Sync:
    """Events after the cursors; `is_limited` asks the client to come again from its new cursors.

    `resets` are the `[conversation, head]` of cursors ahead of the head: numbers that the client was told are no more.
    """

    events: list[Frame]
    heads: list[list[int]]
    resets: list[list[int]]
    is_limited: bool


def list_conversations(person: Person) -> list[Frame]:
    """Return everything the person belongs to, newest first, with unread counts."""
    return conversation_frames(person, list_seats(person))


def conversation_frames(person: Person, seats: Sequence[Seat]) -> list[Frame]:
    """Return the conversations of these seats as the person sees them."""
    conversations = [seat.conversation for seat in seats]
    others = _others_in_direct(person, conversations)
    marks = read_marks(person, [conversation.pk for conversation in conversations] if len(seats) < FEW else None)
    consents = _consents(conversations)
    frames = []
    for seat in seats:
        conversation = seat.conversation
        mark = marks.get(conversation.pk) or ReadState(n=0, ordinal=conversation.ordinal, mentions=0)
        frames.append(
            {
                "id": conversation.pk,
                "kind": conversation.kind,
                "title": conversation_title(conversation, others[conversation.roster_id]),
                "subtitle": _subtitle(conversation),
                "space": conversation.space_id,
                "contact": _contact_frame(conversation, consents),
                "head": conversation.head,
                "last_at": instant(conversation.last_at),
                "unread": mark.unread(conversation.ordinal),
                "mentions": mark.mentions,
                "read_n": mark.n,
                "may_post": seat.may_post,
                "may_manage": seat.may_manage,
                "hue": _hue(conversation, others[conversation.roster_id]),
                "other": _only_other(others[conversation.roster_id]),
            }
        )
    return frames


def list_members(conversation: Conversation) -> list[Frame]:
    """Return the people who belong now, by name."""
    rows = Membership.objects.filter(roster=conversation.roster_id, until_n=None).select_related("person")
    members = [person_frame(row.person) | {"role": row.role} for row in rows]
    return sorted(members, key=lambda member: (str(member["name"]).casefold(), member["id"]))


def read_page(seat: Seat, *, before: int | None = None, limit: int = PAGE) -> MessagePage:
    """Return the newest messages that the seat may read, or the newest of those below number `before`."""
    return newest_page(seat, limit=limit) if before is None else page_before(seat, before=before, limit=limit)


def sync(person: Person, *, cursors: Mapping[int, int], limit: int = MAX_SYNC) -> Sync:
    """Return what happened after the cursors in the conversations that the person belongs to.

    A conversation without a cursor is left out: the client reads its newest page instead of its whole history.
    """
    limit = max(1, min(limit, MAX_SYNC))
    rows = Membership.objects.filter(person=person, until_n=None, roster__conversation__in=list(cursors))
    seats = [(row.roster.conversation, row) for row in rows.select_related("roster__conversation")]
    starts = {talk.pk: max(cursors[talk.pk], row.from_n - 1) for talk, row in seats}
    found = events_after(starts, limit=limit + 1)
    # As in `read_page`: up to the heads that were read with the seats.
    heads = {talk.pk: talk.head for talk, _ in seats}
    mine = [event for event in found[:limit] if event.n <= heads[event.conversation_id]]
    return Sync(
        events=event_frames(mine),
        heads=list_heads(person),
        resets=[[talk.pk, talk.head] for talk, _ in seats if cursors[talk.pk] > talk.head],
        is_limited=len(found) > limit,
    )


def events_after(starts: Mapping[int, int], *, limit: int) -> list[StreamEvent]:
    """Return the events after the given number of each conversation, by conversation and number."""
    if not starts:
        return []
    behind = _behind(starts)
    found: list[StreamEvent] = []
    for first in range(0, len(behind), AT_ONCE):
        wanted = {conversation_id: starts[conversation_id] for conversation_id in behind[first : first + AT_ONCE]}
        found += load_events(wanted, limit=limit - len(found))
        if len(found) >= limit:
            break
    return found


def _behind(starts: Mapping[int, int]) -> list[int]:
    """Return the conversations whose head is further on; a few are not worth the question."""
    if len(starts) <= FEW:
        return sorted(starts)
    heads = Conversation.objects.filter(pk__in=list(starts)).order_by("pk").values_list("pk", "head")
    return [conversation_id for conversation_id, head in heads if head > starts[conversation_id]]


def unclaimed_threads() -> list[Conversation]:
    """Return client threads that nobody holds, oldest first: inbound texts that wait for somebody."""
    return list(
        Conversation.objects.filter(kind=Conversation.CLIENT)
        .annotate(holders=Count("roster__memberships", filter=Q(roster__memberships__until_n=None)))
        .filter(holders=0)
        .select_related("contact")
        .order_by("last_at")[:200]
    )


def _others_in_direct(person: Person, conversations: Iterable[Conversation]) -> dict[int, list[Person]]:
    rosters = [c.roster_id for c in conversations if c.kind == Conversation.DIRECT]
    others: dict[int, list[Person]] = defaultdict(list)
    rows = Membership.objects.filter(roster__in=rosters).exclude(person=person).select_related("person")
    for row in rows.order_by("person__name", "person_id"):
        others[row.roster_id].append(row.person)
    return others


def _consents(conversations: Iterable[Conversation]) -> dict[int, str]:
    contacts = [c.contact_id for c in conversations if c.contact_id]
    if not contacts:
        return {}
    return dict(ConsentHead.objects.filter(contact__in=contacts).values_list("contact_id", "state"))


def _contact_frame(conversation: Conversation, consents: Mapping[int, str]) -> Frame | None:
    contact = conversation.contact
    if contact is None:
        return None
    state = consents.get(contact.pk, "none")
    return {
        "id": contact.pk,
        "name": contact.name,
        "number": contact.number,
        "consent": state,
        "suppressed": state == "suppressed",
    }


def _subtitle(conversation: Conversation) -> str:
    if conversation.contact is not None:
        return conversation.contact.number
    return conversation.space.purpose if conversation.space else ""


def _hue(conversation: Conversation, others: Sequence[Person]) -> int:
    if conversation.contact is not None:
        return conversation.contact.hue
    return others[0].hue if others else (conversation.pk * 47) % 360


def _only_other(others: Sequence[Person]) -> int | None:
    """Return the other person of a direct conversation of two: whose presence it shows."""
    return others[0].pk if len(others) == 1 else None


def message_frame_of(message: Message) -> Frame:
    """Return one message as clients see it; the row comes with `author` and `contact` at hand."""
    return message_frames([message])[0]
