"""What the hub reads: new events encoded once, and what became of memberships and sessions. It must write nothing.

A constant number of queries, however many members and conversations.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from functools import cache

import django.db
import orjson
from django.db.models import Max, Q

from archive.statements import fetch
from messenger.conversations.frames import event_frames
from messenger.conversations.loading import load_shares
from messenger.conversations.models import StreamEvent
from messenger.delivery.outlets import QUEUE_FRAMES
from messenger.delivery.reading import Arrival, Batch, Marks, Stay, Want
from messenger.people.models import Person, Revocation
from messenger.spaces.models import Membership

FETCH_LIMIT = QUEUE_FRAMES  # one fetch alone fills nobody's queue
# An end of a membership is an event of the stream with its own number; it cannot hide behind one of these.
_ENDS_NO_STAY = frozenset({"message.created", "message.removed", "sms.received", "sms.status"})


def encode(frame: object) -> bytes:
    """Return a frame as it goes over the wire."""
    return orjson.dumps(frame)


def read_batch(want: Want) -> Batch:
    """Read what the hub wants. Memberships and revocations are read after the events: what they forbid is not shown.

    A conversation that cannot be shown is named, and holds up nobody else, nor what ends an access.
    """
    shown = _show_all(want.starts)
    ended = _ended(shown.rows, want=want)
    moved = _moved(want.marks.event) if want.is_sweep else ()
    newest = _newest_marks()
    revoked = _revoked(want.marks.revocation) if newest.revocation > want.marks.revocation else []
    arrivals = _arrivals(want.marks.membership) if newest.membership > want.marks.membership else []
    return Batch(
        frames=shown.frames,
        ended=ended,
        arrivals=tuple(_arrival(row) for row in arrivals),
        revoked=tuple((row.person_id, row.session_id) for row in revoked if not _is_renewal(row)),
        renewed=tuple((row.person_id, row.session.pk) for row in revoked if row.session and _is_renewal(row)),
        marks=Marks(
            revocation=revoked[-1].pk if revoked else want.marks.revocation,
            membership=arrivals[-1].pk if arrivals else want.marks.membership,
            event=max((seq for _, _, seq in moved), default=want.marks.event),
        ),
        moved={conversation_id: n for conversation_id, n, _ in moved},
        newest_at=max((row.at for row in shown.rows), default=None),
        limited=frozenset(c for c, frames in shown.frames.items() if len(frames) >= _share(want.starts)),
        broken=shown.broken,
        is_put_back=_is_put_back(newest, want=want, has_moved=bool(moved)),
    )


def current_marks() -> Marks:
    """Return the newest rows: a hub that starts now knows of everything before."""
    newest = _newest_event()
    marks = _newest_marks()
    return Marks(revocation=marks.revocation, membership=marks.membership, event=newest)


def typing_frame(conversation_id: int, person_id: int) -> bytes:
    """Return the frame that says who types."""
    name = Person.objects.values_list("name", flat=True).get(pk=person_id)
    return encode({"t": "eph", "c": conversation_id, "kind": "typing", "person": {"id": person_id, "name": name}})


@dataclass(slots=True)
class _Shown:
    """Events that were read, and their frames by conversation."""

    rows: list[StreamEvent] = field(default_factory=list)
    frames: dict[int, list[tuple[int, bytes]]] = field(default_factory=lambda: defaultdict(list))
    broken: dict[int, Exception] = field(default_factory=dict)


def _share(starts: Sized) -> int:
    """Return how many events a conversation gets: who has much to catch up with holds up nobody."""
    return max(1, FETCH_LIMIT // max(1, len(starts)))


def _show_all(starts: Mapping[int, int]) -> _Shown:
    """Show all at once; if something in them cannot be shown, one conversation after the other, to find which."""
    shown = _Shown()
    if _try_to_show(starts, share=_share(starts), to=shown) is not None:
        for conversation_id, start in starts.items():
            error = _try_to_show({conversation_id: start}, share=_share(starts), to=shown)
            if error is not None:
                shown.broken[conversation_id] = error
    return shown


def _try_to_show(starts: Mapping[int, int], *, share: int, to: _Shown) -> Exception | None:
    """Return why it does not go, where that is in what was read; a database that is away is raised."""
    try:
        _show(starts, share=share, to=to)
    except django.db.Error:
        raise
    except Exception as error:  # noqa: BLE001  # the hub names it, with its conversation
        return error
    return None


def _show(starts: Mapping[int, int], *, share: int, to: _Shown) -> None:
    """Add the events after these numbers, or nothing if one of them cannot be shown."""
    rows = load_shares(starts, share=share)
    made = [(row.conversation_id, row.n, encode(frame)) for row, frame in zip(rows, event_frames(rows), strict=True)]
    to.rows += rows
    for conversation_id, n, payload in made:
        to.frames[conversation_id].append((n, payload))


def _newest_marks() -> Marks:
    """One statement for what nearly always says "nothing new"."""
    ((revocation, membership),) = fetch(_newest(), ())
    return Marks(revocation=revocation, membership=membership, event=0)


@cache
def _newest() -> str:
    tables = (Revocation._meta.db_table, Membership._meta.db_table)
    return "SELECT " + ", ".join(f"(SELECT coalesce(max(id), 0) FROM {table})" for table in tables)  # noqa: S608 (names of models)


def _revoked(mark: int) -> list[Revocation]:
    return list(Revocation.objects.filter(pk__gt=mark).select_related("session").order_by("pk"))


def _is_renewal(row: Revocation) -> bool:
    return row.session is not None and row.session.ended_at is None


def _arrivals(mark: int) -> list[Membership]:
    return list(Membership.objects.filter(pk__gt=mark).select_related("roster__conversation").order_by("pk"))


def _arrival(row: Membership) -> Arrival:
    conversation = row.roster.conversation
    return Arrival(row.person_id, conversation.pk, conversation.head, _stay(row))


def _stay(row: Membership) -> Stay:
    return Stay(membership=row.pk, from_n=row.from_n, until_n=row.until_n)


def _ended(rows: Sequence[StreamEvent], *, want: Want) -> tuple[tuple[int, int, Stay], ...]:
    """Return the memberships that ended since the hub last knew, in conversations whose events may have ended one."""
    suspects = {row.conversation_id for row in rows if row.kind not in _ENDS_NO_STAY}
    if not suspects:
        return ()
    since = Q()
    for conversation_id in suspects:
        since |= Q(roster__conversation=conversation_id, until_n__gt=want.known[conversation_id])
    found = Membership.objects.filter(since).select_related("roster__conversation").order_by("pk")
    return tuple((row.roster.conversation.pk, row.person_id, _stay(row)) for row in found)


def _moved(mark: int) -> Collection[tuple[int, int, int]]:
    """Return (conversation, newest number, newest entry) of every stream that grew after an entry of the record."""
    rows = StreamEvent.objects.filter(seq__gt=mark).order_by().values("conversation_id")
    return list(rows.annotate(newest=Max("n"), entry=Max("seq")).values_list("conversation_id", "newest", "entry"))


def _is_put_back(newest: Marks, *, want: Want, has_moved: bool) -> bool:
    """Say whether the database knows less than it did; rows of these kinds never go by themselves."""
    if newest.revocation < want.marks.revocation or newest.membership < want.marks.membership:
        return True
    return want.is_sweep and not has_moved and _newest_event() < want.marks.event


def _newest_event() -> int:
    return StreamEvent.objects.aggregate(newest=Max("seq"))["newest"] or 0
