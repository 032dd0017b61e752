"""Read what is said: the sidebar, pages of messages, events after a cursor. A constant number of queries each."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Count, F, Q

from messenger.conversations.access import Seat
from messenger.conversations.frames import (
    Frame,
    conversation_title,
    event_frames,
    instant,
    message_frames,
    person_frame,
)
from messenger.conversations.loading import load_events
from messenger.conversations.models import Conversation, Mention, Message, ReadMarker, StreamEvent
from messenger.conversations.places import list_heads
from messenger.people.models import Person
from messenger.sms.models import ConsentHead
from messenger.spaces.models import Membership

PAGE = 40
MAX_PAGE = 100
MAX_SYNC = 500
FEW = 16
AT_ONCE = 200  # conversations in one statement: SQLite refuses a condition of a thousand parts


@dataclass(frozen=True)
class MessagePage:
    """Messages ascending by number; `has_more` says that older ones exist."""

    messages: list[Frame]
    has_more: bool


@dataclass(frozen=True)
class Sync:
    """Events after the cursors; `is_limited` asks the client to come again from its new cursors."""

    events: list[Frame]
    heads: list[list[int]]
    is_limited: bool


def list_conversations(person: Person) -> list[Frame]:
    """Return everything the person belongs to, newest first, with unread counts."""
    seats = list(
        Membership.objects.filter(person=person, until_n=None)
        .select_related("roster__conversation__space", "roster__conversation__contact")
        .order_by("-roster__conversation__last_at", "-roster_id")
    )
    return conversation_frames(person, [Seat(person, seat.roster.conversation, seat) for seat in seats])


def conversation_frames(person: Person, seats: Sequence[Seat]) -> list[Frame]:
    """Return the conversations of these seats as the person sees them."""
    conversations = [seat.conversation for seat in seats]
    others = _others_in_direct(person, conversations)
    markers = {m.conversation_id: m for m in ReadMarker.objects.filter(person=person, conversation__in=conversations)}
    mentions = _unread_mentions(person, conversations)
    consents = _consents(conversations)
    frames = []
    for seat in seats:
        conversation, marker = seat.conversation, markers.get(seat.conversation.pk)
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
                "unread": conversation.ordinal - marker.ordinal if marker else 0,
                "mentions": mentions.get(conversation.pk, 0),
                "read_n": marker.n if marker else 0,
                "may_post": seat.may_post,
                "may_manage": seat.may_manage,
                "hue": _hue(conversation, others[conversation.roster_id]),
            }
        )
    return frames


def list_members(conversation: Conversation) -> list[Frame]:
    """Return the people who belong now, by name."""
    rows = Membership.objects.filter(roster=conversation.roster_id, until_n=None).select_related("person")
    members = [person_frame(row.person) | {"role": row.role} for row in rows]
    return sorted(members, key=lambda member: (str(member["name"]).casefold(), member["id"]))


def read_page(seat: Seat, *, before: int | None = None, limit: int = PAGE) -> MessagePage:
    """Return the newest messages below number `before` that the seat may read."""
    limit = max(1, min(limit, MAX_PAGE))
    rows = Message.objects.filter(conversation=seat.conversation, n__gte=seat.membership.from_n)
    if before is not None:
        rows = rows.filter(n__lt=before)
    newest = list(rows.select_related("author", "contact").order_by("-n")[: limit + 1])
    return MessagePage(messages=message_frames(reversed(newest[:limit])), has_more=len(newest) > limit)


def sync(person: Person, *, cursors: Mapping[int, int], limit: int = MAX_SYNC) -> Sync:
    """Return what happened after the cursors in the conversations that the person belongs to.

    A conversation without a cursor is left out: the client reads its newest page instead of its whole history.
    """
    limit = max(1, min(limit, MAX_SYNC))
    seats = Membership.objects.filter(person=person, until_n=None, roster__conversation__in=list(cursors))
    starts = {
        row.roster.conversation.pk: max(cursors[row.roster.conversation.pk], row.from_n - 1)
        for row in seats.select_related("roster__conversation")
    }
    rows = events_after(starts, limit=limit + 1)
    return Sync(events=event_frames(rows[:limit]), heads=list_heads(person), is_limited=len(rows) > limit)


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


def _unread_mentions(person: Person, conversations: Iterable[Conversation]) -> dict[int, int]:
    rows = Mention.objects.filter(
        person=person,
        conversation__in=list(conversations),
        conversation__markers__person=person,
        ordinal__gt=F("conversation__markers__ordinal"),
    )
    return dict(rows.values_list("conversation").annotate(count=Count("pk")))


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


def message_frame_of(message: Message) -> Frame:
    """Return one message as clients see it; the row comes with `author` and `contact` at hand."""
    return message_frames([message])[0]
