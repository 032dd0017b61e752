"""`manage.py witness`: be a witness for other records, on a machine that is not theirs (C2SP tlog-witness).

It has a folder of its own and needs no database; it must not share folder or machine with a record that it witnesses.
"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from archive.checkpoint import BadCheckpoint
from archive.keys import KeyMissing
from archive.witness.keeper import MemoryLost, Witness
from archive.witness.server import WitnessServer


class Command(BaseCommand):
    """`serve` answers add-checkpoint; `key` prints the key that its cosignatures verify with."""

    help = "Be a witness: cosign the checkpoints of records that only grow."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="what", required=True)
        serve = commands.add_parser("serve", help="answer POST /add-checkpoint until Ctrl-C")
        key = commands.add_parser("key", help="print the witness's verifier key, for ONRECORD_WITNESSES of the record")
        for command in (serve, key):
            command.add_argument("folder", type=Path, help="where the witness keeps its key and what it cosigned")
            command.add_argument("--name", required=True, help="its name, like auditor.example/witness")
        serve.add_argument("--log", action="append", default=[], required=True, metavar="KEY",
                           help="verifier key of a record (`manage.py record key`); may be given again")  # fmt: skip
        serve.add_argument("--host", default="127.0.0.1", help="address to listen at (default: this machine only)")
        serve.add_argument("--port", type=int, default=8091, help="port (default 8091)")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: as Django declares it
        try:
            witness = Witness(options["folder"], name=options["name"], logs=options.get("log", []))
        except (BadCheckpoint, KeyMissing, MemoryLost) as error:
            raise CommandError(str(error)) from error
        if options["what"] == "key":
            self.stdout.write(witness.verifier_key())
        else:
            self._serve(witness, host=options["host"], port=options["port"])

    def _serve(self, witness: Witness, *, host: str, port: int) -> None:
        with WitnessServer(witness, host=host, port=port) as server:
            self.stdout.write(
                f"The witness {witness.name} answers at http://{host}:{server.server_port}/add-checkpoint"
            )
            self.stdout.flush()
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                self.stdout.write("The witness has stopped.")
