"""Commands and workers that are started too early or at the wrong database: they stop with a sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from celery.signals import worker_init
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from archive import tasks
from tests.archive.samples import record, said

BASE = Path(__file__).resolve().parents[2]


@pytest.mark.backend("sqlite")  # the store is of the test's own
@pytest.mark.parametrize("words", [["record", "check"], ["record", "heads"], ["keys", "status"]])
def test_a_command_before_the_first_migration_says_so(tmp_path: Path, words: list[str]) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ONRECORD_", "DATABASE_"))}
    environment = kept | {"ONRECORD_VAR": str(tmp_path)}
    command = [sys.executable, "manage.py", *words]
    done = subprocess.run(command, cwd=BASE, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    assert "Has `manage.py migrate` been run" in done.stderr


@pytest.mark.django_db
def test_a_worker_of_another_record_stops_with_a_sentence(settings: Settings) -> None:
    record(said("one"))
    tasks.confirm_identity()
    settings.ONRECORD_ORIGIN = "other.example/record"
    with pytest.raises(SystemExit, match=r"the record of onrecord.example/record, but ONRECORD_ORIGIN is other"):
        tasks.confirm_identity()


def test_workers_ask_before_they_begin() -> None:
    names = {getattr(receiver(), "__name__", "") for _, receiver in worker_init.receivers if callable(receiver)}
    assert "confirm_identity" in names


@pytest.mark.django_db
def test_options_that_contradict_each_other_and_empty_reasons_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="does not go with --fast"):
        call_command("record", "check", "--fast", "--resume", str(tmp_path / "place"))
    with pytest.raises(CommandError, match="--reason is empty"):
        call_command("record", "break", "--reason", "  ")
