"""`manage.py render`: messages shown as today's renderer makes them, after an upgrade of it.

Words come from the record. It must not change one: a row whose words are not those of its entry is left for
`record check` to name.
"""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from archive import ledger
from messenger.conversations.rendering import count_outdated, render_again


class Command(BaseCommand):
    """Renders what differs; with --dry-run says only how much that is."""

    help = "Render messages again from the record where the renderer makes other HTML of them today."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say how many would be written, and write nothing")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: as Django declares it
        try:
            ledger.confirm_identity()  # without the keys no entry opens, and nothing would seem to differ
            if options["dry_run"]:
                self.stdout.write(f"{count_outdated()} messages would be rendered again.")
            else:
                self.stdout.write(f"{render_again(at=datetime.now(UTC))} messages were rendered again.")
        except (ledger.KeyMissing, ledger.ForeignRecord) as error:
            raise CommandError(str(error)) from error
