"""`manage.py demo`: fill an empty embedded store with a small office, say who is in it, and serve it."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from admin_portal.demo_office import FIRM, PASSWORD, build_office, email_of
from messenger.people.firm import is_founded
from messenger.people.models import Firm

ACCOUNTS = (
    ("alice", "employee: a direct chat, a team space, a client on SMS"),
    ("bob", "employee: open him in a second browser and write to Alice"),
    ("cora", "compliance officer: searches, asks for exports"),
    ("carl", "compliance officer: approves Cora's exports"),
    ("mona", "reviewer: one reported message waits for her"),
    ("adam", "administrator: people and roles, no content"),
    ("erin", "examiner: reads the record, changes nothing"),
)


class Command(BaseCommand):
    """Make the demo office once; a second call keeps what is there."""

    help = "Fill an empty embedded store with a small living office."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--serve", action="store_true", help="serve it afterwards")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.ONRECORD_EMBEDDED:
            raise CommandError("The demo is for the embedded way to run; it never touches a production store.")
        call_command("migrate", verbosity=0, interactive=False)
        firm = Firm.objects.first()
        if not is_founded():
            self.stdout.write("Building a small office through real actions ...")
            build_office()
        elif firm is not None and firm.name != FIRM:
            raise CommandError(f"The store holds the firm {firm.name}: use another folder (ONRECORD_VAR=...).")
        self._explain()
        if options["serve"]:
            call_command("serve")

    def _explain(self) -> None:
        url = settings.ONRECORD_PUBLIC_URL
        accounts = "\n".join(f"  {email_of(name):32} {what}" for name, what in ACCOUNTS)
        self.stdout.write(
            f"\n{FIRM}\n"
            f"  Sign in at {url}  (password for everybody: {PASSWORD})\n\n{accounts}\n\n"
            f"  The client's phone: {url}/phone/\n\n"
            "Try this:\n"
            "  1. Sign in as Alice and as Bob (a private window) and write to each other. Then open the phone, answer\n"
            "     as Walter Brook, and let him say STOP: Alice's next text is refused, with the reason.\n"
            "  2. Sign in as Carl, approve the export that waits; as Cora, download it, unpack it and run\n"
            "     `python3 -I verify.py` inside. Change one byte and run it again.\n"
        )
        self.stdout.flush()
