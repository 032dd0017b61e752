"""What a check finds, gathered with a bound: a record damaged throughout must not fill the memory."""

from dataclasses import dataclass

LIMIT = 100


@dataclass(frozen=True)
class Problem:
    """What is wrong; `seq` names the entry, None where it is no single entry."""

    seq: int | None
    what: str


@dataclass(frozen=True)
class CheckReport:
    """The result of a check: problems in the order of the record, so the first is the first bad entry.

    `disposed` counts the entries whose content was destroyed by a disposal that is in the record.
    """

    size: int
    is_sound: bool
    problems: list[Problem]
    disposed: int = 0


class Findings:
    """Problems as they come up. Past the limit they are counted only."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []
        self._left_out = 0

    @property
    def is_any(self) -> bool:
        return bool(self._problems)

    def add(self, seq: int | None, what: str) -> None:
        if len(self._problems) < LIMIT:
            self._problems.append(Problem(seq, what))
        else:
            self._left_out += 1

    def report(self, size: int, *, disposed: int = 0) -> CheckReport:
        problems = sorted(self._problems, key=_place)
        if self._left_out:
            problems.append(Problem(None, f"{self._left_out} more problems were found and are not listed."))
        return CheckReport(size=size, is_sound=not problems, problems=problems, disposed=disposed)


def _place(problem: Problem) -> tuple[bool, int]:
    return problem.seq is None, problem.seq or 0
