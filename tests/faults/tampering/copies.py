"""The attack on what is handed over: altered copies of a folder, some with its manifests made to fit again."""

import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.faults.tampering.attack import SEED

VERIFIERS = ["verify.py", "verify.sh"]
Alter = Callable[[Path, random.Random], str]


def accepted_copies(
    original: Path,
    *,
    scratch: Path,
    count: int,
    altered: Sequence[tuple[Alter, bool]],
    cover_up: Callable[[Path], None],
    accepting: Callable[[Path], list[str]],
) -> list[str]:
    """Return each altered copy that a verifier accepted, with what was altered.

    `altered` pairs an alteration with whether the manifests are made to fit afterwards; they take turns.
    """
    dice = random.Random(SEED)
    assert accepting(original) == VERIFIERS, "control: the original"
    cover_up(original)
    assert accepting(original) == VERIFIERS, "control: covering up alters nothing true"
    accepted = []
    for number in range(count):
        alter, is_covered_up = altered[number % len(altered)]
        copy = scratch / "copy"
        shutil.copytree(original, copy)
        what = alter(copy, dice)
        if is_covered_up:
            cover_up(copy)
        accepted += [f"{what}: accepted by {name}" for name in accepting(copy)]
        shutil.rmtree(copy)
    print(f"seed {SEED}: {count} altered copies, {len(accepted)} accepted")
    return accepted
