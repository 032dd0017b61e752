"""The rows of the real-time benchmark and what each must reach: so many times ejabberd, or a figure of its own.

Pure. Here is the only place of the targets; they come from the design of real-time delivery, not from a measurement.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Figures = Mapping[str, Any]  # Any: figures as they come
FAULTS = ("lost", "doubled", "hung_up", "unanswered")
SUMS = (*FAULTS, "messages")
MEMORY, SEND, FLIGHT, PACE = "memory", "send", "flight", "pace"


@dataclass(frozen=True)
class Target:
    """What a figure must reach. `times_theirs`: the target is a multiple of ejabberd's figure in the same run."""

    figure: str
    at_least: float | None = None
    at_most: float | None = None
    goal: float | None = None
    times_theirs: bool = False

    def value(self, ours: Figures, theirs: Figures) -> float | None:
        """Return what is compared with the target: the figure, or its ratio; None without ejabberd."""
        return _quotient(ours, theirs, self.figure) if self.times_theirs else float(ours[self.figure])

    def is_met(self, value: float) -> bool:
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)

    def reaches_goal(self, value: float) -> bool:
        if self.goal is None:
            return self.is_met(value)
        return value >= self.goal if self.at_most is None else value <= self.goal

    def __str__(self) -> str:
        sign, limit = ("≥", self.at_least) if self.at_most is None else ("≤", self.at_most)
        return f"{self.figure} {sign} {limit:g}{' × ejabberd' if self.times_theirs else ''}"


@dataclass(frozen=True)
class Row:
    """One row. `members` sit in its room; `wish` is what the crowd is asked to do there, besides room and time."""

    name: str
    kind: str
    members: int
    main: str  # the figure whose ratio is printed
    wish: Mapping[str, Any] = field(default_factory=dict)
    targets: tuple[Target, ...] = ()
    own_rooms: bool = False

    @property
    def wanted(self) -> str:
        return ", ".join(map(str, self.targets))


def _sends(senders: int, *targets: Target) -> Row:
    return Row(f"{senders} senders, one room" if senders > 1 else "1 sender", SEND, senders, "per_second", {}, targets)


def _own(senders: int, *targets: Target) -> Row:
    return Row(f"{senders} senders, a room each", SEND, senders, "per_second", {}, targets, own_rooms=True)


def _flight(members: int, in_flight: int, *targets: Target) -> Row:
    name = f"fan-out to {members:,}" + ("" if in_flight == 1 else f", {in_flight} in flight")
    return Row(name, FLIGHT, members, "deliveries_per_s", {"in_flight": in_flight}, targets)


def _times(figure: str, at_least: float, goal: float | None = None) -> Target:
    return Target(figure, at_least=at_least, goal=goal, times_theirs=True)


def _memory(members: int) -> Row:
    return Row(f"idle members up to {members:,}", MEMORY, members, "memory_kb", {},
               (Target("memory_kb", at_most=35, goal=25),))  # fmt: skip


RATE, SPREAD = "per_second", "deliveries_per_s"
_OF_16 = (_times(RATE, 1.5, 2.5), Target("p99_ms", at_most=25))
_OF_64 = (_times(RATE, 2.5, 5), Target(RATE, at_least=4000), Target("p99_ms", at_most=60))
# In the order of their rooms' sizes: the crowd only grows.
ROWS: tuple[Row, ...] = (
    _sends(1, _times(RATE, 0.7, 1)),
    _sends(16, *_OF_16),
    _sends(64, *_OF_64),
    _own(16, *_OF_16),
    _own(64, *_OF_64),
    Row("50 a second to 100", PACE, 100, "p50_ms", {"per_second": 50.0},
        (Target("p50_ms", at_most=8, goal=5), Target("p99_ms", at_most=30, goal=15))),
    _flight(200, 1, _times(SPREAD, 2, 3)),
    _memory(1000),
    _flight(1000, 1, _times(SPREAD, 2, 4), Target("last_p50_ms", at_most=20)),
    _flight(1000, 8, _times(SPREAD, 2.5)),
    _memory(5000),
    _flight(5000, 1, _times(SPREAD, 1.6, 3)),
)  # fmt: skip


def ratio(ours: Figures, theirs: Figures, figure: str) -> float | None:
    """Return how many times ejabberd's figure ours is, to be read; None when there is none."""
    exact = _quotient(ours, theirs, figure)
    return None if exact is None else round(exact, 2)


def _quotient(ours: Figures, theirs: Figures, figure: str) -> float | None:
    return float(ours[figure]) / float(theirs[figure]) if figure in ours and theirs.get(figure) else None


def medians(runs: Sequence[Figures], main: str) -> dict[str, Any]:
    """Medians of every figure; what is lost or doubled is added up. `spread` is of the main figure."""
    found = {name: statistics.median(run[name] for run in runs) for name in runs[0] if name not in SUMS}
    values = [float(run[main]) for run in runs]
    spread = round((max(values) - min(values)) / (statistics.median(values) or 1), 2)
    return found | {name: sum(run[name] for run in runs) for name in SUMS if name in runs[0]} | {"spread": spread}


def is_whole(figures: Figures) -> bool:
    """Say whether everything was heard once by everybody, and answered."""
    return not any(figures.get(name) for name in FAULTS)


def verdict(row: Row, ours: Figures, theirs: Figures) -> dict[str, Any]:
    """Return `ratio` of the row's main figure, `wanted`, `met` and `goal_met`; None where ejabberd was not there.

    Nothing is met while something was lost, came twice, hung up or stayed without an answer.
    """
    values = [(target, target.value(ours, theirs)) for target in row.targets]
    known = [(target, value) for target, value in values if value is not None]
    is_judged = bool(row.targets) and len(known) == len(values)
    return {
        "ratio": ratio(ours, theirs, row.main),
        "wanted": row.wanted,
        "met": is_whole(ours) and all(target.is_met(value) for target, value in known) if is_judged else None,
        "goal_met": is_whole(ours) and all(target.reaches_goal(value) for target, value in known)
        if is_judged
        else None,
    }
