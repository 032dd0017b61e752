"""The fences that must be there: each is missed when it is gone, also where it never was, until it stands again."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from archive import catalog, evidence, ledger
from archive.fences import fences_lifted, missing_fences
from archive.fences.expected import IDENTITIES, triggers
from archive.fences.tables import FENCED
from archive.models import Stream
from tests.archive.samples import NOON

pytestmark = pytest.mark.django_db
IS_POSTGRES = connection.vendor == "postgresql"


@pytest.fixture(autouse=True)
def no_checks_wait() -> None:
    if IS_POSTGRES:
        run("SET CONSTRAINTS ALL IMMEDIATE")  # no table is altered while checks wait


def run(*statements: str) -> None:
    with fences_lifted(connection), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def drop(name: str) -> str:
    """Return the statement that takes a trigger down, from its name in the catalog."""
    table, _, trigger = name.removeprefix("trigger ").rpartition(".")
    return f"DROP TRIGGER {trigger} ON {table}" if table else f"DROP TRIGGER {trigger}"


def last() -> dict[str, object]:
    return dict(ledger.find_entry(catalog.STREAM, Stream.objects.get(name=catalog.STREAM).n).content)


def test_a_database_that_was_migrated_misses_nothing() -> None:
    assert missing_fences() == {}
    assert set(IDENTITIES) == set(FENCED)
    assert len(triggers()) == (2 * len(FENCED) + 2 if IS_POSTGRES else 3 * len(FENCED))


def test_each_trigger_that_is_gone_is_named_with_what_puts_it_up() -> None:
    for trigger in triggers():
        run(drop(trigger.name))
        missing = missing_fences()
        assert list(missing) == [trigger.name]
        run(*missing[trigger.name].split(";\n"))
        assert missing_fences() == {}


def hollow_statements() -> list[tuple[str, str]]:
    """Return statements that leave a fence standing and doing nothing, with the name that must be missed."""
    if IS_POSTGRES:
        return [
            (f"ALTER TABLE archive_leaf {how} TRIGGER archive_leaf_no_change", f"trigger {name}")
            for how in ("DISABLE", "ENABLE", "ENABLE REPLICA")
            for name in ("archive_leaf.archive_leaf_no_change",)
        ] + [
            (
                "CREATE OR REPLACE FUNCTION archive_refuse_change() RETURNS trigger LANGUAGE plpgsql "
                "AS 'BEGIN RETURN NULL; END'",
                "function archive_refuse_change()",
            )
        ]
    again = "CREATE TRIGGER archive_leaf_no_update BEFORE UPDATE ON archive_leaf"
    return [
        (f"{again} WHEN 0 BEGIN SELECT RAISE(ABORT, 'never'); END", "trigger archive_leaf_no_update"),
        (f"{again} BEGIN SELECT 1; END", "trigger archive_leaf_no_update"),
    ]


def test_a_fence_that_stands_and_does_nothing_is_missing() -> None:
    for statement, name in hollow_statements():
        if not IS_POSTGRES:
            run("DROP TRIGGER archive_leaf_no_update")
        run(statement)
        missing = missing_fences()
        assert list(missing) == [name], statement
        run(*(part for part in missing[name].split(";\n") if part))


@pytest.mark.backend("postgres")  # SQLite cannot take a key from a table
def test_a_key_that_is_gone_is_missing() -> None:
    run("ALTER TABLE archive_entry DROP CONSTRAINT archive_entry_place")
    assert list(missing_fences()) == ["unique archive_entry (stream_id, n)"]


@pytest.mark.backend("postgres")
def test_rights_and_roles_count_where_there_are_roles() -> None:
    run("DO $$ BEGIN CREATE ROLE onrecord_app; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    missing = set(missing_fences())
    assert all(name.startswith("role onrecord_") for name in missing)
    run("GRANT DELETE ON archive_leaf TO onrecord_app", "ALTER ROLE onrecord_app SUPERUSER")
    assert "role onrecord_app, which must not be a superuser" in missing_fences()
    run("ALTER ROLE onrecord_app NOSUPERUSER")
    assert set(missing_fences()) - missing == {"rights on archive_leaf: onrecord_app may change it"}
    run("REVOKE ALL ON archive_leaf FROM onrecord_app", "GRANT UPDATE (data) ON archive_leaf TO onrecord_app")
    assert set(missing_fences()) - missing == {"rights on archive_leaf: onrecord_app may change it"}


@pytest.mark.backend("sqlite")
def test_a_connection_without_the_authorizer_misses_it() -> None:
    with fences_lifted(connection):
        assert list(missing_fences()) == ["authorizer of this connection"]
    assert missing_fences() == {}


def test_a_database_that_lacked_a_fence_from_the_start_is_a_problem_until_it_has_it() -> None:
    (first, *_) = triggers()
    run(drop(first.name))
    assert catalog.take_fingerprint(at=NOON), "the first look there ever was"
    found = last()
    assert (found["changed"], found["unexplained"], found["missing"]) == ([], [], [first.name])
    sentence = f"Fences of the database are not there: {first.name}. `manage.py fences` says more."
    assert sentence in evidence.status(at=NOON).problems
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("fences", stdout=out)
    assert f"  {first.name}, put up by:" in out.getvalue()
    run(*first.statements)
    assert catalog.take_fingerprint(at=NOON + timedelta(minutes=1)), "it does not wait for the hour"
    assert last()["missing"] == []
    assert "are not there" not in catalog.catalog_problem()
