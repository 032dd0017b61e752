"""`manage.py disposal`: what has come to the end of its term, and the work that disposals leave for later.

It must not dispose of anything: that takes two people, and a command line cannot tell them apart.
"""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from archive import holds, ledger, retention

SOMEBODY_READS = "Somebody was reading: stop the servers, and try again."
NOT_OWNER = (
    "Nothing was cleared: PostgreSQL lets only the owner of the tables do that. Run it with a login that may become "
    "onrecord_owner (docs/running.md, section The roles of the database)."
)


class Command(BaseCommand):
    """One sub-command each."""

    help = "Show what may be disposed of; finish what disposals left."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="what", required=True)
        preview = commands.add_parser("preview", help="say what has come to the end of its term, and what holds keep")
        preview.add_argument("--json", action="store_true", help="print it as JSON")
        commands.add_parser("finish", help="destroy keys that an interrupted disposal left; the sweep does it as well")
        commands.add_parser(
            "scrub", help="write the tables that disposals change anew, as their owner; nobody can use them meanwhile"
        )

    def handle(self, *args: Any, **options: Any) -> None:  # Any: as Django declares it
        try:
            self._run(options["what"], as_json=bool(options.get("json")))
        except (ledger.KeyMissing, ledger.ForeignRecord, ledger.NotOpened) as error:
            raise CommandError(str(error)) from error

    def _run(self, what: str, *, as_json: bool) -> None:
        if what == "preview":
            preview = retention.preview_expired(datetime.now(UTC))
            self.stdout.write(json.dumps(asdict(preview), sort_keys=True) if as_json else "\n".join(_lines(preview)))
        elif what == "finish":
            names = retention.finish_disposals(datetime.now(UTC))
            self.stdout.write(f"Keys destroyed: {', '.join(names) or 'none were left'}.")
        else:
            self._scrub()

    def _scrub(self) -> None:
        if not retention.rewrite_tables():
            raise CommandError(NOT_OWNER if connection.vendor == "postgresql" else SOMEBODY_READS)
        self.stdout.write("The tables are written anew.")
        retention.finish_disposals(datetime.now(UTC))
        if problem := retention.unfinished_problem(datetime.now(UTC)):
            raise CommandError(problem)


def _lines(preview: retention.Preview) -> list[str]:
    lines = [f"{preview.count} entries have come to the end of their term and are not held."]
    lines += [f"  {bucket}: {count}" for bucket, count in preview.buckets.items()]
    matters = {hold.n: hold.matter for hold in holds.active_holds()}
    return lines + [f"  kept by hold {n} ({matters[n]}): {count}" for n, count in preview.held.items()]
