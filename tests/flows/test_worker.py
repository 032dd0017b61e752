"""A Celery worker that looked at the record when it started goes on to do its tasks, whichever pool it works with.

Its start opens a pool of connections, and Celery then closes sockets beneath whatever is open: were that pool kept, a
worker of one process (solo) would do one task and wait for ever with the next.
"""

import secrets
import time
from collections.abc import Iterator

import psycopg
import pytest

from messenger.celery import app
from tests import services
from tests.stack import ROOT, ProductProcess, Stack

pytestmark = pytest.mark.backend("postgres")
CELERY = ("-m", "celery", "-A", "messenger.celery", "--workdir", str(ROOT))
TASKS, LIMIT_S = 6, 60.0


@pytest.fixture(params=["prefork", "solo"])
def queue(request: pytest.FixtureRequest, stack: Stack) -> Iterator[str]:
    """Give the name of a queue that a worker of this pool, started on the stack's record, works through alone."""
    name = f"queue-{secrets.token_hex(4)}"
    work = ("worker", f"--pool={request.param}", "--concurrency=2", f"--queues={name}", "--loglevel=WARNING")
    worker = ProductProcess(
        folder=services.new_folder("worker"),
        label="worker",
        arguments=(*CELERY, *work, "--without-mingle", "--without-gossip"),
        environment=stack.environment,
    )
    worker.start()
    try:
        yield name
    finally:
        worker.stop()


def test_a_worker_that_looked_at_the_record_does_every_task(stack: Stack, queue: str) -> None:
    before, deadline = count_heads(stack), time.monotonic() + LIMIT_S
    for _ in range(TASKS):
        app.send_task("messenger.record_heads", queue=queue)
    while (done := count_heads(stack) - before) < TASKS:
        assert time.monotonic() < deadline, f"{done} of {TASKS} tasks were done"
        time.sleep(0.1)


def count_heads(stack: Stack) -> int:
    with psycopg.connect(stack.environment["DATABASE_URL"]) as server:
        row = server.execute("SELECT count(*) FROM archive_entry WHERE kind = 'stream.heads'").fetchone()
    assert row is not None
    return int(row[0])
