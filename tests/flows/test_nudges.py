"""Work is taken within a moment, however long the sweep pauses: by the thread of the process on SQLite, by Celery's
worker on PostgreSQL. Nudged and swept at once it is still done once.

That doubles would be seen is shown by the careless workers of tests/messenger/sms/test_race.py.
"""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings as product
from django.db import close_old_connections, connection
from pytest_django import Settings

from archive.outbox import nudges
from messenger.celery import app
from messenger.conversations import actions, opening, texts
from messenger.conversations.models import Conversation
from messenger.embedded import EmbeddedWorker
from messenger.nudging import TASK, Nudger
from messenger.sms.models import Attempt, SimulatedText
from tests import beside, services
from tests.cast import Cast, build_cast
from tests.messenger.sms.texting import agree
from tests.stack import ROOT, ProductProcess

pytestmark = pytest.mark.django_db(transaction=True)
SWEEP = "messenger.release_texts"
NEVER_S = 3600.0  # between two sweeps
LIMIT_S = 20.0


@pytest.fixture
def cast(transactional_db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Cast:
    """Build the cast where nobody sweeps and nobody is nudged yet."""
    settings.CELERY_BEAT_SCHEDULE = {"release-texts": {"task": SWEEP, "schedule": NEVER_S}}
    monkeypatch.setattr(nudges, "_tell", None)
    return build_cast()


@pytest.fixture
def thread(cast: Cast) -> Conversation:
    agree(cast.contact, by=cast.alice)
    return opening.open_client_thread(cast.alice, contact=cast.contact).conversation


@pytest.fixture
def worker(thread: Conversation) -> Iterator[None]:
    """Have nudges reach whoever does the work in this way to run; there is no timer."""
    with _embedded() if connection.vendor == "sqlite" else _celery():
        yield


@contextmanager
def _embedded() -> Iterator[None]:
    embedded = EmbeddedWorker()
    embedded.start()
    try:
        yield
    finally:
        embedded.stop()


@contextmanager
def _celery() -> Iterator[None]:
    redis = services.start_redis()
    arguments = ("-m", "celery", "-A", "messenger.celery", "--workdir", str(ROOT), "worker", "--pool=solo")
    where = {"DATABASE_URL": beside.database_url(), "REDIS_URL": redis.url}
    worker = ProductProcess(
        folder=services.new_folder("nudged"),
        label="nudged",
        arguments=(*arguments, "--without-mingle", "--without-gossip", "--loglevel=WARNING"),
        environment=where | {"ONRECORD_KEY_DIR": str(product.ONRECORD_KEY_DIR), "PYTHONPATH": str(ROOT)},
    )
    worker.start()
    nudger = Nudger(redis.url)
    nudges.carry_nudges(nudger.put)
    try:
        yield
    finally:
        nudger.flush()
        worker.stop()
        redis.stop()


def say(cast: Cast, thread: Conversation, body: str) -> None:
    actions.post_message(cast.alice, conversation_id=thread.pk, client_key=uuid.uuid4(), body=body)


def wait_for(count: int) -> None:
    """Wait until the phone has so many texts and each is noted as delivered."""
    deadline = time.monotonic() + services.stretched(LIMIT_S)
    while Attempt.objects.filter(state="delivered").count() < count:
        assert time.monotonic() < deadline, list(Attempt.objects.values_list("state", "failure"))
        time.sleep(0.02)


def test_a_text_leaves_within_a_moment_though_the_next_sweep_is_an_hour_away(
    cast: Cast, thread: Conversation, worker: None
) -> None:
    for number in range(1, 4):
        say(cast, thread, f"Text {number}")
        wait_for(number)
    assert SimulatedText.objects.count() == 3
    nudges.carry_nudges(lambda _name: None)  # the control: every nudge is lost
    say(cast, thread, "This one waits")
    time.sleep(1)
    assert Attempt.objects.filter(state="queued").count() == 1
    assert texts.send_due() == 1, "the sweep finds it"


def test_nudged_and_swept_at_once_every_text_leaves_once(cast: Cast, thread: Conversation) -> None:
    app.loader.import_default_modules()
    for number in range(12):
        say(cast, thread, f"Text {number}")
    together = threading.Barrier(4)

    def sweep(task: str, *arguments: str) -> None:
        together.wait(timeout=30)
        try:
            app.tasks[task].run(*arguments)
        finally:
            close_old_connections()
            connection.close()

    looks = [threading.Thread(target=sweep, args=args) for args in 2 * [(SWEEP,), (TASK, "texts")]]
    for look in looks:
        look.start()
    for look in looks:
        look.join()
    wait_for(12)
    sent = Counter(SimulatedText.objects.values_list("reference", flat=True))
    assert set(sent) == {str(pk) for pk in Attempt.objects.values_list("pk", flat=True)}
    assert set(sent.values()) == {1}
