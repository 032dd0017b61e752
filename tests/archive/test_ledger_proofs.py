"""Proofs from the ledger: every entry is under every checkpoint that covers it, and the heads list is complete."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive import ledger, merkle
from archive.ledger import tiles
from archive.models import Leaf, Tile
from tests.archive.samples import NOON, record, record_conversations, said, signed_in

pytestmark = pytest.mark.django_db


def is_proved(seq: int, *, size: int, root: bytes) -> bool:
    leaf = merkle.leaf_hash(ledger.leaf_text(seq).encode())
    return merkle.verify_inclusion(leaf, index=seq, size=size, path=ledger.prove(seq, size=size), root=root)


def test_every_entry_is_proved_under_the_latest_checkpoint() -> None:
    record_conversations(23)
    latest = ledger.latest_checkpoint()
    assert all(is_proved(seq, size=latest.size, root=latest.root) for seq in range(23))
    assert ledger.prove(5) == ledger.prove(5, size=23)


def test_an_entry_is_proved_under_an_earlier_checkpoint_too() -> None:
    record_conversations(9)
    earlier = ledger.latest_checkpoint()
    record_conversations(9)
    assert all(is_proved(seq, size=earlier.size, root=earlier.root) for seq in range(9))


def test_what_is_not_under_a_checkpoint_has_no_proof() -> None:
    record_conversations(3)
    for seq, size in ((3, None), (-1, None), (2, 2), (0, 4), (0, 0)):
        with pytest.raises(ledger.EntryNotFound):
            ledger.prove(seq, size=size)


@pytest.fixture
def two_levels_of_tiles(monkeypatch: pytest.MonkeyPatch) -> int:
    """A record with small tiles, so that tiles of tiles fill up: 4 wide instead of 256."""
    monkeypatch.setattr(tiles, "HEIGHT", 2)
    monkeypatch.setattr(tiles, "WIDTH", 4)
    size = 90
    for start in range(0, size, 9):
        record(*(said(f"message {start + i}") for i in range(9)))
    return size


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.data())
def test_tiles_of_tiles_give_the_paths_of_the_whole_tree(two_levels_of_tiles: int, data: st.DataObject) -> None:
    size = data.draw(st.integers(min_value=1, max_value=two_levels_of_tiles))
    seq = data.draw(st.integers(min_value=0, max_value=size - 1))
    hashes = [bytes(item) for item in Leaf.objects.order_by("seq").values_list("hash", flat=True)[:size]]
    assert ledger.prove(seq, size=size) == merkle.Tree(hashes).path(seq)
    assert ledger.Prover(size).root() == merkle.root(hashes)


def test_tiles_of_tiles_are_stored_as_they_fill(two_levels_of_tiles: int) -> None:
    stored = sorted(Tile.objects.values_list("level", "index"))
    assert stored == [(0, i) for i in range(22)] + [(1, i) for i in range(5)] + [(2, 0)]
    assert ledger.check().is_sound


def test_the_heads_entry_commits_to_the_last_item_of_every_stream() -> None:
    receipts = record(said("a"), said("b", stream="conversation:8"), said("c"), signed_in())
    receipt = ledger.record_heads(NOON)
    listing = ledger.heads(before=receipt.seq)
    content = ledger.open_entry(receipt.seq).content
    assert [(n, last) for _, n, last in listing] == sorted_by_stream(receipts[1], receipts[2], receipts[3])
    assert content["count"] == 3
    assert content["root"] == ledger.heads_root(listing).hex()
    assert receipt.stream == "system"


def sorted_by_stream(*receipts: ledger.Receipt) -> list[tuple[int, bytes]]:
    ids = {last: stream for stream, _, last in ledger.heads()}
    return [(r.n, r.leaf_hash) for r in sorted(receipts, key=lambda receipt: ids[receipt.leaf_hash])]


def test_the_heads_of_then_can_be_had_later() -> None:
    record(said("a"), said("b", stream="conversation:8"))
    then = ledger.heads()
    receipt = ledger.record_heads(NOON)
    record(said("later"), said("new", stream="conversation:9"))
    assert ledger.heads(before=receipt.seq) == then
    assert len(ledger.heads()) == 4


def test_each_heads_entry_counts_the_ones_before_it() -> None:
    record(said("a"))
    first, second = ledger.record_heads(NOON), ledger.record_heads(NOON)
    assert ledger.open_entry(first.seq).content["count"] == 1
    assert ledger.open_entry(second.seq).content["count"] == 2
    assert ledger.check().is_sound


def test_the_heads_of_an_empty_record_are_none() -> None:
    receipt = ledger.record_heads(NOON)
    assert ledger.open_entry(receipt.seq).content["count"] == 0
    assert ledger.check().is_sound
