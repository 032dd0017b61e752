"""A server process of the test of rotation: writes one message a day, so that each needs a new bucket key.

Says after each one how many it has written, and stops at the end of its input.
"""

import os
import select
import sys
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messenger.settings")
django.setup()

from tests.archive.samples import NOON, record, said  # noqa: E402  (models load after the set-up above)

DAYS = 400
PAUSE_S = 0.02  # SQLite's lock is not fair: who never pauses lets nobody else in


def is_told_to_stop() -> bool:
    return bool(select.select([sys.stdin], [], [], PAUSE_S)[0])


def main() -> None:
    for day in range(DAYS):
        record(said(f"day {day}", at=NOON + timedelta(days=day)))
        print(day + 1, flush=True)
        if is_told_to_stop():
            return


main()
