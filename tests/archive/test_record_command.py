"""`manage.py record`: what an auditor types."""

import json
from functools import partial
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from archive import checkpoint, ledger
from tests.archive.record_reset import fences_down, reset_record
from tests.archive.samples import record_conversations
from tests.archive.tampering import flip

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def history() -> None:
    record_conversations(12)


def run(*words: str) -> str:
    """Return what the command prints; progress goes elsewhere."""
    out = StringIO()
    call_command("record", *words, stdout=out, stderr=StringIO())
    return out.getvalue()


def output_of_failure(*words: str) -> str:
    out = StringIO()
    with pytest.raises(SystemExit) as stop:
        call_command("record", *words, stdout=out, stderr=StringIO())
    assert stop.value.code == 1
    return out.getvalue()


def test_a_sound_record_is_called_sound() -> None:
    assert run("check") == "The record is sound: 12 entries.\n"
    assert json.loads(run("check", "--json")) == {"disposed": 0, "is_sound": True, "problems": [], "size": 12}


@pytest.mark.breaks_the_record
def test_the_first_bad_entry_is_named_and_the_exit_is_1() -> None:
    with fences_down(connection):
        flip("archive_leaf", "data", seq=5)
    assert "NOT sound. The first fault is at entry 5: " in output_of_failure("check")
    report = json.loads(output_of_failure("check", "--json"))
    assert (report["is_sound"], report["problems"][0]["seq"]) == (False, 5)


def test_progress_goes_to_the_error_stream() -> None:
    errors = StringIO()
    call_command("record", "check", stdout=StringIO(), stderr=errors)
    assert "12 of 12 entries" in errors.getvalue()


def test_the_printed_checkpoint_verifies_with_the_printed_key() -> None:
    note, key = run("checkpoint"), run("key").strip()
    assert checkpoint.verify(note, verifier_key=key).size == 12


def test_the_heads_are_recorded() -> None:
    assert run("heads") == "The heads of all streams are entry 12.\n"
    assert ledger.open_entry(12).kind == "stream.heads"


def test_an_empty_record_has_no_checkpoint_to_print() -> None:
    reset_record(connection)
    with pytest.raises(CommandError, match="empty"):
        run("checkpoint")
    assert run("check") == "The record is sound: 0 entries.\n"


@pytest.mark.parametrize("words", [(), ("repair",), ("check", "--quietly")])
def test_an_unknown_command_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        partial(run, *words)()
