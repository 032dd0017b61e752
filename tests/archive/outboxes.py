"""What the tests of outboxes share: rows to work on, an outbox over them, and workers that are processes."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from archive.models import Segment
from archive.outbox import Backoff, Outbox
from tests import beside

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LEASE = timedelta(minutes=10)

# Rows of segments serve as anybody's work: nothing here asks what it is.
WORK = Outbox[Segment](
    name="work",
    title="Work",
    task="archive.seal_segments",
    rows=lambda: Segment.objects.filter(sealed_at=None),
    describe=lambda row: f"Work {row.first}",
    lease=LEASE,
    most_tries=3,
    backoff=Backoff(first=timedelta(minutes=1), longest=timedelta(minutes=10)),
)


def put_in_line(count: int, *, at: datetime = NOON) -> list[Segment]:
    rows = [Segment(first=number, size=number + 1, root=b"", due_at=at) for number in range(count)]
    return Segment.objects.bulk_create(rows)


class Worker:
    """A process that claims and finishes when it is told to (tests/archive/outbox_program.py)."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def tell(self, order: str) -> str:
        """Give an order and return the answer."""
        beside.tell(self.process, order)
        return beside.hear(self.process)

    def claim(self, *, at: datetime) -> str:
        return self.tell(f"claim {at.isoformat()}")


@contextmanager
def worker() -> Iterator[Worker]:
    """Start a worker on the test's database."""
    with beside.program("tests.archive.outbox_program") as process:
        yield Worker(process)
