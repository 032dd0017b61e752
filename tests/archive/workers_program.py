"""Starts two workers that are busy for a minute, each of which says when it is. test_processes.py kills it."""

import os
import time
from concurrent.futures import wait

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messenger.settings")
django.setup()

from archive.processes import call, start_workers  # noqa: E402  # needs Django

BUSY_S = 60


def be_busy() -> None:
    os.write(1, b"busy\n")  # at once, whatever buffers: two of them say so
    time.sleep(BUSY_S)


if __name__ == "__main__":
    with start_workers(2) as pool:
        wait([pool.submit(call, "tests.archive.workers_program.be_busy") for _ in range(2)])
