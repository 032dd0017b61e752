"""Several processes and threads at once: no text leaves twice, and none leaves after a STOP that was committed."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from archive import ledger
from messenger.people.models import Contact
from messenger.sms import actions, consent
from messenger.sms.models import Attempt, SimulatedText
from tests import beside
from tests.cast import build_cast
from tests.messenger.sms.texting import NOON, FakeCarrier, agree, queue, send

pytestmark = pytest.mark.django_db(transaction=True)
STOP: dict[str, Any] = {"channel": "sms", "words_used": "STOP", "rule": "us-fed.opt-out.per-se@1"}


@pytest.fixture
def contact(transactional_db: None) -> Contact:
    cast = build_cast()
    agree(cast.contact, by=cast.alice)
    return cast.contact


@contextmanager
def worker(kind: str) -> Iterator[subprocess.Popen[str]]:
    """Start a worker that is set up and waits for one line before it begins."""
    with beside.program("tests.messenger.sms.worker", NOON.isoformat(), kind) as process:
        assert beside.hear(process) == "ready"
        yield process


def sent_by_two_workers(kind: str) -> list[str]:
    """Let two workers begin together; return the ids of what either sent."""
    with worker(kind) as one, worker(kind) as other:
        for process in (one, other):
            beside.tell(process, "go")
        said = [process.communicate(timeout=60)[0] for process in (one, other)]
    return [pk for line in said for pk in json.loads(line)]


def in_thread(work: Any) -> threading.Thread:
    """Run work on a database connection of its own."""

    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_two_worker_processes_never_send_a_text_twice(contact: Contact) -> None:
    queued = {str(queue(contact, n=n).pk) for n in range(1, 25)}
    assert sorted(sent_by_two_workers("leasing")) == sorted(queued)
    assert SimulatedText.objects.count() == len(queued)
    assert set(Attempt.objects.values_list("state", flat=True)) == {"submitted"}


def test_control_the_same_rig_sees_workers_that_send_twice(contact: Contact) -> None:
    queue(contact, n=1)
    sent_by_two_workers("careless")
    assert SimulatedText.objects.count() == 2


def test_a_release_waits_for_a_stop_that_came_first_and_then_sees_it(contact: Contact, carrier: FakeCarrier) -> None:
    queue(contact)
    claims: list[actions.Claimed] = []
    with ledger.transaction():
        consent.revoke(contact, by=None, at=NOON, **STOP)
        releasing = in_thread(lambda: claims.append(actions.claim_due(limit=5, at=NOON)))
        releasing.join(timeout=0.3)
        assert claims == []
    releasing.join(timeout=30)
    assert [claim.leased for claim in claims] == [()]
    assert Attempt.objects.get().state == "cancelled"
    assert carrier.given == []


@pytest.mark.parametrize("turn", range(6))
def test_whatever_the_interleaving_no_submit_follows_a_committed_stop(
    contact: Contact, carrier: FakeCarrier, turn: int
) -> None:
    """Two threads race; the text is either gone before the STOP committed, or never handed over."""
    queue(contact)
    barrier = threading.Barrier(2)

    def release() -> None:
        barrier.wait()
        for attempt in actions.claim_due(limit=5, at=NOON).leased:
            send(attempt)

    def stop() -> None:
        barrier.wait()
        threading.Event().wait(turn * 0.004)
        consent.revoke(contact, by=None, at=NOON + timedelta(seconds=1), **STOP)

    for thread in [in_thread(release), in_thread(stop)]:
        thread.join(timeout=30)
    state = Attempt.objects.get().state
    assert state == ("submitted" if carrier.given else "cancelled")
    assert consent.state(contact).state == "suppressed"
