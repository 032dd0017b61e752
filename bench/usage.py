"""How much processor the programs of a benchmark have used, and how much strangers took on the same cores.

Reads /proc only; must not start anything.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
_IDLE = (3, 4)  # idle and iowait, in a line of /proc/stat


@dataclass(frozen=True, slots=True)
class Usage:
    """What every process has computed so far, in seconds, and how long each core was busy."""

    parents: Mapping[int, int]
    computed: Mapping[int, float]
    busy: Mapping[int, float]

    def below(self, *roots: int) -> float:
        """Return the seconds of these processes and of everything below them, the ended ones left out."""
        return sum(used for pid, used in self.computed.items() if not set(roots).isdisjoint(self.line_of(pid)))

    def line_of(self, pid: int) -> set[int]:
        """Return the process and those above it."""
        line: set[int] = set()
        while pid in self.parents and pid not in line:
            line.add(pid)
            pid = self.parents[pid]
        return line


def usage() -> Usage:
    """Return what has been used up to now."""
    stats = {pid: fields for pid, fields in map(_stat, Path("/proc").glob("[0-9]*/stat")) if fields}
    return Usage(
        parents={pid: int(fields[1]) for pid, fields in stats.items()},
        computed={pid: (int(fields[11]) + int(fields[12])) / TICKS for pid, fields in stats.items()},
        busy=_busy(),
    )


def computed_s() -> float:
    """Return the seconds that this process and everything below it have computed, the ended ones left out."""
    return usage().below(os.getpid())


def memory_kb(root: int) -> int:
    """Return the resident memory of a process and everything below it."""
    now = usage()
    family = [pid for pid in now.parents if root in now.line_of(pid)]
    return sum(_resident_kb(pid) for pid in family)


def _resident_kb(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:  # it has just ended
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")), 0)


def _busy() -> dict[int, float]:
    lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
    cores = [line.split() for line in lines if line.startswith("cpu") and line[3].isdigit()]
    return {int(core[0][3:]): _busy_s([int(field) for field in core[1:9]]) for core in cores}


def _busy_s(ticks: list[int]) -> float:
    return (sum(ticks) - sum(ticks[place] for place in _IDLE)) / TICKS


def _stat(path: Path) -> tuple[int, list[str]]:
    """Return the process and its fields from the third on: state, parent, …"""
    pid = int(path.parent.name)
    try:
        return pid, path.read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:  # it has just ended
        return pid, []
