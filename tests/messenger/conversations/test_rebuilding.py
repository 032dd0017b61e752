"""Conversations after a database was put back and the record was refilled: rows and record agree again."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, models
from pytest_django import Settings

from archive import guard, ledger, segments
from messenger.conversations import membership, moderation
from messenger.conversations.models import Conversation, Message, StreamEvent
from messenger.people.errors import NotFound
from messenger.people.models import Person
from messenger.spaces.models import Membership
from tests.archive.record_reset import fences_down
from tests.archive.segments import now
from tests.cast import Cast, hire
from tests.faults.tampering.history import restore_dump, take_dump
from tests.messenger.conversations.office import direct, group, say, space

pytestmark = pytest.mark.django_db
Rows = dict[type[models.Model], list[dict[str, object]]]


@pytest.fixture(autouse=True)
def store(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "store").mkdir()
    settings.ONRECORD_SEGMENT_STORE = f"file://{tmp_path}/store?immutable=no"
    settings.ONRECORD_GUARD = tmp_path / "guard" / "checkpoint"


def take_rows() -> Rows:
    """Return all rows of the messenger, as a dump of the database has them."""
    return {model: list(model._default_manager.values()) for model in apps.get_app_config("messenger").get_models()}


def put_back(rows: Rows, record: dict[str, tuple[list[str], list[tuple[object, ...]]]]) -> None:
    with fences_down(connection):
        _set_constraints("DEFERRED")
        restore_dump(record)
        for model in rows:
            model._default_manager.all()._raw_delete("default")  # type: ignore[attr-defined]  # no check of references
        for model, values in rows.items():
            model._default_manager.bulk_create(model(**value) for value in values)
        _set_constraints("IMMEDIATE")


def _set_constraints(when: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET CONSTRAINTS ALL {when}")


def after_refill(settings: Settings, happens: Callable[[], None]) -> ledger.CheckReport:
    """Dump, let things happen, put the dump back, refill; return what the check of everything says."""
    rows, record = take_rows(), take_dump()
    happens()
    segments.seal_segments(at=now())
    guard.advance(settings.ONRECORD_GUARD, note=ledger.latest_checkpoint().note)
    put_back(rows, record)
    assert ledger.guard_problem(), "control: the dump is behind"
    call_command("record", "refill", stdout=StringIO())
    return ledger.check_all()


def visible() -> list[tuple[object, ...]]:
    """Return what people see of all conversations, and who may see it up to where."""
    columns = ("conversation_id", "n", "ordinal", "seq", "author_id", "body", "html", "state", "removal_reason")
    events = StreamEvent.objects.order_by("seq").values_list("conversation_id", "n", "seq", "kind", "data")
    heads = Conversation.objects.order_by("pk").values_list(
        "pk", "kind", "title", "head", "ordinal", "roster__direct_key"
    )
    stays = Membership.objects.order_by("roster__conversation", "person", "from_n")
    spans = stays.values_list("roster__conversation", "person_id", "role", "from_n", "until_n")
    return [*Message.objects.order_by("seq").values_list(*columns), *events, *heads, *spans]


def test_what_happened_in_conversations_is_there_again(cast: Cast, settings: Settings) -> None:
    old = group(cast.alice, cast.bob, cast.charlie)
    say(cast.alice, old, "before the dump")
    seen = []

    def happens() -> None:
        say(cast.bob, old, "after the *dump*")
        removed = say(cast.charlie, old, "I promise you ten per cent")
        moderation.report_message(cast.alice, conversation_id=old.pk, n=removed.n, reason="advice")
        moderation.remove_message(cast.mona, message=removed, reason="A promise")
        membership.add_member(cast.alice, conversation_id=old.pk, person_id=cast.dana.pk)
        membership.remove_member(cast.alice, conversation_id=old.pk, person_id=cast.charlie.pk)
        say(cast.dana, direct(cast.dana, cast.bob), "a conversation of its own")
        say(cast.alice, space(cast.alice, cast.bob, kind="broadcast"), "Welcome")
        seen.extend(visible())

    report = after_refill(settings, happens)
    assert report.is_sound, report.problems
    assert visible() == seen
    with pytest.raises(NotFound):
        say(cast.charlie, Conversation.objects.get(pk=old.pk), "still here?")
    say(cast.bob, Conversation.objects.get(pk=old.pk), "it goes on")
    direct(cast.alice, cast.dana)
    assert ledger.check_all().is_sound


@pytest.mark.breaks_the_record
def test_what_somebody_said_who_is_not_in_the_dump_is_kept_and_named(cast: Cast, settings: Settings) -> None:
    old = group(cast.alice, cast.bob)

    def happens() -> None:
        newcomer = hire("newcomer", by=cast.adam)
        membership.add_member(cast.alice, conversation_id=old.pk, person_id=newcomer.pk)
        say(newcomer, old, "hello")
        say(cast.alice, old, "welcome")

    report = after_refill(settings, happens)
    assert not Person.objects.filter(name="Newcomer").exists()
    assert [message.body for message in Message.objects.order_by("n")] == ["hello", "welcome"]
    (problem,) = report.problems
    assert "differs from the record in author_id" in problem.what
