"""A worker process of the outbox tests. Orders come in by lines, one answer each:

`claim <ISO time>` answers the number of the row or "none"; `finish` answers "done", or "lost" without the lease.
The database comes from the environment.
"""

import os
import sys
from datetime import datetime

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messenger.settings")
django.setup()

from archive.models import Segment  # noqa: E402  # models load after Django is set up
from archive.outbox import LeaseLost  # noqa: E402
from tests.archive.outboxes import WORK  # noqa: E402


def finish(row: Segment | None) -> str:
    if row is None:
        return "none"
    try:
        WORK.finish(row, sealed_at=row.due_at, store=f"process {os.getpid()}")
    except LeaseLost:
        return "lost"
    return "done"


def main() -> None:
    row: Segment | None = None
    for line in sys.stdin:
        order, _, moment = line.strip().partition(" ")
        if order == "claim":
            row = WORK.claim(at=datetime.fromisoformat(moment))
            print(row.first if row else "none", flush=True)
        else:
            print(finish(row), flush=True)


if __name__ == "__main__":
    main()
