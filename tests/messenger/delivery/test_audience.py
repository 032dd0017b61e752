"""Who is handed what of one reading, against the plain rule: after the cursor, within the stay, nothing else."""

import asyncio
from dataclasses import dataclass, field

from hypothesis import example, given
from hypothesis import strategies as st

from messenger.delivery.audience import Audience, Since
from messenger.delivery.line import Line
from messenger.delivery.outlets import Broken
from messenger.delivery.parcels import Parcel, Shipment
from messenger.delivery.reading import Start, Stay
from tests.messenger.delivery.stage import TALK, Phone

SMALL = st.integers(min_value=0, max_value=6)


@dataclass(frozen=True)
class Listener:
    """A socket as it is before the reading."""

    cursor: int
    from_n: int
    until_n: int | None
    is_closing: bool
    is_full: bool

    def hears(self, number: int) -> bool:
        is_theirs = self.from_n <= number and (self.until_n is None or number <= self.until_n)
        return is_theirs and number > self.cursor and not self.is_closing and not self.is_full


@dataclass
class Ear:
    """An outlet that keeps numbers."""

    is_full: bool
    heard: list[int] = field(default_factory=list)

    def put(self, parcel: Parcel) -> None:
        self.heard += map(int, parcel.payloads)

    def fullness(self) -> float:
        return float(self.is_full)

    def watch(self, broken: Broken) -> None: ...

    async def flush(self) -> None: ...

    def stop(self) -> None: ...

    def abort(self) -> None: ...


LISTENERS = st.lists(
    st.builds(
        Listener,
        cursor=SMALL,
        from_n=SMALL,
        until_n=st.none() | SMALL,
        is_closing=st.sampled_from([False, False, False, True]),
        is_full=st.sampled_from([False, False, False, True]),
    ),
    min_size=1,
    max_size=6,
)
ABREAST = Listener(cursor=2, from_n=0, until_n=None, is_closing=False, is_full=False)
LATE = Listener(cursor=2, from_n=4, until_n=None, is_closing=False, is_full=False)  # came in while nothing was read
GOING = Listener(cursor=2, from_n=0, until_n=3, is_closing=False, is_full=False)


@given(listeners=LISTENERS, more=st.integers(min_value=1, max_value=4))
@example(listeners=[ABREAST, LATE, GOING], more=3)
def test_each_socket_is_handed_what_is_theirs_and_nothing_else(listeners: list[Listener], more: int) -> None:
    start = min(one.cursor for one in listeners)
    numbers = range(start + 1, start + more + 1)

    async def play() -> list[list[int]]:
        audience, ears = Audience(), [Ear(one.is_full) for one in listeners]
        for person, (one, ear) in enumerate(zip(listeners, ears, strict=True)):
            line = Line(person_id=person, session_id=person, outlet=ear, close=Phone().hang_up)
            audience.begin(line, TALK, Start(cursor=one.cursor, head=start, stay=Stay(person, one.from_n, one.until_n)))
            line.is_closing = one.is_closing
        shipment = Shipment([(n, str(n).encode()) for n in numbers])
        audience.deliver(TALK, shipment, since=Since(start=start, known=start))
        for line in audience.listeners(TALK):
            assert line.cursors[TALK] >= numbers[-1], "it would be handed the same again"
        return [ear.heard for ear in ears]

    assert asyncio.run(play()) == [[n for n in numbers if one.hears(n)] for one in listeners]
