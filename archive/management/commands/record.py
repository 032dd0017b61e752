"""`manage.py record`: check the record, print its verifier key or latest checkpoint, record the stream heads.

It must not print content or keys other than the public one.
"""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from archive import ledger


class Command(BaseCommand):
    """One sub-command each; `check` exits 1 when anything is wrong and names the first bad entry."""

    help = "Check the record, print its verifier key or latest checkpoint, or record the stream heads."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="what", required=True)
        check = commands.add_parser("check", help="check every entry; exit 1 and name the first bad one")
        check.add_argument("--json", action="store_true", help="print the report as JSON")
        commands.add_parser("key", help="print the verifier key, to be published where verifiers find it")
        commands.add_parser("checkpoint", help="print the latest signed checkpoint")
        commands.add_parser(
            "heads", help="record the last item of every stream, so that exports can prove completeness"
        )

    def handle(self, *args: Any, **options: Any) -> None:  # Any: as Django declares it
        try:
            self._run(options["what"], as_json=bool(options.get("json")))
        except (ledger.KeyMissing, ledger.ForeignRecord, ledger.EntryNotFound) as error:
            raise CommandError(str(error)) from error

    def _run(self, what: str, *, as_json: bool) -> None:
        if what == "check":
            self._check(as_json=as_json)
        elif what == "key":
            self.stdout.write(ledger.verifier_key())
        elif what == "checkpoint":
            self.stdout.write(ledger.latest_checkpoint().note, ending="")
        else:
            receipt = ledger.record_heads(datetime.now(UTC))
            self.stdout.write(f"The heads of all streams are entry {receipt.seq}.")

    def _check(self, *, as_json: bool) -> None:
        report = ledger.check(on_progress=self._show_progress)
        self.stderr.write("")
        if as_json:
            self.stdout.write(json.dumps(asdict(report), sort_keys=True))
        else:
            self.stdout.write("\n".join(_sentences(report)))
        if not report.is_sound:
            raise SystemExit(1)

    def _show_progress(self, done: int, total: int) -> None:
        self.stderr.write(f"\r{done} of {total} entries", ending="")


def _sentences(report: ledger.CheckReport) -> list[str]:
    if report.is_sound:
        return [f"The record is sound: {report.size} entries."]
    first = report.problems[0]
    place = "no single entry" if first.seq is None else f"entry {first.seq}"
    lines = [f"The record is NOT sound. The first fault is at {place}: {first.what}"]
    return lines + [f"  {'–' if problem.seq is None else problem.seq}: {problem.what}" for problem in report.problems]
