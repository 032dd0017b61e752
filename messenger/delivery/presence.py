"""Tells each socket of a process who of its colleagues is here: droppable frames, at changes only.

Whom somebody may see is asked of the database (`Circles`) for a whole set of people at a time, never for each member,
and only when one of them comes or goes. A frame that was dropped, or a question that failed, is made good by the whole
list a moment later. It must not decide who shares a conversation, nor keep anything longer than the sockets.
"""

import asyncio
import contextlib
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

import orjson
import structlog

from messenger.delivery import metrics
from messenger.delivery.line import Line
from messenger.delivery.parcels import Parcel, parcel
from messenger.delivery.reading import Circles
from messenger.delivery.roll import Roll, text_of, word_of

TICK_S = 1.0
TOGETHER_S = 0.2  # who comes or goes in this time is told together
AT_ONCE = 100  # people in one question

log = structlog.get_logger(__name__)
Sets = defaultdict[int, set[int]]  # people by person


@dataclass(eq=False)
class Presence:
    """Who is here, for the sockets of one hub. `publish(text)` tells the other processes."""

    circles: Circles
    publish: Callable[[str], None]
    node: str = field(default_factory=lambda: secrets.token_hex(6))
    roll: Roll = field(default_factory=Roll)
    _lines: dict[int, set[Line]] = field(default_factory=lambda: defaultdict(set))
    _unsure: set[Line] = field(default_factory=set)  # they get the whole list: new ones, and where something was lost
    _met: set[tuple[int, int]] = field(default_factory=set)  # (person, conversation) that belong together from now on
    _parted: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))  # from whom a person was separated
    _shrunk: set[int] = field(default_factory=set)  # conversations that somebody has left
    _bell: asyncio.Event = field(default_factory=asyncio.Event)

    def greet(self, line: Line) -> None:
        """Begin to tell a socket. A person is here by their sessions; a program with a token is nobody's presence."""
        self._lines[line.person_id].add(line)
        self._unsure.add(line)
        if line.session_id is not None:
            self.roll.arrive(line.person_id)
        self._bell.set()

    def part(self, line: Line) -> None:
        """Forget a socket, greeted or not."""
        lines = self._lines.get(line.person_id, set())
        if line not in lines:
            return
        lines.discard(line)
        self._unsure.discard(line)
        if not lines:
            del self._lines[line.person_id]
        if line.session_id is not None:
            self.roll.depart(line.person_id, now=time.monotonic())
        self._bell.set()

    def meet(self, person_id: int, conversation_id: int) -> None:
        """Note that somebody has joined a conversation: its members may see each other from now on."""
        if self._lines:
            self._met.add((person_id, conversation_id))
            self._bell.set()

    def separate(self, person_id: int, conversation_id: int, others: Collection[int]) -> None:
        """Note that somebody has left a conversation of these: who shares no other one with them sees them no more."""
        watching = self._lines.keys() & others
        if watching:
            self._parted[person_id] |= watching
            self._shrunk.add(conversation_id)
            self._bell.set()

    def hear(self, text: str) -> None:
        """Take what the bus brought: another process's word, or our own, which is passed over as is one that cannot be
        read (a node of another version): the bus must not stop for it.
        """
        try:
            node, word = word_of(text)
        except ValueError:
            metrics.count(metrics.UNREADABLE)
            log.warning("presence_unreadable")
            return
        if node != self.node:
            self.roll.hear(node, word, now=time.monotonic())
            self._bell.set()

    async def run(self) -> None:
        """Tell for ever. What fails is logged, and made good by whole lists."""
        while True:
            await self._wait()
            try:
                await self._tell_once()
            except Exception as error:  # noqa: BLE001  # the database may be away: this loop must live on
                log.warning("presence_failed", error=type(error).__name__)
                self._unsure |= {line for lines in self._lines.values() for line in lines}
                await asyncio.sleep(TICK_S)

    async def _wait(self) -> None:
        # Not wait_for: before Python 3.12 it swallows a cancellation that meets the bell.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if self._is_idle() else TICK_S):
                await self._bell.wait()
        await asyncio.sleep(TOGETHER_S if self._bell.is_set() else 0)
        self._bell.clear()

    def _is_idle(self) -> bool:
        return self.roll.is_quiet and not self._lines

    async def _tell_once(self) -> None:
        now = time.monotonic()
        self.roll.settle(now=now)
        word = self.roll.word_to_say(now=now)
        if word is not None:
            self.publish(text_of(self.node, word))
        news = self._take_news()
        if self._lines:
            await self._note_crossed(news)
            self._tell(await self._read(news.people()), news)

    def _take_news(self) -> "News":
        """Take what has happened. It is taken before the question: a socket that comes while that runs was not asked
        for, and is the next round's.
        """
        came, gone = self.roll.take_changes()
        met, self._met = self._met, set()
        parted, self._parted = self._parted, defaultdict(set)
        shrunk, self._shrunk = self._shrunk, set()
        unsure, self._unsure = self._unsure, set()
        unsure |= {line for person_id, _ in met for line in self._lines.get(person_id, ())}
        return News(came=came, gone=gone, met=met, parted=parted, shrunk=shrunk, unsure=unsure)

    async def _note_crossed(self, news: "News") -> None:
        """Have those told anew whose conversation has become too large to show who is here, or small enough."""
        grown = {conversation_id for _, conversation_id in news.met}
        if grown or news.shrunk:
            people = await self.circles.crossed(grown, news.shrunk)
            news.unsure.update(line for person_id in people for line in self._lines.get(person_id, ()))

    async def _read(self, people: Collection[int]) -> Mapping[int, frozenset[int]]:
        found: dict[int, frozenset[int]] = {}
        asked = sorted(people)
        for first in range(0, len(asked), AT_ONCE):
            found |= await self.circles.read(asked[first : first + AT_ONCE])
        return found

    def _tell(self, circles: Mapping[int, frozenset[int]], news: "News") -> None:
        here = self.roll.here()
        shown, hidden = news.by_viewer(circles, here=here)
        frames = Frames()
        get_whole = self._unsure | news.unsure
        for viewer in shown.keys() | hidden.keys():
            people, lost = shown[viewer], hidden[viewer]
            frame = frames.change(here=people & here, gone=(people - here) | lost)
            self._send(frame, to=self._lines.get(viewer, set()) - get_whole)
        colleagues = _viewers(circles, of={line.person_id for line in news.unsure})
        for line in news.unsure:
            self._send(frames.whole((colleagues[line.person_id] & here) - {line.person_id}), to=(line,))

    def _send(self, frame: Parcel, *, to: Iterable[Line]) -> None:
        for line in to:
            if not line.offer_droppable(frame) and not line.is_closing:
                self._unsure.add(line)


@dataclass(frozen=True, slots=True)
class News:
    """What has happened since the last round."""

    came: frozenset[int]
    gone: frozenset[int]
    met: Collection[tuple[int, int]]  # (person, conversation)
    parted: Mapping[int, Collection[int]]  # by person who has left a conversation, others of it
    shrunk: Collection[int]  # conversations that somebody has left
    unsure: set[Line]

    def people(self) -> set[int]:
        """Return whose circles must be known to tell it."""
        joined = {person_id for person_id, _ in self.met}
        return joined.union(self.came, self.gone, self.parted, (line.person_id for line in self.unsure))

    def by_viewer(self, circles: Mapping[int, frozenset[int]], *, here: Collection[int]) -> tuple[Sets, Sets]:
        """Return by viewer the people of whom they are told whether they are here, and those they may see no more."""
        viewers = _viewers(circles, of=self.came | self.gone)
        for person_id, conversation_id in self.met:
            if person_id in here:
                viewers[person_id] |= circles.get(conversation_id, frozenset())
        still = _viewers(circles, of=self.parted.keys())
        former = {person_id: frozenset(others) - still[person_id] for person_id, others in self.parted.items()}
        return _turned(viewers), _turned(former)


class Frames:
    """The frames of one round, each built once for all who get the same."""

    def __init__(self) -> None:
        self._made: dict[tuple[bool, frozenset[int], frozenset[int]], Parcel] = {}

    def change(self, *, here: Collection[int], gone: Collection[int]) -> Parcel:
        """Return who has come and who has gone."""
        return self._frame(frozenset(here), frozenset(gone), is_whole=False)

    def whole(self, here: Collection[int]) -> Parcel:
        """Return everybody who is here; whoever is not in it is not."""
        return self._frame(frozenset(here), frozenset(), is_whole=True)

    def _frame(self, here: frozenset[int], gone: frozenset[int], *, is_whole: bool) -> Parcel:
        key = (is_whole, here, gone)
        if key not in self._made:
            frame = {"t": "eph", "kind": "presence", "whole": is_whole, "here": sorted(here), "gone": sorted(gone)}
            self._made[key] = parcel(orjson.dumps(frame))
        return self._made[key]


def _viewers(circles: Mapping[int, frozenset[int]], *, of: Collection[int]) -> defaultdict[int, frozenset[int]]:
    """Return by person who shares a conversation with them, themselves included."""
    found: defaultdict[int, frozenset[int]] = defaultdict(frozenset)
    for members in circles.values():
        for person_id in members.intersection(of):
            found[person_id] |= members
    return found


def _turned(viewers: Mapping[int, Iterable[int]]) -> Sets:
    """Return by viewer whom they see, from the viewers of each; nobody is told of themselves."""
    found: Sets = defaultdict(set)
    for person_id, seen_by in viewers.items():
        for viewer in seen_by:
            if viewer != person_id:
                found[viewer].add(person_id)
    return found
