"""Makes a ledger to be kept, in an empty folder: database, keys, files, an export and what lies outside. Run with

    ONRECORD_VAR=$NEW DATABASE_URL=sqlite:///$NEW/record.sqlite3 ONRECORD_KEY_DIR=$NEW/keys \
    ONRECORD_ORIGIN=kept.example/record DJANGO_SETTINGS_MODULE=messenger.settings \
    python -c 'import django; django.setup(); from tests.ledgers.make import main; main()'

once for each thing that the record learns to hold. It must not be run over a ledger that is kept: a new one proves
nothing of the old (ledger 1 was made by an earlier form of this file). The keys are of no use elsewhere.
"""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import override_settings

from archive import events, evidence, holds, ledger, retention
from archive.export.package import Scope, make
from archive.retention import derived
from archive.rotation import rotate_keys
from tests.archive.attaching import keep_file, say_with_files
from tests.archive.samples import ALICE, NOON, record, record_conversations, said
from tests.archive.stamping import OpensslAuthority

CARL = events.Actor(id="person:8", name="Carl", role="compliance officer")
CORA = events.Actor(id="person:9", name="Cora", role="compliance officer")
EXPIRED_DAY, KEPT_DAY = datetime(2019, 11, 14, 9, tzinfo=UTC), datetime(2019, 11, 25, 9, tzinfo=UTC)
HELD, ERASED = 1, 5
OLD_FILE, NEW_FILE = b"%PDF-1.7 of 2019", bytes(range(256)) * 260  # the second has two chunks
TOGETHER = 40  # under one checkpoint
ONE_BY_ONE = 40  # each under its own
EVENING = NOON + timedelta(hours=8)


def main() -> None:
    call_command("migrate", "archive", verbosity=0)
    if ledger.heads():
        raise SystemExit("There is a record already: a kept ledger is made once.")
    folder = Path(settings.ONRECORD_VAR)
    derived._rows.clear()  # the record alone: the chat has no tables here that a disposal could erase from
    say_old()
    record(*(said(f"early {i} ✓", at=NOON - timedelta(days=1, minutes=i % 7)) for i in range(TOGETHER)))
    record_conversations(ONE_BY_ONE)
    say_with_files(keep_file(NEW_FILE, name="terms.pdf"), stream="conversation:3", at=EVENING)
    rotate_keys(EVENING)
    hold_and_dispose()
    export(folder)
    stamp(folder)
    (folder / "checkpoint").write_text(ledger.latest_checkpoint().note, encoding="utf-8")
    (folder / "secret").unlink(missing_ok=True)  # of the web sessions
    close()


def say_old() -> None:
    """Eight messages of two days in entries 0 to 7: the term of the first day is over. Entry 2 has a file."""
    for i in range(8):
        at = EXPIRED_DAY if i < 4 else KEPT_DAY
        if i == 2:
            say_with_files(keep_file(OLD_FILE, name="old.pdf"), stream="conversation:20", body="old 2", at=at)
        else:
            record(said(f"old {i}", stream="conversation:20", at=at))


def hold_and_dispose() -> None:
    """Hold one entry, dispose of the others of its day, erase one whose term is not over, and destroy the keys."""
    holds.place(holds.Scope(entries=((HELD, HELD),)), matter="A v B", reason="letter", by=CARL, at=EVENING)
    retention.dispose_expired(reason="term over", asked_by=CARL, approved_by=CORA, at=EVENING)
    with override_settings(ONRECORD_ERASURE_FLOOR_YEARS=0):
        retention.erase([(ERASED, ERASED)], reason="asked for", asked_by=CARL, approved_by=CORA, at=EVENING)
    retention.finish_disposals(EVENING)


def export(folder: Path) -> None:
    """Make an export, keep its file, and enter it as the desk does."""
    scope = Scope(streams=("conversation:1", "conversation:3", "conversation:20"))
    package = make(
        scope, export_id=1, requester=CARL, approvals=[], purpose="letter of the court", at=EVENING, folder=folder
    )
    record(
        events.ExportMade(
            stream="system",
            actor=events.SYSTEM,
            at=EVENING,
            export=1,
            digest=package.digest,
            size_bytes=package.size_bytes,
            entries=package.entries,
        )
    )


def stamp(folder: Path) -> None:
    """Have the checkpoint stamped, and keep the root that the stamp leads to."""
    with tempfile.TemporaryDirectory() as scratch:
        authority = OpensslAuthority(Path(scratch) / "authority")
        (folder / "stamp-roots.pem").write_bytes(authority.roots.read_bytes())
        with override_settings(
            ONRECORD_STAMP_OPENSSL_CONFIG=authority.config, ONRECORD_STAMP_ROOTS=folder / "stamp-roots.pem"
        ):
            if not evidence.stamp_checkpoint(at=datetime.now(UTC)):
                raise SystemExit("The checkpoint was not stamped.")
    record(said("after the stamp", actor=ALICE, at=EVENING))


def close() -> None:
    """Leave everything in one small file."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA journal_mode=DELETE")
    connection.close()
