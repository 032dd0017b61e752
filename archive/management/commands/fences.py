"""`manage.py fences`: which fences are missing, which changed without a migration, and the word of a person about it.

It must not repair a fence.
"""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from archive import catalog
from archive.fences import missing_fences


class Command(BaseCommand):
    """Looks now; exits 1 while a fence is missing or a change is unexplained."""

    help = "Take a fingerprint of the database's fences, and say which changed without a migration."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--accept", metavar="REASON", help="record why they changed; an examiner will read it")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: as Django declares it
        catalog.take_fingerprint(at=datetime.now(UTC))
        if options["accept"]:
            self._accept(options["accept"])
        missing = missing_fences()
        self._show_missing(missing)
        names = catalog.unexplained_changes()
        if names:
            self.stdout.write("These fences changed without a migration, and nobody has said why:")
            self.stdout.write("".join(f"  {name}\n" for name in names), ending="")
        elif not options["accept"]:
            self.stdout.write("No fence changed without a migration or a reason that is on the record.")
        if missing or names:
            raise SystemExit(1)

    def _show_missing(self, missing: dict[str, str]) -> None:
        if not missing:
            self.stdout.write("All fences that must be there are there.")
            return
        self.stdout.write("These fences must be there and are not, or are not what they must be:")
        for name, statements in missing.items():
            self.stdout.write(f"  {name}" + (f", put up by:\n{statements};" if statements else ""))

    def _accept(self, reason: str) -> None:
        try:
            names = catalog.accept_changes(reason=reason, at=datetime.now(UTC))
        except catalog.NothingToAccept as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Accepted and recorded: {', '.join(names)}.")
