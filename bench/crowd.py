"""The load of the real-time benchmarks: a crowd that speaks and counts what it hears. A program on a core of its own.

Reads lines of JSON, one wish each, and answers each with a line. What was sent and not heard by everybody in time is
`lost`, what somebody heard more often than it was sent is `doubled`. One loop over raw sockets: it must cost far less
than the servers that it measures, and `load_used_core` says whether it did.
"""

import json
import resource
import select
import socket
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from bench.asking import Figures
from bench.wires import KINDS, STAMP, Talk, Wire

PADDING = "Could you send me the term sheet for the seven year note before we speak?"
PATIENCE_S = 30.0
ENTRY_S = 120.0  # without anybody's getting further
SPEAKERS = 8
AT_ONCE = 32
EVENTS = 4096


@dataclass
class Crowd:
    """Everybody who is connected; a row uses the first ones, who are the members of its room."""

    kind: str
    port: int
    url: str
    names: Sequence[str]
    wires: list[Wire] = field(default_factory=list)
    poll: select.epoll = field(default_factory=select.epoll)
    by_number: dict[int, Wire] = field(default_factory=dict)
    heard: int = 0  # by all, ever

    def listen(self, until: float) -> list[Wire]:
        """Read what has come, or wait for it until then at the latest; return who was told something."""
        wait_s = max(0.0, until - time.monotonic())
        told = [self.by_number[number] for number, _ in self.poll.poll(wait_s, EVENTS)]
        for wire in told:
            before = wire.count
            wire.read()
            self.heard += wire.count - before
            if wire.is_lost:
                self.poll.unregister(wire)
        return told

    def connect(self, upto: int) -> None:
        """Connect everybody up to this number, a few at a time."""
        self._talk(map(self._open, range(len(self.wires), upto)))

    def enter(self, room: str, wires: Sequence[Wire]) -> None:
        """Bring them into the room; the first one alone, because that makes it."""
        for part in (wires[:1], wires[1:]):
            self._talk(_entering(wire, room) for wire in part)

    def _open(self, number: int) -> Wire:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)  # noqa: FBT003  (the socket's own way)
        wire = KINDS[self.kind](number, connection)
        self.wires.append(wire)
        self.by_number[wire.fileno()] = wire
        self.poll.register(wire, select.EPOLLIN)
        wire.begin(wire.open(url=self.url, name=self.names[number]))
        return wire

    def _talk(self, beginning: Iterable[Wire]) -> None:
        """Let the wires begin one after the other, AT_ONCE of them at a time, and wait until all are through."""
        waiting, talking = iter(beginning), set[Wire]()
        moved = time.monotonic()
        while True:
            while len(talking) < AT_ONCE and (wire := next(waiting, None)) is not None:
                talking.add(wire)
            through = {wire for wire in talking if wire.talk is None}
            talking -= through
            if any(wire.is_lost for wire in talking) or time.monotonic() > moved + ENTRY_S:
                raise RuntimeError("the server let somebody wait for ever, or hung up")
            if through:
                moved = time.monotonic()
            elif not talking:
                return
            else:
                self.listen(time.monotonic() + 1)

    def speak(self, number: int, *, room: str, members: int) -> None:
        speaker = self.wires[number % min(SPEAKERS, members)]
        speaker.post(room, (STAMP % time.monotonic_ns()) + PADDING)


def _entering(wire: Wire, room: str) -> Wire:
    talk: Talk | None = wire.enter(room)
    if talk is not None:
        wire.begin(talk)
    return wire


class Account:
    """What the wires hear from now on, member by member: one's second copy is not another's first."""

    def __init__(self, crowd: Crowd, wires: Sequence[Wire]) -> None:
        self.crowd, self.wires = crowd, wires
        self.before = [wire.count for wire in wires]
        self.first = crowd.heard

    @property
    def heard(self) -> int:
        """How much all together have heard; nobody else is told anything meanwhile."""
        return self.crowd.heard - self.first

    def close(self, due: Sequence[int]) -> dict[str, int]:
        """Say what is missing and what came twice; `due` is what each should have heard."""
        heard = [wire.count - before for wire, before in zip(self.wires, self.before, strict=True)]
        pairs = list(zip(heard, due, strict=True))
        return {
            "lost": sum(max(0, wanted - count) for count, wanted in pairs),
            "doubled": sum(max(0, count - wanted) for count, wanted in pairs),
            "hung_up": sum(wire.is_lost for wire in self.wires),
        }


def keep_in_flight(crowd: Crowd, *, room: str, members: int, in_flight: int, seconds: float) -> Figures:
    """Speak so that so many messages are always under way; a message is over when everybody has heard it."""
    account = Account(crowd, crowd.wires[:members])
    under_way: deque[float] = deque()
    lasts: list[float] = []
    begin = heard_at = time.monotonic()
    spoken = 0
    while (now := time.monotonic()) < begin + seconds or (under_way and now < heard_at + PATIENCE_S):
        while now < begin + seconds and len(under_way) < in_flight:
            under_way.append(time.monotonic())
            crowd.speak(spoken, room=room, members=members)
            spoken += 1
        if crowd.listen(min(begin + seconds, heard_at + PATIENCE_S) if now < begin + seconds else now + 1):
            heard_at = time.monotonic()
        while under_way and account.heard >= (len(lasts) + 1) * members:
            lasts.append(heard_at - under_way.popleft())
    return {
        "deliveries_per_s": round(account.heard / (heard_at - begin)) if account.heard else 0,
        **_times("last_", lasts),
        "messages": spoken,
        **account.close([spoken] * members),
    }


def speak_in_time(
    crowd: Crowd, *, room: str, members: int, per_second: float, seconds: float, patience_s: float = PATIENCE_S
) -> Figures:
    """Speak at a steady pace whatever comes back; every delivery is timed from the saying to the hearing."""
    wires, begin, spoken = crowd.wires[:members], time.monotonic(), 0
    account, delays_s = Account(crowd, wires), list[float]()
    for wire in wires:
        wire.stamps = []
    count = int(per_second * seconds)
    over_at = begin + seconds + patience_s
    while time.monotonic() < over_at and (spoken < count or account.heard < count * members):
        due = begin + spoken / per_second if spoken < count else over_at
        if time.monotonic() >= due:
            crowd.speak(spoken, room=room, members=members)
            spoken += 1
            continue
        told = crowd.listen(due)
        now = time.monotonic_ns()
        for wire in told:
            delays_s += [(now - sent) / 1e9 for sent in wire.stamps or ()]
            wire.stamps = []
    for wire in wires:
        wire.stamps = None
    return {**_times("", delays_s), "messages": count, **account.close([count] * members)}


@dataclass
class Sending:
    """Senders of whom each waits until its message is durable. `rooms` names the room of each."""

    crowd: Crowd
    rooms: Sequence[str]
    started: dict[int, float] = field(default_factory=dict)
    took: list[tuple[float, float]] = field(default_factory=list)  # (when it was acknowledged, after how long)
    posted: Counter[str] = field(default_factory=Counter)

    def post(self, wire: Wire) -> None:
        room = self.rooms[wire.number]
        self.started[wire.number] = time.monotonic()
        self.posted[room] += 1
        wire.post(room, PADDING)

    def answer(self, told: Sequence[Wire], *, until: float) -> None:
        """Let those whose message is durable now send the next one."""
        now = time.monotonic()
        for wire in told:
            if not wire.pending and wire.number in self.started:
                self.took.append((now, now - self.started.pop(wire.number)))
                if now < until:
                    self.post(wire)

    def due(self) -> list[int]:
        """Return what each sender should have heard: whatever was said in their room."""
        return [self.posted[room] for room in self.rooms]


def send_and_wait(crowd: Crowd, *, rooms: Sequence[str], seconds: float) -> Figures:
    """Everybody sends into their room, waits until it is durable, and sends again.

    The first tenth of the time is not counted in the rate and in the times.
    """
    wires = crowd.wires[: len(rooms)]
    account, sending = Account(crowd, wires), Sending(crowd, rooms)
    begin = time.monotonic()
    for wire in wires:
        sending.post(wire)
    over_at = begin + seconds + PATIENCE_S
    while time.monotonic() < over_at and (sending.started or account.heard < sum(sending.due())):
        sending.answer(crowd.listen(over_at), until=begin + seconds)
    counted = [each for at, each in sending.took if begin + seconds / 10 <= at <= begin + seconds]
    return {
        "per_second": round(len(counted) / (seconds * 0.9)),
        **_times("", counted),
        "messages": len(sending.took),
        "unanswered": len(sending.started),
        **account.close(sending.due()),
    }


def _times(prefix: str, times_s: Sequence[float]) -> dict[str, float]:
    """Return median and 99th percentile in milliseconds."""
    ordered = sorted(times_s) or [0.0]
    return {
        f"{prefix}p50_ms": round(ordered[len(ordered) // 2] * 1000, 1),
        f"{prefix}p99_ms": round(ordered[len(ordered) * 99 // 100] * 1000, 1),
    }


# --- wishes ----------------------------------------------------------------------------------------------------------
def _connect(crowd: Crowd, *, upto: int) -> Figures:
    crowd.connect(upto)
    return {"connected": len(crowd.wires)}


def _enter(crowd: Crowd, *, rooms: Sequence[str], members: int | None = None) -> Figures:
    """All into one room, or (without `members`) each into their own."""
    if members is not None:
        crowd.enter(rooms[0], crowd.wires[:members])
    else:
        for room, wire in zip(rooms, crowd.wires, strict=False):
            crowd.enter(room, [wire])
    return {}


WISHES: dict[str, Callable[..., Figures]] = {
    "connect": _connect,
    "enter": _enter,
    "send": send_and_wait,
    "flight": keep_in_flight,
    "pace": speak_in_time,
}


def main() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    crowd = Crowd(**json.loads(sys.stdin.readline()))
    sys.stdout.write("{}\n")
    sys.stdout.flush()
    while (line := _next_wish(crowd)) is not None:
        wish = json.loads(line)
        began, used = time.perf_counter(), time.process_time()
        figures = WISHES[wish.pop("do")](crowd, **wish)
        figures["load_used_s"] = time.process_time() - used
        figures["load_used_core"] = round(figures["load_used_s"] / (time.perf_counter() - began), 2)
        sys.stdout.write(json.dumps(figures) + "\n")
        sys.stdout.flush()


def _next_wish(crowd: Crowd) -> str | None:
    """Wait for a wish; meanwhile pings are answered, or the server would think that nobody is there."""
    ready = select.poll()
    ready.register(sys.stdin, select.POLLIN)
    ready.register(crowd.poll, select.POLLIN)
    while sys.stdin.fileno() not in dict(ready.poll()):
        crowd.listen(0.0)
    return sys.stdin.readline() or None


if __name__ == "__main__":
    main()
