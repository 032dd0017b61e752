"""The fast check: it finds whatever was done to leaves, and says how little it looked at."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from archive import ledger
from archive.ledger.check_leaves import check_leaves
from tests.archive.record_reset import fences_down, reset_record
from tests.archive.samples import record_conversations
from tests.archive.tampering import Attack, delete, delete_everywhere, flip, put, run

pytestmark = pytest.mark.django_db
SIZE = 30
VICTIM = 12


@pytest.fixture(autouse=True)
def history() -> None:
    record_conversations(SIZE)


def report_after(attack: Attack) -> ledger.CheckReport:
    with transaction.atomic():
        with fences_down(connection):
            attack()
        report = check_leaves()
        transaction.set_rollback(True)
    return report


def rehash_another_leaf() -> None:
    """Put another entry's leaf in place, with its stored hash, so that only the root can tell."""
    run(
        "UPDATE archive_leaf SET data = (SELECT data FROM archive_leaf WHERE seq = 13), "
        "hash = (SELECT hash FROM archive_leaf WHERE seq = 13) WHERE seq = 12"
    )


def cut_tail() -> None:
    delete_everywhere("seq >= 20")
    delete("archive_checkpoint", "size > 20")


ATTACKS: list[tuple[Attack, int | None, str]] = [
    (lambda: flip("archive_leaf", "data", seq=VICTIM), VICTIM, "stored hash"),
    (lambda: flip("archive_leaf", "hash", seq=VICTIM), VICTIM, "stored hash"),
    (lambda: delete("archive_leaf", f"seq = {VICTIM}"), VICTIM, "missing"),
    (lambda: delete_everywhere("seq = 29"), 29, "missing"),
    (lambda: put("archive_leaf", "seq", 99, seq=0), 0, "missing"),
    (rehash_another_leaf, None, "do not have the root"),
    (cut_tail, 20, "No signed checkpoint"),
    (lambda: delete("archive_checkpoint", "size > 0"), None, "no good checkpoint"),
    (lambda: run("UPDATE archive_checkpoint SET note = '' WHERE size = 30"), None, "not good"),
]


def test_control_untouched_leaves_raise_no_alarm() -> None:
    assert report_after(lambda: None) == ledger.CheckReport(size=SIZE, is_sound=True, problems=[])


@pytest.mark.parametrize(("attack", "seq", "words"), ATTACKS, ids=[words for _, _, words in ATTACKS])
def test_what_was_done_to_leaves_is_found(attack: Attack, seq: int | None, words: str) -> None:
    first = report_after(attack).problems[0]
    assert first.seq == seq and words in first.what


def test_it_does_not_look_beyond_the_leaves() -> None:
    assert report_after(lambda: put("archive_document", "text", "other words", seq=VICTIM)).is_sound


def printed(*words: str) -> str:
    out = StringIO()
    call_command("record", "check", "--fast", *words, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_the_command_says_what_was_not_looked_at() -> None:
    assert "Contents, keys, search rows, earlier checkpoints and chat rows were not looked at" in printed()
    told = {"checked": "leaves", "disposed": 0, "is_sound": True, "problems": [], "size": SIZE}
    assert json.loads(printed("--json")) == told


def test_an_empty_record_is_sound() -> None:
    reset_record(connection)
    assert check_leaves() == ledger.CheckReport(size=0, is_sound=True, problems=[])
