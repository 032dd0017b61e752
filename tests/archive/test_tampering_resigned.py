"""Attacks that would let us sign what was changed: the database's owner has no key, but we sign each append."""

import json

import pytest
from django.db import connection, transaction

from archive import ledger, merkle
from archive.models import Leaf
from tests.archive.record_reset import fences_down
from tests.archive.samples import record, record_conversations, said
from tests.archive.tampering import delete, get_bytes, put, run

pytestmark = pytest.mark.django_db
SIZE = 8
LAST = SIZE - 1


@pytest.fixture(autouse=True)
def history() -> None:
    record_conversations(SIZE)


def backdate_the_last_entry() -> None:
    """Change the time of the last entry in every row, and give the head the frontier of the changed tree."""
    leaf = {**json.loads(get_bytes("archive_leaf", "data", seq=LAST)), "at": "2026-11-21T09:00:00.000Z"}
    data = json.dumps(leaf, sort_keys=True, separators=(",", ":")).encode()
    put("archive_leaf", "data", data, seq=LAST)
    put("archive_leaf", "hash", merkle.leaf_hash(data), seq=LAST)
    for table in ("archive_entry", "archive_document"):
        put(table, "at", "2026-11-21 09:00:00+00:00", seq=LAST)
    run("UPDATE archive_stream SET last_hash = %s WHERE id = %s", merkle.leaf_hash(data), leaf["stream"])
    frontier = merkle.Frontier()
    for digest in Leaf.objects.order_by("seq").values_list("hash", flat=True):
        frontier.append(bytes(digest))
    run("UPDATE archive_head SET frontier = %s", frontier.to_bytes())


def test_an_append_does_not_sign_a_tree_that_was_changed_under_it() -> None:
    with transaction.atomic():
        with fences_down(connection):
            backdate_the_last_entry()
        with pytest.raises(ledger.ForeignRecord, match="record check"):
            record(said("one more"))
        assert not ledger.check().is_sound
        transaction.set_rollback(True)


def test_an_append_does_not_follow_a_head_whose_checkpoint_is_gone() -> None:
    with transaction.atomic():
        with fences_down(connection):
            backdate_the_last_entry()
            delete("archive_checkpoint", f"size = {SIZE}")
        with pytest.raises(ledger.ForeignRecord, match="record check"):
            record(said("one more"))
        transaction.set_rollback(True)


def test_control_an_untouched_record_goes_on() -> None:
    record(said("one more"))
    assert ledger.check() == ledger.CheckReport(size=SIZE + 1, is_sound=True, problems=[])
