"""What is put into an outbox has workers look at it, once it is committed; what is not due, or not put, has not."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from admin_portal import checks, exports
from admin_portal.scopes import make_scope
from archive.outbox import nudges
from messenger.sms import inbound
from tests.admin_portal.conftest import PURPOSE, Office
from tests.admin_portal.test_alarms import failed_check, watch
from tests.messenger.sms.texting import NIGHT, NOON, agree, queue

Collected = Callable[[], list[str]]


@contextmanager
def collecting() -> Iterator[Collected]:
    """Give what tells the outboxes that the commit would nudge for what is done in here: tests do not commit."""

    def collected() -> list[str]:
        return [call.name for _, call, *_ in connection.run_on_commit if isinstance(call, nudges._Nudge)]

    kept = [one for one in connection.run_on_commit if not isinstance(one[1], nudges._Nudge)]
    connection.run_on_commit = kept
    yield collected


def test_an_export_is_made_once_it_is_approved(office: Office) -> None:
    scope = make_scope([office.talk.pk])
    with collecting() as nudged:
        asked = exports.request_export(office.cast.carl, purpose=PURPOSE, scope=scope, client_key=uuid.uuid4())
        assert nudged() == [], "nobody has approved it"
        exports.approve_export(office.cast.cora, export_id=asked.pk)
        assert nudged() == ["exports"]


def test_a_check_that_somebody_asks_for_begins_and_the_one_that_runs_is_no_news(office: Office) -> None:
    with collecting() as nudged:
        checks.request_check(office.cast.carl)
        assert nudged() == ["checks"]
    with collecting() as nudged:
        checks.request_check(office.cast.carl)
        assert nudged() == []


def test_an_alarm_is_mailed_as_soon_as_it_is_raised_and_not_while_it_stands_as_it_stood(office: Office) -> None:
    with collecting() as nudged:
        failed_check(office)
        assert nudged().count("alarm_mails") == 1
    with collecting() as nudged:
        watch()
        assert nudged() == []


def test_a_text_that_may_go_now_is_nudged_and_one_that_waits_for_the_morning_is_not(office: Office) -> None:
    for kind, basis in (("promotional", "express_written"), ("conversational", "express")):
        agree(office.cast.contact, by=office.cast.alice, message_class=kind, basis=basis)
    with collecting() as nudged:
        assert queue(office.cast.contact, n=1, at=NIGHT, kind="promotional").due_at != NIGHT
        assert nudged() == []
        assert queue(office.cast.contact, n=2, at=NOON).due_at == NOON
        assert nudged() == ["texts"]


def test_a_text_from_a_phone_is_nudged_the_first_time_that_it_comes(office: Office) -> None:
    at = timezone.now() - timedelta(minutes=1)
    for expected in (["inbound_texts"], []):
        with collecting() as nudged:
            inbound.journal(carrier="fake", carrier_id="one", number="+12025550147", to="+1", body="Hello", at=at)
            assert nudged() == expected
