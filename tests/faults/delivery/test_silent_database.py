"""A database that takes connections and says nothing any more must not hold up the stop of a server for ever.

Control: without the bound, Python waits at its end for the thread that asks it.
"""

import os
import signal
import subprocess

import httpx
import psycopg
import pytest

from messenger.management.commands.serve import END_S
from tests.stack import ROOT, Stack, migrated_stack

pytestmark = [pytest.mark.backend("postgres"), pytest.mark.faults_only]
SLACK_S = 20.0  # of a busy machine
UNBOUNDED = """
import threading
from django.core.management import execute_from_command_line
threading.Timer.start = lambda timer: None
execute_from_command_line(["manage.py", "serve", "--no-worker"])
"""


def _freeze_backends(stack: Stack) -> list[int]:
    """Let every process of the database server that serves this product stand still; return their numbers."""
    server_url, _, database = stack.environment["DATABASE_URL"].rpartition("/")
    with psycopg.connect(f"{server_url}/postgres") as server:
        found = server.execute("SELECT pid FROM pg_stat_activity WHERE datname = %s", [database]).fetchall()
    backends = [int(pid) for (pid,) in found]
    for backend in backends:
        os.kill(backend, signal.SIGSTOP)
    return backends


def _seconds_are_enough_to_stop(stack: Stack) -> bool:
    """Freeze the database, have a request wait for it, and ask the server to stop."""
    stack.web.start()
    assert httpx.get(f"{stack.url}/accounts/login/", timeout=30).status_code == 302
    frozen = _freeze_backends(stack)
    assert stack.web.process is not None
    try:
        assert frozen
        with pytest.raises(httpx.TimeoutException):
            httpx.get(f"{stack.url}/accounts/login/", timeout=3)
        stack.web.process.send_signal(signal.SIGTERM)
        return stack.web.process.wait(END_S + SLACK_S) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        stack.web.kill()
        for backend in frozen:
            os.kill(backend, signal.SIGCONT)


def test_a_server_whose_database_says_nothing_stops_in_its_time() -> None:
    assert _seconds_are_enough_to_stop(migrated_stack())


def test_control_without_the_bound_it_does_not() -> None:
    stack = migrated_stack()
    program = stack.folder / "unbounded.py"
    program.write_text(UNBOUNDED)
    stack.web.arguments = (str(program),)
    stack.web.environment |= {"PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "messenger.settings"}
    assert not _seconds_are_enough_to_stop(stack)
