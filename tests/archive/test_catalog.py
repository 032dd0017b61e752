"""The fingerprint of the database's fences: moved fences are named until somebody says why, migrations are not."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from archive import catalog, evidence, ledger
from archive.fences import catalog as definitions
from archive.fences import fences_lifted
from archive.models import Stream
from tests.archive.samples import NOON

pytestmark = pytest.mark.django_db
IS_POSTGRES = connection.vendor == "postgresql"
CHANGED = "changed without a migration"
FENCE = "trigger archive_leaf.archive_leaf_no_change" if IS_POSTGRES else "trigger archive_leaf_no_update"


def run(statement: str) -> None:
    with fences_lifted(connection), connection.cursor() as cursor:
        cursor.execute(statement)


def look(hours: float) -> bool:
    return catalog.take_fingerprint(at=later(hours))


def later(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def last() -> dict[str, object]:
    entry = ledger.find_entry(catalog.STREAM, Stream.objects.get(name=catalog.STREAM).n)
    assert entry.kind == "catalog.fingerprint"
    return dict(entry.content)


def problems() -> str:
    return " ".join(evidence.status(at=later(1)).problems)


@contextmanager
def moved_fence() -> Iterator[None]:
    """Take a fence down, and put it up again exactly as it was."""
    if IS_POSTGRES:
        run("ALTER TABLE archive_leaf DISABLE TRIGGER archive_leaf_no_change")
        yield
        run("ALTER TABLE archive_leaf ENABLE ALWAYS TRIGGER archive_leaf_no_change")
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE name = 'archive_leaf_no_update'")
        definition = cursor.fetchone()[0]
    run("DROP TRIGGER archive_leaf_no_update")
    yield
    run(definition)


def test_the_first_look_describes_every_fence_and_raises_no_alarm() -> None:
    assert look(0)
    found = last()
    assert FENCE in found["definitions"]  # type: ignore[operator]  # JSON
    assert found["changed"] == found["unexplained"] == []
    assert "Fences" not in problems()


def test_an_unchanged_catalog_is_an_entry_an_hour_without_the_definitions() -> None:
    assert [look(hours) for hours in (0, 0.5, 1, 1.2, 2)] == [True, False, True, False, True]
    found = last()
    assert (found["described_in"], found["definitions"], found["changed"]) == (1, {}, [])


def test_a_fence_that_was_moved_is_named_also_after_it_was_put_back() -> None:
    look(0)
    with moved_fence():
        assert look(0.1), "a change does not wait for the hour"
        assert last()["changed"] == [FENCE]
        assert FENCE in problems()
    look(0.2)
    assert last()["changed"] == [FENCE]
    look(2)
    assert (last()["changed"], last()["unexplained"]) == ([], [FENCE])
    assert FENCE in problems()


def test_a_change_that_comes_with_a_migration_is_recorded_and_no_problem() -> None:
    look(0)
    with moved_fence():
        run(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('archive', '9999_later', '2026-11-21 12:00:00')"
        )
        look(0.1)
        assert (last()["changed"], last()["unexplained"]) == ([FENCE], [])
        assert CHANGED not in problems()
        run("DELETE FROM django_migrations WHERE name = '9999_later'")


def test_a_person_says_why_and_the_problem_goes() -> None:
    look(0)
    with moved_fence():
        look(0.1)
        out = StringIO()
        with pytest.raises(SystemExit):
            call_command("fences", stdout=out)
        assert FENCE in out.getvalue()
        with pytest.raises(SystemExit):  # it is accepted, and missing all the same
            call_command("fences", "--accept", "The vendor mended the disk.", stdout=out)
        entry = ledger.read_stream(catalog.STREAM)[-1]
        assert (entry.kind, entry.content["names"], entry.content["reason"]) == (
            "catalog.accepted",
            [FENCE],
            "The vendor mended the disk.",
        )
        assert CHANGED not in problems()
        with pytest.raises(CommandError, match="No fence changed"):
            call_command("fences", "--accept", "again", stdout=out)
    look(100_000)
    assert last()["unexplained"] == [FENCE], "what changes after an acceptance is a change again"


@pytest.mark.backend("postgres")
def test_functions_rights_and_roles_belong_to_the_fences() -> None:
    look(0)
    changes = {
        "function archive_refuse_change()": "CREATE OR REPLACE FUNCTION archive_refuse_change() RETURNS trigger "
        "LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "rights on archive_leaf": "GRANT DELETE ON archive_leaf TO PUBLIC",
        "rule archive_leaf.aside": "CREATE RULE aside AS ON INSERT TO archive_leaf DO INSTEAD NOTHING",
        "constraint archive_entry.archive_entry_place": "ALTER TABLE archive_entry DROP CONSTRAINT archive_entry_place",
        "trigger messenger_message.messenger_message_has_entry": "DROP TRIGGER messenger_message_has_entry "
        "ON messenger_message",
        "role onrecord_somebody": "CREATE ROLE onrecord_somebody SUPERUSER",
        "function aside()": "CREATE FUNCTION aside() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    }
    run("SET CONSTRAINTS ALL IMMEDIATE")  # no table is altered while checks wait
    before = definitions.describe()
    for statement in changes.values():
        run(statement)
    now = definitions.describe()
    assert {name for name in before.keys() | now.keys() if before.get(name) != now.get(name)} >= set(changes)
    run("DROP RULE aside ON archive_leaf")
    look(0.1)
    assert set(last()["unexplained"]) >= set(changes) - {"rule archive_leaf.aside"}  # type: ignore[call-overload]  # JSON


@pytest.mark.backend("postgres")
def test_rights_that_lead_around_a_fence_are_named() -> None:
    """Nobody with these is named by the rights on a table or by a role of ours."""
    assert not [name for name in definitions.describe() if name.startswith(("rights to", "rights on col", "members"))]
    for statement in (
        "CREATE ROLE mallory LOGIN",
        "CREATE ROLE onrecord_somebody",
        "GRANT onrecord_somebody TO mallory",
        "GRANT UPDATE (data) ON archive_leaf TO mallory",
        "GRANT CREATE ON SCHEMA public TO mallory",
    ):
        run(statement)
    now = definitions.describe()
    assert now["members of onrecord_somebody"] == "mallory"
    assert "mallory=w" in now["rights on columns of archive_leaf"]
    assert now["rights to create in public"] == "mallory"


@pytest.mark.backend("sqlite")
def test_a_trigger_on_any_table_is_a_fence_moved() -> None:
    look(0)
    run("CREATE TRIGGER aside AFTER INSERT ON messenger_firm BEGIN SELECT 1; END")
    look(0.1)
    assert last()["unexplained"] == ["trigger aside"]


@pytest.mark.breaks_the_record
def test_a_last_fingerprint_that_cannot_be_opened_is_no_way_out() -> None:
    look(0)
    with moved_fence():
        look(0.1)
        run("DELETE FROM archive_recordkey")
        look(0.2)
        assert last()["unexplained"] == [catalog.NOBODY_KNOWS]


@pytest.mark.breaks_the_record
def test_definitions_that_cannot_be_read_any_more_explain_nothing() -> None:
    look(0)
    number = ledger.find_entry(catalog.STREAM, 1).seq
    look(1)
    run(f"DELETE FROM archive_recordkey WHERE seq = {number}")  # noqa: S608 (a number)
    with moved_fence():
        look(1.1)
        assert last()["unexplained"] == [catalog.NOBODY_KNOWS]
        assert "table archive_leaf" in last()["definitions"]  # type: ignore[operator]  # JSON
