"""`manage.py fences`: which fences of the database changed without a migration, and the word of a person about it.

It must not repair a fence.
"""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from archive import catalog


class Command(BaseCommand):
    """Looks now; exits 1 while changes are unexplained."""

    help = "Take a fingerprint of the database's fences, and say which changed without a migration."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--accept", metavar="REASON", help="record why they changed; an examiner will read it")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: as Django declares it
        catalog.take_fingerprint(at=datetime.now(UTC))
        if options["accept"]:
            self._accept(options["accept"])
        elif names := catalog.unexplained_changes():
            self.stdout.write("These fences changed without a migration, and nobody has said why:")
            self.stdout.write("".join(f"  {name}\n" for name in names), ending="")
            raise SystemExit(1)
        else:
            self.stdout.write("No fence changed without a migration or a reason that is on the record.")

    def _accept(self, reason: str) -> None:
        try:
            names = catalog.accept_changes(reason=reason, at=datetime.now(UTC))
        except catalog.NothingToAccept as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Accepted and recorded: {', '.join(names)}.")
