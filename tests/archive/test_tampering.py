"""The check against an insider with all rights on the database: each attack is found and the first bad entry named."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive import ledger, merkle
from tests.archive.samples import record_conversations
from tests.archive.tampering import (
    Attack,
    delete,
    delete_everywhere,
    first_bad,
    flip,
    get_bytes,
    misnamed,
    put,
    report_after,
    swap,
)

pytestmark = pytest.mark.django_db
SIZE = 30
VICTIM = 12  # a message, neither the first of its stream nor the last


@pytest.fixture(autouse=True)
def history() -> None:
    record_conversations(SIZE)


# rule: us-sec-17a-4-verify
def test_control_an_untouched_record_raises_no_alarm() -> None:
    assert report_after(lambda: None) == ledger.CheckReport(size=SIZE, is_sound=True, problems=[])


EVIDENCE = [
    ("archive_leaf", "data"),
    ("archive_leaf", "hash"),
    ("archive_entry", "ciphertext"),
    ("archive_recordkey", "wrapped"),
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    target=st.sampled_from(EVIDENCE),
    seq=st.integers(min_value=0, max_value=SIZE - 1),
    place=st.integers(min_value=0, max_value=10_000),
)
def test_any_flipped_byte_is_found_and_its_entry_named(target: tuple[str, str], seq: int, place: int) -> None:
    assert first_bad(lambda: flip(*target, seq=seq, place=place))[0] == seq


def rewrite_leaf(**members: object) -> None:
    """Change a leaf in form, with its stored hash, so that only tree and rows can tell."""
    leaf = {**json.loads(get_bytes("archive_leaf", "data", seq=VICTIM)), **members}
    data = json.dumps(leaf, sort_keys=True, separators=(",", ":")).encode()
    put("archive_leaf", "data", data, seq=VICTIM)
    put("archive_leaf", "hash", merkle.leaf_hash(data), seq=VICTIM)


def backdate_everywhere() -> None:
    rewrite_leaf(at="2026-11-20T09:00:00.000Z")
    for table in ("archive_entry", "archive_document"):
        put(table, "at", "2026-11-20 09:00:00+00:00", seq=VICTIM)


CHANGES: list[tuple[Attack, str]] = [
    (lambda: flip("archive_leaf", "data", seq=VICTIM, place=40), "stored hash"),
    (lambda: flip("archive_leaf", "hash", seq=VICTIM), "stored hash"),
    (lambda: rewrite_leaf(kind="message.refused"), "column kind differs .* do not have the root"),
    (lambda: rewrite_leaf(n=99), "item 99 follows"),
    (lambda: rewrite_leaf(prev="0" * 64), "link"),
    (lambda: rewrite_leaf(seq=13), "says that it is number 13"),
    (lambda: rewrite_leaf(c={}), "commitments"),
    (lambda: rewrite_leaf(extra=1), "not one of the format"),
    (backdate_everywhere, "do not have the root"),
    (lambda: delete_everywhere(f"seq = {VICTIM}"), "Entry 12 is missing"),
    (lambda: delete_everywhere(f"seq >= {VICTIM} AND seq < 20"), "Entries 12 to 19 are missing"),
    (lambda: delete("archive_leaf", f"seq = {VICTIM}"), "no leaf"),
    (lambda: delete("archive_entry", f"seq = {VICTIM}"), "entry is not there"),
    (lambda: delete("archive_recordkey", f"seq = {VICTIM}"), "key is gone"),
    (lambda: delete("archive_document", f"seq = {VICTIM}"), "words for the search are missing"),
    (lambda: swap("archive_leaf", "data", seqs=(VICTIM, 13)), "stored hash"),
    (lambda: swap("archive_entry", "ciphertext", seqs=(VICTIM, 15)), "sealed content"),
    (lambda: swap("archive_recordkey", "wrapped", seqs=(VICTIM, 15)), "cannot be opened"),
    (lambda: flip("archive_entry", "ciphertext", seq=VICTIM, place=-1), "sealed content"),
    (lambda: flip("archive_recordkey", "wrapped", seq=VICTIM), "cannot be opened"),
    (lambda: put("archive_entry", "at", "2026-11-21 12:12:00.122+00:00", seq=VICTIM), "column at"),
    (lambda: put("archive_entry", "at", "2026-11-21 12:12:00.123001+00:00", seq=VICTIM), "column at"),
    (lambda: put("archive_entry", "kind", "message.refused", seq=VICTIM), "column kind"),
    (lambda: put("archive_entry", "bucket", "1y/2026-11-21", seq=VICTIM), "column bucket"),
    (lambda: put("archive_entry", "n", 500, seq=VICTIM), "column n"),
    (lambda: put("archive_recordkey", "bucket", "../log", seq=VICTIM), "cannot be opened"),
    (lambda: put("archive_document", "text", "message thirteen", seq=VICTIM), "in column text"),
    (lambda: put("archive_document", "actor_id", "person:2", seq=VICTIM), "in column actor_id"),
    (lambda: put("archive_document", "actor_name", "Bob", seq=VICTIM), "in column actor_name"),
    (lambda: put("archive_document", "at", "2020-01-01 00:00:00+00:00", seq=VICTIM), "in column at"),
]


# rule: us-sec-17a-4-audit-trail
def test_each_changed_entry_is_named() -> None:
    assert misnamed((attack, VICTIM, words) for attack, words in CHANGES) == []
