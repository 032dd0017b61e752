"""Pages of a conversation's messages: the newest, older and newer ones, those around one. One index range each.

By number, never by an offset and without a count, so a page costs the same whatever its conversation has become. The
statements are written out (messenger/people/loading.py says why). Must not decide who may read: a seat does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from archive.statements import fetch
from messenger.conversations.access import LARGEST, Seat
from messenger.conversations.frames import Frame, Line, line_frames, speaker_frame
from messenger.conversations.loading import select_messages
from messenger.conversations.models import Message
from messenger.people.loading import converted
from messenger.people.models import Contact, Person

PAGE = 40
MAX_PAGE = 100
_SHOWN = Line._fields[:-1]  # the columns of a message; who said it comes from other tables


@dataclass(frozen=True)
class MessagePage:
    """Messages ascending by number. `has_more` says that older ones exist, `has_newer` that newer ones do."""

    messages: list[Frame]
    has_more: bool
    has_newer: bool = False


def newest_page(seat: Seat, *, limit: int = PAGE) -> MessagePage:
    """Return the newest messages that the seat may read."""
    found, has_more = _older(seat, before=LARGEST, limit=_bounded(limit))
    return MessagePage(line_frames(found), has_more)


def page_before(seat: Seat, *, before: int, limit: int = PAGE) -> MessagePage:
    """Return the newest messages below number `before` that the seat may read."""
    found, has_more = _older(seat, before=before, limit=_bounded(limit))
    newer, _ = _newer(seat, after=before - 1, limit=1)
    return MessagePage(line_frames(found), has_more, has_newer=bool(newer))


def page_after(seat: Seat, *, after: int, limit: int = PAGE) -> MessagePage:
    """Return the oldest messages above number `after` that the seat may read."""
    found, has_newer = _newer(seat, after=after, limit=_bounded(limit))
    older, _ = _older(seat, before=after + 1, limit=1)
    return MessagePage(line_frames(found), has_more=bool(older), has_newer=has_newer)


def page_around(seat: Seat, *, n: int, limit: int = PAGE) -> MessagePage:
    """Return messages around number `n`, as many before it as from it on where there are so many."""
    limit = _bounded(limit)
    older, has_more = _older(seat, before=n, limit=limit // 2)
    newer, has_newer = _newer(seat, after=n - 1, limit=limit - limit // 2)
    return MessagePage(line_frames([*older, *newer]), has_more, has_newer)


def _bounded(limit: int) -> int:
    return max(1, min(limit, MAX_PAGE))


def _older(seat: Seat, *, before: int, limit: int) -> tuple[list[Line], bool]:
    """Return the messages, ascending, and whether there are more beyond them."""
    found = fetch(_statement("DESC"), [*_range(seat, lowest=0, highest=before - 1), limit + 1])
    return _loaded(found[:limit][::-1]), len(found) > limit


def _newer(seat: Seat, *, after: int, limit: int) -> tuple[list[Line], bool]:
    found = fetch(_statement("ASC"), [*_range(seat, lowest=after + 1, highest=LARGEST), limit + 1])
    return _loaded(found[:limit]), len(found) > limit


def _range(seat: Seat, *, lowest: int, highest: int) -> tuple[int, int, int]:
    """Return conversation, lowest and highest number: one bound each way, of two SQLite takes one for the index.

    The highest is the head that was read with the seat: what came since may be numbered after their removal.
    """
    head, first = seat.conversation.head, seat.membership.from_n
    return seat.conversation.pk, max(lowest, first), min(highest, head)


@cache
def _statement(order: str) -> str:
    wanted = [*(f"message.{name}" for name in _SHOWN), "author.id", "author.name", "contact.id", "contact.name"]
    return (
        f"{select_messages(', '.join(wanted))} "
        f"WHERE message.conversation_id = %s AND message.n BETWEEN %s AND %s ORDER BY message.n {order} LIMIT %s"
    )


def _loaded(found: Sequence[Sequence[Any]]) -> list[Line]:  # Any: what columns hold
    """Return what is shown of the messages; who said several of them is described once."""
    speakers: dict[Sequence[Any], Frame] = {}
    lines = []
    for values in found:
        names = tuple(values[len(_SHOWN) :])
        if names not in speakers:
            speakers[names] = _speaker(*names)
        lines.append(Line._make([*converted(Message, _SHOWN, values[: len(_SHOWN)]), speakers[names]]))
    return lines


def _speaker(person_id: int | None, name: str, contact_id: int | None, contact: str) -> Frame:
    return speaker_frame(
        None if person_id is None else Person(id=person_id, name=name),
        None if contact_id is None else Contact(id=contact_id, name=contact),
    )
