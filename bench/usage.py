"""How much processor the programs that a benchmark started have used: itself, its children and theirs."""

import os
from pathlib import Path


def computed_s() -> float:
    """Return the seconds that this process and everything below it have computed, the ended ones left out."""
    stats = {pid: fields for pid, fields in map(_stat, Path("/proc").glob("[0-9]*/stat")) if fields}
    ours = [fields for pid, fields in stats.items() if os.getpid() in _line_of(pid, stats)]
    return sum(int(fields[11]) + int(fields[12]) for fields in ours) / os.sysconf("SC_CLK_TCK")


def _stat(path: Path) -> tuple[int, list[str]]:
    """Return the process and its fields from the third on: state, parent, …"""
    pid = int(path.parent.name)
    try:
        return pid, path.read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:  # it has just ended
        return pid, []


def _line_of(pid: int, stats: dict[int, list[str]]) -> set[int]:
    """Return the process and those above it."""
    line: set[int] = set()
    while pid in stats and pid not in line:
        line.add(pid)
        pid = int(stats[pid][1])
    return line
