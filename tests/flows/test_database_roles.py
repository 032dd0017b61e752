"""PostgreSQL under the shipped roles: the product works as the app, which can neither change nor unfence the record."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests import services
from tests.flows.forbidden_statements import FORBIDDEN
from tests.stack import ROOT

pytestmark = pytest.mark.backend("postgres")
ROLES = ROOT / "deploy" / "postgres" / "roles.sql"
PASSWORD = "a-password-of-the-app"


@pytest.fixture(scope="module")
def server() -> Iterator[services.PostgresServer]:
    """A PostgreSQL with the roles, made twice."""
    server = services.start_postgres()
    for _ in range(2):
        run_psql(server)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"ALTER ROLE onrecord_app PASSWORD '{PASSWORD}'")
        connection.execute("CREATE DATABASE empty")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def migrated(server: services.PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> services.PostgresServer:
    """The same with the tables, made by the owner; then the roles once more, as after an upgrade."""
    made = manage(server, tmp_path_factory.mktemp("owner"), "migrate", "--verbosity", "0", login="owner")
    assert made.returncode == 0, made.stderr
    run_psql(server)
    return server


def run_psql(server: services.PostgresServer) -> None:
    psql = Path(services.find_postgres() or "").with_name("psql")
    command = [psql, "--dbname", server.url, "--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--file", ROLES]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def as_app(server: services.PostgresServer, url: str) -> str:
    return url.replace(f"onrecord:{server.password}@", f"onrecord_app:{PASSWORD}@")


def environment(server: services.PostgresServer, var: Path, *, login: str) -> dict[str, str]:
    as_owner = f"{server.url}?options=-c%20role%3Donrecord_owner"
    url = as_app(server, server.url) if login == "app" else as_owner
    return os.environ | {
        "DATABASE_URL": url,
        "ONRECORD_VAR": str(var),
        "REDIS_URL": "",
        "DJANGO_SETTINGS_MODULE": "messenger.settings",
    }


def manage(
    server: services.PostgresServer, var: Path, *words: str, login: str, url: str = ""
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "manage.py"), *words]
    settings = environment(server, var, login=login)
    if url:
        settings["DATABASE_URL"] = url
    return subprocess.run(command, env=settings, capture_output=True, text=True, check=False, cwd=ROOT)


def test_the_session_of_a_machine_that_is_gone_is_ended_within_two_minutes(server: services.PostgresServer) -> None:
    """Else it keeps the record's lock for as long as the system's own default, two hours."""
    with psycopg.connect(as_app(server, server.url)) as app, psycopg.connect(server.url) as other:
        found, control = keepalives(app), keepalives(other)
    after_s = found["tcp_keepalives_idle"] + found["tcp_keepalives_interval"] * found["tcp_keepalives_count"]
    assert (after_s, found["tcp_user_timeout"]) == (120, 120_000)
    assert control["tcp_keepalives_idle"] >= 3600, "control: a login without the roles' settings"


def keepalives(connection: psycopg.Connection) -> dict[str, int]:
    """Return what PostgreSQL has told the system about this very connection, in seconds, tries and milliseconds."""
    statement = "SELECT name, setting::int FROM pg_settings WHERE name LIKE 'tcp\\_%'"
    return dict(connection.execute(statement).fetchall())


def test_a_server_that_may_not_migrate_says_so(server: services.PostgresServer, tmp_path: Path) -> None:
    url = as_app(server, server.url_of("empty"))
    words = ("serve", "--port", str(services.free_port()))
    early = manage(server, tmp_path, *words, login="app", url=url)
    assert early.returncode == 1
    assert "run `manage.py migrate` as the owner" in early.stderr
    assert "Traceback" not in early.stderr


@pytest.fixture(scope="module")
def day(
    migrated: services.PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A day of the product as the app, with a disposal; gives the folder of its keys and what it said."""
    var = tmp_path_factory.mktemp("app")
    (var / "export").mkdir()
    command = [sys.executable, "-m", "tests.flows.as_the_app", str(var / "export")]
    return var, subprocess.run(
        command, env=environment(migrated, var, login="app"), capture_output=True, text=True, check=False, cwd=ROOT
    )


def test_the_product_works_as_the_app_and_cannot_change_the_record(
    migrated: services.PostgresServer, day: tuple[Path, subprocess.CompletedProcess[str]]
) -> None:
    var, done = day
    again = manage(migrated, var, "migrate", "--verbosity", "0", login="app")
    assert again.returncode == 0, again.stderr
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told.pop("not_cleared").endswith("run `manage.py disposal scrub` as the owner of its tables.")
    assert told == {
        "sound": True,
        "missing": [],
        "passed": [],
        "passed_to_purge": [],
        "purge": [True, "onrecord_purge"],
        "role_after": "onrecord_app",
        "sound_after": True,
    }


def test_what_a_disposal_left_is_a_duty_until_the_owner_clears_it(
    migrated: services.PostgresServer, day: tuple[Path, subprocess.CompletedProcess[str]]
) -> None:
    disposed, _ = day
    refused = manage(migrated, disposed, "disposal", "scrub", login="app")
    assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)
    assert "only the owner of the tables" in refused.stderr
    assert kinds(migrated)[-1] == "disposal.made", "nothing says that anything was cleared"
    for words in (("disposal", "finish"), ("disposal", "finish")):
        assert manage(migrated, disposed, *words, login="app").returncode == 0
    assert kinds(migrated)[-1] == "disposal.made"
    cleared = manage(migrated, disposed, "disposal", "scrub", login="owner")
    assert (cleared.returncode, cleared.stdout) == (0, "The tables are written anew.\n"), cleared.stderr
    assert kinds(migrated)[-1] == "key.destroyed"


def kinds(server: services.PostgresServer) -> list[str]:
    """Return the kinds of the entries about disposals, in order."""
    statement = (
        "SELECT kind FROM archive_entry JOIN archive_stream ON archive_stream.id = stream_id "
        "WHERE name = 'disposals' ORDER BY archive_entry.n"
    )
    with psycopg.connect(server.url) as connection:
        return [kind for (kind,) in connection.execute(statement)]


def test_control_the_owner_could_do_most_of_it(migrated: services.PostgresServer) -> None:
    """The statements are refused for who asks, and not because they are wrong."""
    with psycopg.connect(migrated.url) as connection:
        refused = {statement: _refusal(connection, statement) for statement in FORBIDDEN}
    assert {words for words in refused.values() if words} <= {"the record is insert-only"}
    assert sum(not words for words in refused.values()) >= len(FORBIDDEN) - 3


def _refusal(connection: psycopg.Connection, statement: str) -> str:
    try:
        connection.execute(statement)
    except psycopg.Error as error:
        return str(error).partition(":")[0]
    finally:
        connection.rollback()
    return ""
