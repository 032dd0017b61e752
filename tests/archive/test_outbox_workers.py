"""Workers at once: no row is worked on by two of them at the same time, and who comes back too late changes nothing."""

import signal
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from archive.models import Segment
from tests.archive.outboxes import LEASE, NOON, WORK, put_in_line, worker

pytestmark = pytest.mark.django_db(transaction=True)
WORKERS = 4


def claimed_by_all(claim: Callable[[], Segment | None]) -> Counter[int]:
    """Let several workers begin together and claim until nothing is due; return how often each row was claimed."""
    together = threading.Barrier(WORKERS)

    def drain(_: int) -> list[int]:
        try:
            together.wait(timeout=30)
            found = []
            while (row := claim()) is not None:
                found.append(row.first)
            return found
        finally:
            connection.close()

    with ThreadPoolExecutor(WORKERS) as workers:
        return Counter(number for found in workers.map(drain, range(WORKERS)) for number in found)


def test_workers_at_once_never_hold_the_same_row() -> None:
    put_in_line(60)
    assert claimed_by_all(lambda: WORK.claim(at=NOON)) == Counter(range(60))
    assert Segment.objects.exclude(lease_token=None).values("lease_token").distinct().count() == 60


def test_control_the_same_workers_without_a_lock_hold_the_same_row() -> None:
    put_in_line(1)
    read = threading.Barrier(WORKERS)
    is_first = threading.local()

    def careless() -> Segment | None:
        row = WORK.rows().filter(due_at__lte=NOON).first()
        if not hasattr(is_first, "done"):
            is_first.done = True
            read.wait(timeout=30)
        if row is not None:
            Segment.objects.filter(pk=row.pk).update(due_at=NOON + LEASE)
        return row

    assert claimed_by_all(careless) == {0: WORKERS}


def test_a_killed_worker_gives_its_row_back_and_a_late_one_is_refused() -> None:
    """One is stopped in the middle of its work and goes on when another has done it; one dies with kill -9."""
    put_in_line(2)
    before, after = NOON + LEASE - timedelta(seconds=1), NOON + LEASE
    with worker() as slow, worker() as other:
        assert slow.claim(at=NOON) == "0"
        slow.process.send_signal(signal.SIGSTOP)
        assert other.claim(at=before) == "1", "what the stopped one holds is not free"
        assert other.claim(at=before) == "none"
        assert other.claim(at=after) == "0", "its lease has ended"
        assert other.tell("finish") == "done"
        slow.process.send_signal(signal.SIGCONT)
        assert slow.tell("finish") == "lost"
        assert Segment.objects.get(first=0).store == f"process {other.process.pid}", "its word was not written"
        assert slow.claim(at=before + LEASE) == "1", "the other one claimed it and forgot it"
        slow.process.kill()
        slow.process.wait()
        assert other.claim(at=before + LEASE) == "none"
        assert other.claim(at=before + 2 * LEASE) == "1"
        assert other.tell("finish") == "done"
    row = Segment.objects.get(first=1)
    assert (row.tries, row.due_at, row.lease_token) == (3, None, None)
