"""The quick part of the check: it takes every sound page, and none in which anything was touched."""

from collections.abc import Iterable
from functools import partial

import pytest
from django.conf import settings
from django.db import connection, transaction

from archive.leaf import Leaf as LeafMembers
from archive.ledger.check_page import Page, accept_page
from archive.ledger.head import keystore
from archive.models import Leaf
from tests.archive.record_reset import fences_down
from tests.archive.samples import NOON, record, record_conversations, said
from tests.archive.tampering import Attack, delete, flip, put, run

pytestmark = pytest.mark.django_db
SIZE = 30
VICTIM = 12


@pytest.fixture(autouse=True)
def history() -> None:
    record_conversations(SIZE - 1)
    record(said("on the second", at=NOON.replace(microsecond=0)))


def accepted(first: int = 0, *, after: int | None = None) -> Page | None:
    numbers = range(first, SIZE)
    return accept_page(numbers, after=after, store=keystore(), origin=settings.ONRECORD_ORIGIN)


def accepted_after(attack: Attack) -> Page | None:
    with transaction.atomic():
        with fences_down(connection):
            attack()
        items = accepted()
        transaction.set_rollback(True)
    return items


def test_a_sound_page_is_taken_with_what_the_leaves_say() -> None:
    page = accepted()
    assert page is not None
    leaves = [LeafMembers.parse(bytes(leaf.data)) for leaf in Leaf.objects.order_by("seq")]
    assert page.digests == [bytes(leaf.hash) for leaf in Leaf.objects.order_by("seq")]
    assert page.times == [leaf.at for leaf in leaves]
    assert [part.heads and part.heads["count"] for part in page.parts] == [4, 5, None]
    ends = {leaf.stream: (leaf.n, digest.hex()) for leaf, digest in zip(leaves, page.digests, strict=True)}
    assert page.parts[0].ends | page.parts[1].ends | page.parts[2].ends == ends


def test_a_page_in_the_middle_is_taken_alone() -> None:
    page = accepted(20, after=19)
    assert page is not None and page.digests == [bytes(leaf.hash) for leaf in Leaf.objects.filter(seq__gte=20)]
    [part] = page.parts
    before = {leaf.stream: (leaf.n - 1, leaf.prev) for leaf in _leaves(range(SIZE - 1, 19, -1))}
    assert part.before == before


def _leaves(seqs: Iterable[int]) -> list[LeafMembers]:
    """The members of these leaves, in this order."""
    return [LeafMembers.parse(bytes(Leaf.objects.get(seq=seq).data)) for seq in seqs]


def test_rows_between_two_pages_are_not_overlooked() -> None:
    assert accepted(20, after=18) is None
    assert accepted(20, after=None) is None


TABLES = ("archive_leaf", "archive_entry", "archive_recordkey", "archive_document")
BINARY = (("archive_leaf", "data"), ("archive_leaf", "hash"),
          ("archive_entry", "ciphertext"), ("archive_recordkey", "wrapped"))  # fmt: skip
TEXT = (("archive_entry", "kind"), ("archive_entry", "bucket"), ("archive_recordkey", "bucket"),
        *(("archive_document", column) for column in ("kind", "actor_id", "actor_name", "text")))  # fmt: skip
TIMES = (("archive_entry", "at"), ("archive_document", "at"))
KEY_OF_NO_ENTRY = (
    "INSERT INTO archive_recordkey (seq, bucket, wrapped) "
    "SELECT -1, bucket, wrapped FROM archive_recordkey WHERE seq = 3"
)
OTHER_STREAM = (
    "UPDATE archive_entry SET n = 77, stream_id = (SELECT stream_id FROM archive_entry WHERE seq = 13) WHERE seq = 12"
)
TOUCHES: list[Attack] = [
    *(partial(flip, *column, seq=VICTIM, place=place) for column in BINARY for place in (0, 20, -1)),
    *(partial(put, *column, "x", seq=VICTIM) for column in TEXT),
    *(partial(put, *column, "2026-11-21 12:12:00+00:00", seq=VICTIM) for column in TIMES),
    *(partial(delete, table, f"seq = {VICTIM}") for table in TABLES),
    partial(put, "archive_entry", "n", 99, seq=VICTIM),
    partial(put, "archive_document", "seq", 14, seq=VICTIM),
    partial(put, "archive_recordkey", "seq", -5, seq=VICTIM),
    partial(run, KEY_OF_NO_ENTRY),
    partial(run, OTHER_STREAM),
]


def test_control_a_page_that_was_not_touched_is_taken() -> None:
    assert accepted_after(lambda: None) is not None


@pytest.mark.parametrize("attack", TOUCHES, ids=range(len(TOUCHES)))
def test_a_page_that_was_touched_anywhere_is_not_taken(attack: Attack) -> None:
    assert accepted_after(attack) is None
