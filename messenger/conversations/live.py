"""What the hub reads: new events encoded once, and what became of memberships and sessions. It must write nothing."""

from collections import defaultdict
from collections.abc import Iterable

import orjson
from django.db.models import Max

from messenger.conversations.frames import event_frames
from messenger.conversations.models import Conversation
from messenger.conversations.queries import events_after
from messenger.delivery.hub import Batch, Stay, Want
from messenger.people.models import Person, Revocation
from messenger.spaces.models import Membership

FETCH_LIMIT = 1000


def encode(frame: object) -> bytes:
    """Return a frame as it goes over the wire."""
    return orjson.dumps(frame)


def read_batch(want: Want) -> Batch:
    """Read what the hub wants. Memberships and revocations are read after the events: what they forbid is not shown."""
    rows = events_after(want.starts, limit=FETCH_LIMIT)
    frames: dict[int, list[tuple[int, bytes]]] = defaultdict(list)
    for row, frame in zip(rows, event_frames(rows), strict=True):
        frames[row.conversation_id].append((row.n, encode(frame)))
    arrivals = _arrivals(want)
    revoked = list(Revocation.objects.filter(pk__gt=want.revocation_mark).order_by("pk"))
    return Batch(
        frames=frames,
        stays=_stays(want, frames.keys()),
        revoked=tuple((row.person_id, row.session_id) for row in revoked),
        arrivals=tuple(_arrival(row) for row in arrivals),
        revocation_mark=revoked[-1].pk if revoked else want.revocation_mark,
        membership_mark=arrivals[-1].pk if arrivals else want.membership_mark,
        is_limited=len(rows) == FETCH_LIMIT,
    )


def current_marks() -> tuple[int, int]:
    """Return the newest revocation and membership ids: a hub that starts now knows of everything before."""
    revocation = Revocation.objects.aggregate(newest=Max("pk"))["newest"] or 0
    membership = Membership.objects.aggregate(newest=Max("pk"))["newest"] or 0
    return revocation, membership


def _arrivals(want: Want) -> list[Membership]:
    rows = Membership.objects.filter(pk__gt=want.membership_mark).select_related("roster__conversation")
    return list(rows.order_by("pk"))


def _arrival(row: Membership) -> tuple[int, int, int]:
    """Who came, where, and from which number an open socket goes on: older history is read as pages, not pushed."""
    conversation = row.roster.conversation
    return row.person_id, conversation.pk, max(row.from_n, conversation.head)


def _stays(want: Want, conversations: Iterable[int]) -> dict[tuple[int, int], Stay]:
    conversations = list(conversations)
    if not conversations:
        return {}
    rosters = dict(Conversation.objects.filter(pk__in=conversations).values_list("roster_id", "pk"))
    rows = Membership.objects.filter(roster__in=list(rosters), person__in=list(want.people)).order_by("pk")
    return {(rosters[row.roster_id], row.person_id): Stay(row.from_n, row.until_n) for row in rows}


def typing_frame(conversation_id: int, person_id: int) -> bytes:
    """Return the frame that says who types."""
    name = Person.objects.values_list("name", flat=True).get(pk=person_id)
    return encode({"t": "eph", "c": conversation_id, "kind": "typing", "person": {"id": person_id, "name": name}})
