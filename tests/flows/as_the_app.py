"""What the product does in a day, and what it must not be able to do, under the database role of the app.

Run by test_database_roles.py as `python -m tests.flows.as_the_app`; prints JSON. The environment names the database.
"""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messenger.settings")
django.setup()

from django.db import DatabaseError, connection, transaction  # noqa: E402  # models load after Django is set up

from archive import events, ledger, retention, search  # noqa: E402
from archive.export.package import make  # noqa: E402
from archive.export.scope import Scope  # noqa: E402
from archive.fences import acting_as_purger, missing_fences  # noqa: E402
from tests.cast import build_cast  # noqa: E402
from tests.flows.forbidden_statements import FORBIDDEN, FORBIDDEN_TO_PURGE  # noqa: E402
from tests.messenger.conversations.office import direct, say  # noqa: E402


def main() -> None:
    folder = Path(sys.argv[1])
    done: dict[str, object] = {"sound": work(folder), "missing": sorted(missing_fences())}
    done |= {"passed": [one for one in FORBIDDEN if passes(one)]}
    with transaction.atomic():
        with acting_as_purger():
            done["passed_to_purge"] = [one for one in FORBIDDEN_TO_PURGE if passes(one)]
            done["purge"] = [passes("UPDATE archive_recordkey SET wrapped = wrapped"), role()]
        done["role_after"] = role()
    done["not_cleared"] = retention.unfinished_problem(now() + timedelta(hours=2))
    done["sound_after"] = ledger.check_all().is_sound
    print(json.dumps(done))


def work(folder: Path) -> bool:
    """Found a firm, write, search, record the heads, export, check."""
    cast = build_cast()
    say(cast.alice, direct(cast.alice, cast.bob), "the quarterly figures")
    with ledger.transaction():  # fills a tile
        sign_in = events.SignedIn(stream="person:1", actor=cast.bob.as_actor(), at=now(), address="", agent="")
        ledger.record_all([sign_in] * 300)
    ledger.record_heads(now())
    assert search.find(search.Query(words="quarterly")).total == 1
    order = {"export_id": 1, "requester": cast.carl.as_actor(), "approvals": [], "purpose": "test", "at": now()}
    assert make(Scope(streams=("conversation:1",)), folder=folder, **order).entries > 0
    assert dispose(cast.bob.as_actor(), by=cast.carl.as_actor(), approved_by=cast.cora.as_actor()) == 1
    return ledger.check_all().is_sound


def dispose(person: events.Actor, *, by: events.Actor, approved_by: events.Actor) -> int:
    """Dispose of what is beyond its term; return how many entries went."""
    with ledger.transaction():
        old = now() - timedelta(days=8 * 366)
        ledger.record(events.SignedIn(stream=person.id, actor=person, at=old, address="", agent=""))
    done = retention.dispose_expired(reason="term over", asked_by=by, approved_by=approved_by, at=now())
    return done.count


def passes(statement: str) -> bool:
    """Try a statement; what it did is taken back."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
            transaction.set_rollback(True)
    except DatabaseError:
        return False
    return True


def role() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        return str(cursor.fetchone()[0])


def now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    main()
