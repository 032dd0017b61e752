"""`manage.py keys`: how the key store stands, a new key-encryption key, a backup that is known to open.

It must not print a key, nor take a passphrase as a word of the command line, where other users of the machine see it.
"""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from archive import ledger, rotation
from archive.management.readiness import NOT_READY, UNPREPARED

SHORTEST_PASSPHRASE = 12


class Command(BaseCommand):
    """One sub-command each; `status` exits 1 where a key is missing or does not open."""

    help = "Show the key store, rotate its key-encryption key, or back it up."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="what", required=True)
        status = commands.add_parser("status", help="open every key once; exit 1 if one is missing or does not open")
        status.add_argument("--json", action="store_true", help="print it as JSON")
        rotate = commands.add_parser("rotate", help="put all keys under a new key-encryption key, destroy the old one")
        rotate.add_argument(
            "--new-passphrase-file", type=Path, help="seal the new key-encryption key under this file's first line"
        )
        backup = commands.add_parser("backup", help="copy the key store to a new folder and open every key of the copy")
        backup.add_argument("folder", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:  # Any: as Django declares it
        try:
            self._run(options["what"], options)
        except (ledger.KeyMissing, ledger.ForeignRecord) as error:
            raise CommandError(str(error)) from error
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(str(error)) from error
        except UNPREPARED as error:
            raise CommandError(NOT_READY.format(error=str(error).splitlines()[0])) from error

    def _run(self, what: str, options: dict[str, Any]) -> None:
        if what == "status":
            self._show_status(as_json=bool(options["json"]))
        elif what == "rotate":
            self._rotate(options["new_passphrase_file"])
        else:
            count = rotation.back_up_keys(options["folder"])
            self.stdout.write(f"The copy in {options['folder']} opens: {count} bucket keys and the log's own.")

    def _show_status(self, *, as_json: bool) -> None:
        status = rotation.key_status()
        self.stdout.write(json.dumps(asdict(status), sort_keys=True) if as_json else "\n".join(_sentences(status)))
        if status.missing or status.unopened:
            raise SystemExit(1)

    def _rotate(self, passphrase_file: Path | None) -> None:
        passphrase = _passphrase(passphrase_file) if passphrase_file else ""
        done = rotation.rotate_keys(datetime.now(UTC), passphrase=passphrase)
        self.stdout.write(f"All keys are under {done.after} now, protected by {done.protection_after}.")
        if passphrase:
            self.stdout.write("Start the servers with the new passphrase in ONRECORD_KEY_PASSPHRASE or _FILE.")


def _passphrase(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or len(lines[0]) < SHORTEST_PASSPHRASE:
        raise CommandError(f"The passphrase in {path} needs at least {SHORTEST_PASSPHRASE} characters.")
    return lines[0]


def _sentences(status: rotation.KeyStatus) -> list[str]:
    lines = [
        f"Key store: {status.folder}",
        f"Key-encryption key: {status.kek}, protected by {status.protection}",
        f"In use since: {status.rotated_at or 'the first entry'}",
        f"Bucket keys: {status.bucket_keys}",
    ]
    lines += [f"MISSING: the key of bucket {bucket}" for bucket in status.missing]
    lines += [f"DOES NOT OPEN: {name}" for name in status.unopened]
    lines += [
        f"Left by an interrupted rotation: {kek}. The next sweep of the server destroys it."
        for kek in status.to_be_destroyed
    ]
    return lines + ([status.shortcoming] if status.shortcoming else [])
