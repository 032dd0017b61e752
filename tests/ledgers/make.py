"""Makes a ledger to be kept, in an empty folder: `record.sqlite3`, `keys/` and `checkpoint`. Run once a format version:

    ONRECORD_VAR=$NEW DATABASE_URL=sqlite:///$NEW/record.sqlite3 ONRECORD_KEY_DIR=$NEW/keys \
    ONRECORD_ORIGIN=kept.example/record DJANGO_SETTINGS_MODULE=messenger.settings \
    python -c 'import django; django.setup(); from tests.ledgers.make import main; main()'

It must not be run over a ledger that is kept: a new one proves nothing of the old. The keys are of no use elsewhere.
"""

from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from archive import ledger
from tests.archive.samples import NOON, record, record_conversations, said

TOGETHER = 230  # under one checkpoint
ONE_BY_ONE = 40  # each under its own; the first full tile ends among them


def main() -> None:
    call_command("migrate", "archive", verbosity=0)
    if ledger.heads():
        raise SystemExit("There is a record already: a kept ledger is made once.")
    record(*(said(f"early {i} ✓", at=NOON - timedelta(days=1, minutes=i % 7)) for i in range(TOGETHER)))
    record_conversations(ONE_BY_ONE)
    note = ledger.latest_checkpoint().note
    (Path(settings.ONRECORD_VAR) / "checkpoint").write_text(note, encoding="utf-8")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA journal_mode=DELETE")
    connection.close()
