"""Who is told that somebody is here, when sockets come, go, stall and close. Hubs, lines and bus are the real ones."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import pytest

from messenger.delivery import presence as presence_module
from messenger.delivery import roll
from messenger.delivery.hub import Hub
from messenger.delivery.line import TOO_SLOW, Line
from messenger.delivery.outlets import QueuedOutlet
from messenger.delivery.parcels import Parcel, parcel
from messenger.delivery.presence import Presence
from messenger.delivery.reading import Circles, Source
from tests.messenger.delivery import stage

ALICE, BOB, CHARLIE, DANA = 1, 2, 3, 4
TALK = 7


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less patience than people have."""
    monkeypatch.setattr(presence_module, "TOGETHER_S", 0.01)
    monkeypatch.setattr(presence_module, "TICK_S", 0.02)
    monkeypatch.setattr(roll, "GRACE_S", 0.1)


@dataclass
class Screen(stage.Device):
    """Shows who is here; numbered frames are passed over."""

    heard: list[dict[str, Any]] = field(default_factory=list)

    def keep(self, frame: bytes) -> None:
        shown = json.loads(frame)
        if isinstance(shown, dict):
            self.heard.append(shown)

    @property
    def here(self) -> set[int]:
        """Return who is here according to the frames, as docs/protocol.md says to read them."""
        people: set[int] = set()
        for frame in self.heard:
            people = set(frame["here"]) if frame["whole"] else (people | set(frame["here"])) - set(frame["gone"])
        return people


@dataclass
class Firm:
    """Processes that hear each other, and who talks with whom. `meanwhile` happens while a question runs."""

    circles: dict[int, frozenset[int]] = field(default_factory=lambda: {TALK: frozenset({ALICE, BOB})})
    processes: list[Presence] = field(default_factory=list)
    asked: list[list[int]] = field(default_factory=list)
    large: set[int] = field(default_factory=set)  # conversations that show nobody
    near: set[int] = field(default_factory=set)  # and those whose number of members is near the limit
    meanwhile: Callable[[], None] | None = None
    is_away: bool = False
    is_deaf: bool = False
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def begin_process(self) -> Presence:
        process = Presence(circles=Circles(read=self.read, crossed=self.find_crossed), publish=self.pass_on)
        self.processes.append(process)
        self.tasks.append(asyncio.create_task(process.run()))
        return process

    def pass_on(self, text: str) -> None:
        for process in () if self.is_deaf else self.processes:
            process.hear(text)

    async def read(self, people: Collection[int]) -> dict[int, frozenset[int]]:
        if self.is_away:
            raise ConnectionError("the database is away")
        self.asked.append(list(people))
        if self.meanwhile is not None:
            self.meanwhile()
        shown = {c: members for c, members in self.circles.items() if c not in self.large}
        return {c: members for c, members in shown.items() if members.intersection(people)}

    async def find_crossed(self, grown: Collection[int], shrunk: Collection[int]) -> frozenset[int]:
        crossed = (self.near & self.large).intersection(grown) | (self.near - self.large).intersection(shrunk)
        return frozenset[int]().union(*(self.circles[c] for c in crossed))

    def connect(self, process: Presence, person_id: int, *, session_id: int | None = 1) -> tuple[Screen, Line]:
        screen = Screen()
        line = Line(person_id=person_id, session_id=session_id, outlet=QueuedOutlet(screen.take), close=screen.hang_up)
        process.greet(line)
        return screen, line


def _in_firm(scene: Callable[[Firm], Awaitable[None]]) -> None:
    async def play() -> None:
        firm = Firm()
        try:
            async with asyncio.timeout(10):
                await scene(firm)
        finally:
            for task in firm.tasks:
                task.cancel()

    asyncio.run(play())


async def _until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        await asyncio.sleep(0.005)


async def _some_time() -> None:
    await asyncio.sleep(0.15)


def test_colleagues_see_each_other_come_and_go_and_nobody_else_does() -> None:
    async def scene(firm: Firm) -> None:
        process = firm.begin_process()
        alice, _ = firm.connect(process, ALICE)
        charlie, _ = firm.connect(process, CHARLIE)
        bob, line = firm.connect(process, BOB)
        await _until(lambda: alice.here == {BOB} and bob.here == {ALICE})
        process.part(line)
        await _until(lambda: alice.here == set())
        await _some_time()
        assert {person for frame in charlie.heard for person in frame["here"] + frame["gone"]} == set()

    _in_firm(scene)


def test_without_a_change_nothing_is_said_and_nobody_is_asked_for() -> None:
    async def scene(firm: Firm) -> None:
        process = firm.begin_process()
        alice, _ = firm.connect(process, ALICE)
        _, line = firm.connect(process, BOB)
        await _until(lambda: alice.here == {BOB})
        frames, questions = len(alice.heard), len(firm.asked)
        second, _ = firm.connect(process, BOB)
        await _until(lambda: second.here == {ALICE})
        process.part(line)  # his first tab; the second one stays
        await asyncio.sleep(0.3)
        assert (len(alice.heard), len(firm.asked)) == (frames, questions + 1), "only the new tab was asked for"

    _in_firm(scene)


def test_who_loads_the_page_anew_does_not_flicker() -> None:
    async def scene(firm: Firm) -> None:
        process = firm.begin_process()
        alice, _ = firm.connect(process, ALICE)
        _, line = firm.connect(process, BOB)
        await _until(lambda: alice.here == {BOB})
        frames = len(alice.heard)
        for _ in range(5):
            process.part(line)
            await asyncio.sleep(0.05)
            _, line = firm.connect(process, BOB)
        await _some_time()
        assert (len(alice.heard), alice.here) == (frames, {BOB})

    _in_firm(scene)


def test_processes_tell_each_other_and_who_moves_between_them_does_not_flicker() -> None:
    async def scene(firm: Firm) -> None:
        left, right = firm.begin_process(), firm.begin_process()
        alice, _ = firm.connect(left, ALICE)
        bob, line = firm.connect(right, BOB)
        await _until(lambda: alice.here == {BOB} and bob.here == {ALICE})
        frames = len(alice.heard)
        right.part(line)
        _, moved = firm.connect(left, BOB)
        await asyncio.sleep(0.3)
        assert (len(alice.heard), alice.here) == (frames, {BOB})
        left.part(moved)
        await _until(lambda: alice.here == set())

    _in_firm(scene)


def test_a_process_that_begins_later_learns_who_is_here() -> None:
    async def scene(firm: Firm) -> None:
        first = firm.begin_process()
        firm.connect(first, ALICE)
        await _some_time()
        bob, _ = firm.connect(firm.begin_process(), BOB)
        await _until(lambda: bob.here == {ALICE})

    _in_firm(scene)


def test_a_lost_word_is_made_good_by_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roll, "BEAT_S", 0.2)

    async def scene(firm: Firm) -> None:
        left, right = firm.begin_process(), firm.begin_process()
        alice, _ = firm.connect(left, ALICE)
        firm.is_deaf = True
        firm.connect(right, BOB)
        await _some_time()
        assert alice.here == set()
        firm.is_deaf = False
        await _until(lambda: alice.here == {BOB})

    _in_firm(scene)


def test_a_program_with_a_token_sees_who_is_here_and_makes_nobody_present() -> None:
    async def scene(firm: Firm) -> None:
        process = firm.begin_process()
        alice, _ = firm.connect(process, ALICE)
        robot, _ = firm.connect(process, BOB, session_id=None)
        await _until(lambda: robot.here == {ALICE})
        await _some_time()
        assert alice.here == set()

    _in_firm(scene)


def test_a_socket_that_reads_slowly_is_spared_and_gets_the_whole_later() -> None:
    async def scene(firm: Firm) -> None:
        process = firm.begin_process()
        alice, line = firm.connect(process, ALICE)
        await _until(lambda: len(alice.heard) == 1)
        alice.is_stalled = True
        numbered = {"whole": False, "here": [], "gone": []}
        for _ in range(130):
            line.offer(parcel(json.dumps(numbered).encode()))
        firm.connect(process, BOB)
        await _some_time()
        alice.is_stalled = False
        alice.resume.set()
        await _until(lambda: alice.here == {BOB})
        assert alice.heard[-1]["whole"] is True

    _in_firm(scene)


def test_while_the_database_is_away_nobody_is_shown_and_then_everybody() -> None:
    async def scene(firm: Firm) -> None:
        process = firm.begin_process()
        alice, _ = firm.connect(process, ALICE)
        await _until(lambda: len(alice.heard) == 1)
        firm.is_away = True
        firm.connect(process, BOB)
        await _some_time()
        assert alice.here == set()
        firm.is_away = False
        await _until(lambda: alice.here == {BOB})

    _in_firm(scene)


def test_who_joins_a_conversation_is_seen_in_it() -> None:
    async def scene(firm: Firm) -> None:
        process = firm.begin_process()
        alice, _ = firm.connect(process, ALICE)
        charlie, _ = firm.connect(process, CHARLIE)
        await _some_time()
        firm.circles[8] = frozenset({ALICE, CHARLIE})
        process.meet(CHARLIE, 8)
        await _until(lambda: alice.here == {CHARLIE} and charlie.here == {ALICE})

    _in_firm(scene)


def test_who_leaves_a_conversation_is_seen_by_those_only_with_whom_they_share_another() -> None:
    async def scene(firm: Firm) -> None:
        firm.circles = {TALK: frozenset({ALICE, BOB, CHARLIE}), 8: frozenset({BOB, CHARLIE})}
        process = firm.begin_process()
        alice, _ = firm.connect(process, ALICE)
        charlie, _ = firm.connect(process, CHARLIE)
        firm.connect(process, BOB)
        await _until(lambda: alice.here == {BOB, CHARLIE} and charlie.here == {ALICE, BOB})
        firm.circles[TALK] = frozenset({ALICE, CHARLIE})
        frames = len(charlie.heard)
        process.separate(BOB, TALK, {ALICE, BOB, CHARLIE, DANA})
        await _until(lambda: alice.here == {CHARLIE})
        await _some_time()
        assert (len(charlie.heard), charlie.here, alice.here) == (frames, {ALICE, BOB}, {CHARLIE})

    _in_firm(scene)


def test_a_conversation_that_grows_too_large_shows_nobody_at_once_and_everybody_when_it_shrinks_again() -> None:
    async def scene(firm: Firm) -> None:
        firm.circles, firm.near = {TALK: frozenset({ALICE, BOB, CHARLIE}), 8: frozenset({ALICE, BOB})}, {TALK}
        process = firm.begin_process()
        alice, _ = firm.connect(process, ALICE)
        charlie, _ = firm.connect(process, CHARLIE)
        bob, _ = firm.connect(process, BOB)
        await _until(lambda: alice.here == {BOB, CHARLIE} and charlie.here == {ALICE, BOB})
        firm.circles[TALK], firm.large = frozenset({ALICE, BOB, CHARLIE, DANA}), {TALK}
        process.meet(DANA, TALK)
        await _until(lambda: alice.here == {BOB} and bob.here == {ALICE} and charlie.here == set())
        firm.circles[TALK], firm.large = frozenset({ALICE, BOB, CHARLIE}), set()
        process.separate(DANA, TALK, {ALICE, BOB, CHARLIE})
        await _until(lambda: alice.here == {BOB, CHARLIE} and charlie.here == {ALICE, BOB})

    _in_firm(scene)


def test_the_hub_says_who_has_left_a_conversation() -> None:
    async def scene(firm: Firm) -> None:
        store, process = stage.Store(), firm.begin_process()
        hub = Hub(Source(marks=store.marks, fetch=store.fetch, typing=store.typing), attendance=process)
        firm.tasks.append(asyncio.create_task(hub.run()))
        office = stage.Office(store, hub)
        alice, line = firm.connect(process, ALICE)
        await hub.join(line)
        hub.follow(line, {TALK: office.start(ALICE, after=0)})
        firm.connect(process, BOB)
        await _until(lambda: alice.here == {BOB})
        firm.circles = {}
        store.remove(BOB)
        await office.settle()
        await _until(lambda: alice.here == set())

    _in_firm(scene)


def test_many_who_come_at_once_are_asked_for_in_few_questions() -> None:
    async def scene(firm: Firm) -> None:
        firm.circles = {TALK: frozenset(range(1, 301))}
        process = firm.begin_process()
        screens = [firm.connect(process, person_id)[0] for person_id in range(1, 301)]
        await _until(lambda: all(len(screen.here) == 299 for screen in screens))
        assert len(firm.asked) <= 6
        assert max(map(len, firm.asked)) <= presence_module.AT_ONCE

    _in_firm(scene)


def test_who_connects_while_a_question_runs_gets_a_whole_list_of_their_own() -> None:
    async def scene(firm: Firm) -> None:
        firm.circles = {TALK: frozenset({ALICE, DANA}), 8: frozenset({CHARLIE, DANA})}
        process = firm.begin_process()
        alice, _ = firm.connect(process, ALICE)
        await _until(lambda: len(alice.heard) == 1)
        arrived: list[Screen] = []

        def let_dana_in() -> None:
            firm.meanwhile = None
            arrived.append(firm.connect(process, DANA)[0])

        firm.meanwhile = let_dana_in
        firm.connect(process, CHARLIE)  # only he is asked for; she shares a conversation with Alice too
        await _until(lambda: bool(arrived) and bool(arrived[0].heard))
        assert (arrived[0].heard[0]["whole"], arrived[0].here) == (True, {ALICE, CHARLIE})

    _in_firm(scene)


class Broken(QueuedOutlet):
    """A socket whose server raises at a write."""

    def put(self, parcel: Parcel) -> None:
        raise RuntimeError("the handler is closed")


def test_a_socket_that_breaks_at_a_write_is_closed_and_the_others_are_told() -> None:
    async def scene(firm: Firm) -> None:
        process = firm.begin_process()
        alices = [firm.connect(process, ALICE) for _ in range(6)]
        await _until(lambda: all(len(screen.heard) == 1 for screen, _ in alices))
        for screen, line in alices[::2]:
            line.outlet = Broken(screen.take)
        firm.connect(process, BOB)
        await _until(lambda: all(screen.here == {BOB} for screen, _ in alices[1::2]))
        assert [screen.closed for screen, _ in alices] == [[TOO_SLOW], []] * 3

    _in_firm(scene)


@pytest.mark.parametrize("text", ["", "other", "other x 1", "other 1 1,x", "other 1 1 2", "other 1"])
def test_an_unreadable_word_is_passed_over_and_the_next_one_heard(text: str) -> None:
    async def scene(firm: Firm) -> None:
        process = firm.begin_process()
        alice, _ = firm.connect(process, ALICE)
        process.hear(text)
        process.hear(f"other 1 {BOB}")
        await _until(lambda: alice.here == {BOB})

    _in_firm(scene)
