"""What `manage.py record` does about evidence from outside: stamps and segments. The command is in commands/record.py.

It must not decide how the process ends for what it finds wrong: it says whether all is well.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from archive import evidence, segments
from archive.models import Segment
from archive.stamps.replies import StampRefused
from archive.witness.configuration import configured_witnesses
from archive.worm.configuration import parse_store

Write = Callable[[str], object]


def add_parsers(commands: Any) -> None:  # Any: argparse gives its sub-commands no public type
    stamps = commands.add_parser("stamps", help="verify every kept time stamp; exit 1 when one does not fit")
    stamps.add_argument("--write", type=Path, metavar="FOLDER", help="put each, with its checkpoint, into a folder too")
    parts = commands.add_parser("segments", help="list, seal or check the segments of the record")
    parts.add_argument("act", choices=sorted(_SEGMENTS), help="check exits 1 when a segment is not as it was sealed")

    filling = commands.add_parser("refill", help="take what a database that was put back is missing from segments")
    filling.add_argument("store", nargs="?", default="", help="address of the store; ONRECORD_SEGMENT_STORE if none")


def verify_stamps(write: Write, *, folder: Path | None) -> bool:
    """Verify all kept stamps and say how each stands; return whether all are well. Raises OSError."""
    try:
        found = list(evidence.check_stamps())
    except ValueError as error:
        write(str(error))
        return False
    for stamp in found:
        write(f"{stamp.size} entries, {stamp.at.isoformat()}, {stamp.authority}: {stamp.problem or 'verified'}")
    if not found:
        write("There are no time stamps.")
    if folder is not None:
        write(f"{evidence.write_stamps(folder)} new files are in {folder}.")
    return not any(stamp.problem for stamp in found)


def run_segments(act: str, write: Write) -> bool:
    """List, seal or check segments, and say what was found; return whether all is well."""
    if segments.configured_store() is None:
        write("There is no segment store: set ONRECORD_SEGMENT_STORE.")
        return False
    return _SEGMENTS[act](write)


def _list(write: Write) -> bool:
    for row in Segment.objects.order_by("first"):
        state = f"{row.digest} {row.store} {row.version}".strip() if row.sealed_at else f"waiting. {row.failure}"
        write(f"entries {row.first} to {row.size - 1}: {state}")
    return True


def _seal(write: Write) -> bool:
    sealed = segments.seal_segments(at=datetime.now(UTC), is_due_now=True)
    problem = segments.problem()
    write(problem or f"{sealed} segments were sealed.")
    return not problem


def _check(write: Write) -> bool:
    found = segments.check_segments(at=datetime.now(UTC), everything=True)
    for check in found:
        write(f"entries {check.first} to {check.size - 1}: {check.problem or 'as it was sealed'}")
    problem = segments.problem()
    if problem:
        write(problem)
    return not problem


_SEGMENTS = {"check": _check, "list": _list, "seal": _seal}


def refill_record(address: str, write: Write) -> bool:
    """Refill the record from a store and say what came back; return whether the ledger writes again.

    Raises RefillRefused, StoreAway, StoreRefused, KeyMissing, ForeignRecord, OSError, ValueError.
    """
    store = parse_store(address) if address else segments.configured_store()
    if store is None:
        raise ValueError("There is no segment store: set ONRECORD_SEGMENT_STORE, or name one.")
    done = segments.refill(store, at=datetime.now(UTC))
    for sentence in done.left_out:
        write(f"Not taken: {sentence}.")
    write(f"The record had {done.before} entries and has {done.size}; {len(done.taken)} segments were taken.")
    if done.without_key:
        write(
            f"{len(done.without_key)} of them, from entry {done.without_key[0]} on, cannot be opened: no key is kept "
            "here. `record check` says whether a disposal explains that."
        )
    if configured_witnesses():
        write(f"Witnesses signed the first {done.witnessed} of the entries that came back, or none where this is 0.")
    write(done.problem or "The database is not behind any more. Run `record check`, then start the servers.")
    return not done.problem


def describe_stamp(reply: Path, *, note: str) -> str:
    """Return what to say of a stamp that was brought with a checkpoint. Raises StampRefused, ValueError, OSError."""
    at, authority = evidence.stamped_at(reply.read_bytes(), note=note)
    return f"It existed at {at.isoformat()}, says {authority}."


__all__ = ["StampRefused", "add_parsers", "describe_stamp", "refill_record", "run_segments", "verify_stamps"]
