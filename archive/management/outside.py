"""What `manage.py record` does about evidence from outside: stamps. The command itself is in commands/record.py.

It must not decide how the process ends for what it finds wrong: it says whether all is well.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from archive import evidence
from archive.stamps.replies import StampRefused

Write = Callable[[str], object]


def add_parsers(commands: Any) -> None:  # Any: argparse gives its sub-commands no public type
    commands.add_parser("stamps", help="verify every kept time stamp; exit 1 when one does not fit")


def verify_stamps(write: Write) -> bool:
    """Verify all kept stamps and say how each stands; return whether all are well."""
    try:
        found = list(evidence.check_stamps())
    except ValueError as error:
        write(str(error))
        return False
    for stamp in found:
        write(f"{stamp.size} entries, {stamp.at.isoformat()}, {stamp.authority}: {stamp.problem or 'verified'}")
    if not found:
        write("There are no time stamps.")
    return not any(stamp.problem for stamp in found)


def describe_stamp(reply: Path, *, note: str) -> str:
    """Return what to say of a stamp that was brought with a checkpoint. Raises StampRefused, ValueError, OSError."""
    at, authority = evidence.stamped_at(reply.read_bytes(), note=note)
    return f"It existed at {at.isoformat()}, says {authority}."


__all__ = ["StampRefused", "add_parsers", "describe_stamp", "verify_stamps"]
