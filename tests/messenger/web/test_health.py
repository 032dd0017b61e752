"""Each part that a server needs, taken away for real: it is named, nothing else is said, and no answer takes long."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as product
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django import Settings

from tests.cast import Cast
from tests.messenger.conversations import office

pytestmark = pytest.mark.django_db(transaction=True)
PARTS = ("database", "bus", "migrations", "keys", "guard")


def _ask(path: str = "/readyz") -> tuple[int, dict[str, Any]]:
    answer = Client().get(path)
    return answer.status_code, answer.json()


def _only(failing: str) -> tuple[int, dict[str, Any]]:
    return 503, {"status": "failing"} | {part: "failing" if part == failing else "ok" for part in PARTS}


def _without_bus() -> tuple[int, dict[str, Any]]:
    return 200, {"status": "degraded"} | {part: "failing" if part == "bus" else "ok" for part in PARTS}


@contextmanager
def _moved(path: Path) -> Iterator[None]:
    aside = path.with_name(f"{path.name}.aside")
    path.rename(aside)
    try:
        yield
    finally:
        aside.rename(path)


@contextmanager
def _database_away() -> Iterator[None]:
    """Let no new connection come about, ours or that of a look, which keeps none until the next one."""
    where = connection.settings_dict
    there = dict(where)
    connection.close()
    if connection.vendor == "sqlite":
        where.update(NAME="/nowhere/at-all")
    else:
        where.update(PORT="1", OPTIONS={**where["OPTIONS"], "pool": False})
    try:
        with pytest.raises(OperationalError):
            connection.ensure_connection()
        yield
    finally:
        where.update(there)


def test_with_everything_there_it_is_ready(cast: Cast) -> None:
    assert _ask() == (200, {"status": "ok"} | dict.fromkeys(PARTS, "ok"))
    assert _ask("/healthz") == (200, {"status": "ok"})


def test_a_database_that_is_away_makes_a_process_not_ready_and_lets_it_live(cast: Cast) -> None:
    """Who starts anew what is not alive would end every process of the firm while its database restarts."""
    with _database_away():
        status, states = _ask()
        assert (status, states["status"], states["database"]) == (503, "failing", "failing")
        assert _ask("/healthz") == (200, {"status": "ok"})
    assert _ask()[0] == 200


def test_before_the_first_entry_there_need_be_no_keys(settings: Settings, tmp_path: Path) -> None:
    settings.ONRECORD_KEY_DIR = tmp_path / "none"
    assert _ask()[1]["keys"] == "ok"


@pytest.mark.parametrize("pattern", ["log", "kek*", "buckets"])
def test_keys_that_are_gone_are_noticed_although_the_server_remembers_them(cast: Cast, pattern: str) -> None:
    [path] = product.ONRECORD_KEY_DIR.glob(pattern)  # a key-encryption key that was exchanged has a longer name
    with _moved(path):
        assert _ask() == _only("keys")
    assert _ask()[0] == 200


def test_a_database_that_was_put_back_is_noticed(cast: Cast, settings: Settings, tmp_path: Path) -> None:
    office.say(cast.alice, office.direct(cast.alice, cast.bob))
    settings.ONRECORD_GUARD = tmp_path / "checkpoint"
    settings.ONRECORD_GUARD.write_text("firm.example/record\n99999\nnot a checkpoint of ours\n", encoding="utf-8")
    assert _ask() == _only("guard")


def test_a_migration_that_was_not_applied_is_noticed(cast: Cast) -> None:
    rows = MigrationRecorder(connection).migration_qs.filter(name="0003_attachments")
    rows.filter(app="messenger").update(app="elsewhere")
    try:
        assert _ask() == _only("migrations")
    finally:
        rows.filter(app="elsewhere").update(app="messenger")


def test_a_bus_that_is_away_is_named_and_takes_no_node_out(cast: Cast, settings: Settings) -> None:
    """It is away for every node: a balancer that took all of them out would make an outage of a delay."""
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert _ask() == _without_bus()


def test_a_bus_that_is_away_hides_nothing_else(cast: Cast, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    with _moved(product.ONRECORD_KEY_DIR / "log"):
        status, states = _ask()
    assert (status, states["status"], states["bus"], states["keys"]) == (503, "failing", "failing", "failing")


def test_a_bus_that_hangs_makes_nobody_wait_and_the_next_answer_neither(cast: Cast, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        for _ in range(3):
            began = time.monotonic()
            assert _ask() == _without_bus()
            assert time.monotonic() - began < 5


def test_no_reason_is_shown_to_who_is_not_signed_in(cast: Cast) -> None:
    with _moved(product.ONRECORD_KEY_DIR / "log"):
        shown = Client().get("/readyz").content.decode()
    assert str(product.ONRECORD_KEY_DIR) not in shown and "KeyMissing" not in shown
