"""A carrier as the program of the killed acts sees it: outside of the database, so that what left us has left us.

Each text that it takes is a line of a file from that moment on, whatever becomes of the process that handed it over.
It must never be used by the product; it stands in for the simulator, whose texts go away with a transaction.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from messenger.sms.transports.contract import Outgoing, Report, Submitted


class FileCarrier:
    """Takes every text and reports it delivered the next time it is asked."""

    name = "simulator"

    def __init__(self, folder: Path) -> None:
        self._taken, self._acknowledged = folder / "taken.jsonl", folder / "acknowledged.jsonl"

    def submit(self, outgoing: Outgoing) -> Submitted:
        _append(self._taken, outgoing.reference)
        return Submitted(f"file-{outgoing.reference}")

    def fetch_reports(self, *, limit: int) -> list[Report]:
        done = set(_lines(self._acknowledged))
        waiting = [reference for reference in self.taken() if reference not in done][:limit]
        return [Report(f"file-{reference}", "delivered", reference=reference) for reference in waiting]

    def acknowledge(self, reports: Iterable[Report]) -> None:
        for report in reports:
            _append(self._acknowledged, report.reference)

    def taken(self) -> list[str]:
        """Return our reference of each text that was handed over, as often as it was."""
        return _lines(self._taken)


def _append(path: Path, reference: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, json.dumps(reference).encode() + b"\n")
        os.fsync(handle)
    finally:
        os.close(handle)


def _lines(path: Path) -> list[str]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
