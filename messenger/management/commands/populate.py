"""`manage.py populate`: fill an empty store with an invented firm's history, for measuring. Every message is an entry.

Must not run in production: what is in a record stays there.
"""

import time
from secrets import token_urlsafe
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from messenger.populating.filling import DOMAIN, Plan, Refused, found, is_ours, talk
from messenger.populating.history import AllRefused

WIDTH = 30


class Command(BaseCommand):
    """Makes people, conversations and messages; the same numbers and seed give the same."""

    help = (
        "Fill an empty store with an invented firm: people, conversations of very different sizes, messages in "
        "several languages, mentions and read marks, all of it through the record, in large commits. Each entry has "
        "the time at which it is written: the record is told no other, so the history is as long as the run takes "
        "and spreads over no months. Stop the servers of the store meanwhile. It never runs in production."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--messages", type=int, required=True, help="how many messages to write")
        parser.add_argument("--seed", type=int, default=1, help="decides people, texts and their order")
        parser.add_argument("--people", type=int, help="by default as many as fit the messages, 20 to 400")
        parser.add_argument("--conversations", type=int, help="by default as many as fit the messages, 12 to 600")
        parser.add_argument("--more", action="store_true", help="let a firm that was populated before talk on")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: as Django declares it
        if not settings.ONRECORD_EMBEDDED:
            raise CommandError("This is a production store: what is put into its record stays there. Nothing was done.")
        if options["messages"] < 1 or min(options["people"] or 1, options["conversations"] or 1) < 1:
            raise CommandError("--messages, --people and --conversations must be at least 1.")
        plan = Plan.of(
            options["messages"], seed=options["seed"], people=options["people"], conversations=options["conversations"]
        )
        call_command("migrate", verbosity=0, interactive=False)
        try:
            if not options["more"]:
                self._found(plan)
            self._talk(plan)
        except (Refused, AllRefused) as error:
            raise CommandError(str(error)) from error

    def _found(self, plan: Plan) -> None:
        if is_ours():
            raise Refused("The store was populated before. --more lets its people talk on; or use another store.")
        password = token_urlsafe(12)
        found(plan, password=password)
        self.stdout.write(
            f"{plan.people} people, {plan.conversations} conversations. Everybody's password is {password}, "
            f"the administrator is adam@{DOMAIN}."
        )

    def _talk(self, plan: Plan) -> None:
        began = time.monotonic()
        talk(plan, told=lambda done: self._show(done, of=plan.messages, seconds=time.monotonic() - began))
        self.stdout.write(f"{plan.messages:,} messages in {time.monotonic() - began:.0f} s.")

    def _show(self, done: int, *, of: int, seconds: float) -> None:
        """Draw the bar again, on a terminal only: in a file it would be noise."""
        if self.stderr.isatty():
            bar = ("#" * (WIDTH * done // of)).ljust(WIDTH)
            ending = "\n" if done == of else ""
            self.stderr.write(f"\r[{bar}] {done:,} of {of:,}, {done / max(seconds, 0.001):,.0f}/s ", ending=ending)
