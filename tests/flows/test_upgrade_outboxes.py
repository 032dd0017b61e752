"""An upgrade from the outboxes of before: what waited waits on, what was leased stays leased, what ended is seen."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps as today
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

pytestmark = pytest.mark.django_db(transaction=True)
BEFORE = [
    ("archive", "0006_blobs"),
    ("messenger", "0004_message_is_disposed"),
    ("admin_portal", "0005_alarm_of_disposals"),
]
NOW = timezone.now()
LATER = NOW + timedelta(minutes=20)
LEASED: dict[str, Any] = {"leased_until": LATER, "lease_token": uuid4(), "tries": 1}


@pytest.fixture
def before(transactional_db: None) -> Iterator[Any]:  # Any: Django's state of old models
    """The tables as they were, and again as they are."""
    try:
        for app, name in reversed(BEFORE):
            call_command("migrate", app, name, verbosity=0)
        yield MigrationExecutor(connection).loader.project_state(BEFORE).apps
    finally:
        call_command("migrate", verbosity=0)


def fill_desk(before: Any, people: list[Any]) -> None:
    export, check = (before.get_model("admin_portal", name).objects for name in ("ExportRequest", "RecordCheck"))
    decided = {"decided_by": people[1], "decided_at": NOW}
    for state, fields in (
        ("waiting", {}),
        ("approved", decided | {"due_at": NOW, "tries": 1, "error": "OSError"}),
        ("making", decided | LEASED | {"due_at": NOW}),
        ("failed", decided | {"tries": 3, "error": "OSError"}),
    ):
        asked = {"client_key": uuid4(), "asked_by": people[0], "asked_at": NOW, "purpose": "p", "scope": {}}
        export.create(state=state, **asked, **fields)
    check.create(asked_by=people[0], asked_at=NOW, due_at=NOW, state="running", **LEASED)
    check.create(asked_by=people[1], asked_at=NOW, due_at=NOW)
    alarm = before.get_model("admin_portal", "Alarm").objects
    for kind, tries, mailed_at in (("check", 2, None), ("late", 8, None), ("guard", 1, NOW)):
        mail = {"mail_due_at": NOW, "mail_tries": tries, "mail_problem": "refused", "mailed_at": mailed_at}
        alarm.create(kind=kind, first_seen_at=NOW, raised_at=NOW, **mail)


def fill_texts(before: Any) -> None:
    contact = before.get_model("messenger", "Contact").objects.create(name="c", number="+12125550142", added_at=NOW)
    for n, (state, fields) in enumerate(
        [("queued", {"tries": 2}), ("submitting", LEASED), ("in_doubt", {"detail": "timeout"}), ("failed", {})]
    ):
        text = {"sender": "+1", "text": "t", "encoding": "gsm7", "segment_count": 1, "due_at": NOW}
        before.get_model("messenger", "Attempt").objects.create(
            conversation_id=1, n=n, contact=contact, state=state, created_at=NOW, updated_at=NOW, **text, **fields
        )
    for name, processed_at in (("1", None), ("2", NOW)):
        before.get_model("messenger", "InboundText").objects.create(
            carrier="x", carrier_id=name, number="+1", to="+2", body="b", received_at=NOW, processed_at=processed_at
        )


def found(app: str, model: str, *names: str) -> list[tuple[Any, ...]]:
    return list(today.get_model(app, model).objects.order_by("pk").values_list(*names))


def test_what_waited_before_the_upgrade_waits_after_it(before: Any) -> None:
    person = before.get_model("messenger", "Person").objects
    fill_desk(before, [person.create(email=f"{name}@x.example", name=name, joined_at=NOW) for name in "ab"])
    fill_texts(before)
    segment = before.get_model("archive", "Segment").objects
    segment.create(first=0, size=5, root=b"r", due_at=NOW, sealed_at=NOW, problem="broken")
    segment.create(first=5, size=9, root=b"r", due_at=LATER, tries=60, problem="away")
    call_command("migrate", verbosity=0)
    state = ("due_at", "tries", "failure", "parked_at")
    assert found("admin_portal", "ExportRequest", "state", *state) == [
        ("waiting", None, 0, "", None),
        ("approved", NOW, 1, "OSError", None),
        ("making", LATER, 1, "", None),
        ("failed", None, 3, "OSError", None),
    ]
    assert found("admin_portal", "RecordCheck", "state", *state) == [
        ("running", LATER, 1, "", None),
        ("waiting", NOW, 0, "", None),
    ]
    alarms = found("admin_portal", "Alarm", "kind", *state)
    assert alarms[0] == ("check", NOW, 2, "refused", None)
    assert alarms[1][:4] == ("late", None, 8, "refused") and alarms[1][4] is not None
    assert alarms[2] == ("guard", None, 1, "refused", None)
    texts = today.get_model("messenger", "Attempt").objects.order_by("n").values_list("state", *state)
    assert list(texts) == [
        ("queued", NOW, 2, "", None),
        ("submitting", LATER, 1, "", None),
        ("in_doubt", None, 0, "timeout", NOW),
        ("failed", None, 0, "", None),
    ]
    assert found("messenger", "InboundText", "carrier_id", "due_at") == [("1", NOW), ("2", None)]
    assert found("archive", "Segment", *state, "problem") == [
        (None, 0, "", None, "broken"),
        (LATER, 0, "away", None, ""),
    ]
