"""The private servers of the tests keep what the product relies on."""

import os
import signal
from collections.abc import Iterator

import psycopg
import pytest

from tests import services

pytestmark = pytest.mark.backend("postgres")


@pytest.fixture
def postgres() -> Iterator[services.PostgresServer]:
    server = services.start_postgres()
    yield server
    server.stop()


def test_what_postgres_committed_survives_its_kill(postgres: services.PostgresServer) -> None:
    with psycopg.connect(postgres.url) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
        connection.execute("CREATE TABLE t AS SELECT 42 AS x")
    postgres.kill()
    postgres.start()
    with psycopg.connect(postgres.url) as connection:
        assert connection.execute("SELECT x FROM t").fetchone() == (42,)


def test_a_kill_ends_a_backend_that_hangs(postgres: services.PostgresServer) -> None:
    connection = psycopg.connect(postgres.url)
    os.kill(connection.info.backend_pid, signal.SIGSTOP)
    postgres.kill()
    postgres.start()  # refused while anybody holds the memory of the one before
    with pytest.raises(psycopg.OperationalError), connection:
        connection.execute("SELECT 1")


def test_a_server_that_runs_is_not_started_again(postgres: services.PostgresServer) -> None:
    running = postgres.process
    with pytest.raises(RuntimeError, match="runs already"):
        postgres.start()
    assert postgres.process is running


def test_a_server_that_cannot_start_says_why(postgres: services.PostgresServer) -> None:
    second = services.PostgresServer(folder=postgres.folder, port=postgres.port, user=postgres.user)
    with pytest.raises(services.ServiceFailed, match="lock file"):
        second.start()
