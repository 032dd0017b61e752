"""Which ledgers are kept beside this file, and what each is known to hold."""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Kept:
    """What a kept ledger is known to hold. `bodies` are of messages, by number."""

    size: int
    bodies: dict[int, str]
    disposed: int = 0


KEPT = {
    "1": Kept(270, {3: "early 3 ✓"}),
    "2": Kept(99, {11: "early 3 ✓", 1: "old 1", 4: "old 4", 98: "after the stamp"}, disposed=4),
}
