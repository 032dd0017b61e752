"""What the hub asks for and what it is answered: plain values between it and the room that reads the database."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

CATCH_UP_EVENTS = 200  # who is further behind is not pushed what was said, but told how far it goes


@dataclass(frozen=True, slots=True)
class Marks:
    """The newest rows that are known: what is numbered after them is news. They grow in the order of commits."""

    revocation: int
    membership: int
    event: int  # entry in the record of the newest stream event


@dataclass(frozen=True, slots=True)
class Stay:
    """From which to which number somebody may read a conversation; `until_n` None while they belong."""

    membership: int  # its row: coming back is a newer one
    from_n: int
    until_n: int | None = None

    def or_newer(self, other: "Stay | None") -> "Stay":
        """Return what is known later: a newer row, or the same one with its end."""
        if other is None:
            return self
        return max(self, other, key=lambda stay: (stay.membership, stay.until_n is not None))


@dataclass(frozen=True, slots=True)
class Start:
    """Where a socket begins in a conversation: after `cursor`, with what was known of the membership at `head`."""

    cursor: int
    head: int
    stay: Stay


@dataclass(frozen=True, slots=True)
class Arrival:
    """A new membership, and how far its conversation went when it was read."""

    person_id: int
    conversation_id: int
    head: int
    stay: Stay


@dataclass(frozen=True, slots=True)
class Fresh:
    """An event that this process has just committed and that ends no membership: what a fetch would read of it."""

    conversation_id: int
    n: int
    at: datetime
    encode: Callable[[], bytes]  # the frame, byte for byte as a fetch makes it; made when the first one asks


@dataclass(frozen=True, slots=True)
class Want:
    """What to read: events after the numbers in `starts`, memberships that ended after those in `known`."""

    starts: Mapping[int, int]
    known: Mapping[int, int]  # by conversation, the number up to which every end of a membership is known
    marks: Marks
    is_sweep: bool = False  # also look for conversations that have moved on without a wake-up


@dataclass(frozen=True, slots=True)
class Batch:
    """What was read. Frames are encoded once, ascending by number."""

    frames: Mapping[int, list[tuple[int, bytes]]]
    ended: tuple[tuple[int, int, Stay], ...]  # (conversation, person, stay)
    arrivals: tuple[Arrival, ...]
    revoked: tuple[tuple[int, int | None], ...]  # (person, session or None for all)
    renewed: tuple[tuple[int, int], ...]  # (person, session that goes on under another cookie)
    marks: Marks
    moved: Mapping[int, int]  # of a sweep: conversation -> its newest number
    newest_at: datetime | None = None
    limited: frozenset[int] = frozenset()  # conversations of which there may be more
    broken: Mapping[int, Exception] = field(default_factory=dict)  # conversations that cannot be shown, and why
    is_put_back: bool = False  # the database knows less than it did: a copy from before has taken its place


@dataclass(frozen=True, slots=True)
class Circles:
    """Where presence reads who may see whom.

    `read`: from people to the conversations in which presence is shown, by conversation its members, the people asked
    for among them. `crossed`: from conversations that somebody has joined, and those that somebody has left, to the
    people who may see others than before because of their size.
    """

    read: Callable[[Collection[int]], Awaitable[Mapping[int, frozenset[int]]]]
    crossed: Callable[[Collection[int], Collection[int]], Awaitable[Collection[int]]]


@dataclass(frozen=True, slots=True)
class Source:
    """Where the hub reads: functions of the room above, each in another thread."""

    marks: Callable[[], Awaitable[Marks]]
    fetch: Callable[[Want], Awaitable[Batch]]
    typing: Callable[[int, int], Awaitable[bytes]]  # (conversation, person) -> frame
    circles: Circles | None = None  # None where nobody is shown to anybody
