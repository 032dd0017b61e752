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


def test_a_server_that_may_not_migrate_says_so(server: services.PostgresServer, tmp_path: Path) -> None:
    url = as_app(server, server.url_of("empty"))
    words = ("serve", "--port", str(services.free_port()))
    early = manage(server, tmp_path, *words, login="app", url=url)
    assert early.returncode == 1
    assert "run `manage.py migrate` as the owner" in early.stderr
    assert "Traceback" not in early.stderr


def test_the_product_works_as_the_app_and_cannot_change_the_record(
    migrated: services.PostgresServer, tmp_path: Path
) -> None:
    server = migrated
    again = manage(server, tmp_path, "migrate", "--verbosity", "0", login="app")
    assert again.returncode == 0, again.stderr
    export = tmp_path / "export"
    export.mkdir()
    command = [sys.executable, "-m", "tests.flows.as_the_app", str(export)]
    day = subprocess.run(
        command,
        env=environment(server, tmp_path, login="app"),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert day.returncode == 0, day.stderr
    assert json.loads(day.stdout.splitlines()[-1]) == {
        "sound": True,
        "passed": [],
        "passed_to_purge": [],
        "purge": [True, "onrecord_purge"],
        "role_after": "onrecord_app",
        "sound_after": True,
    }


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
