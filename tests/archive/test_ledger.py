"""The ledger: what is recorded is sealed, numbered, proved and read back; what is not committed never was."""

import hashlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from archive import checkpoint, events, ledger, merkle
from archive.leaf import Leaf as LeafBytes
from archive.models import Document, Entry, Head, Leaf, Tile
from tests.archive.samples import ALICE, BOB, NOON, record, record_conversations, said, signed_in

pytestmark = pytest.mark.django_db


def test_an_event_is_read_back_as_it_was_recorded() -> None:
    event = said("Sell at 40? 😀\x00")
    [receipt] = record(event)
    opened = ledger.open_entry(receipt.seq)
    assert opened == ledger.Opened(
        seq=0, stream="conversation:7", n=1, kind="message.created", at=NOON, content=event.content()
    )
    assert ledger.find_entry("conversation:7", 1) == opened
    assert ledger.read_stream("conversation:7") == [opened]


def test_the_leaf_says_what_the_format_says() -> None:
    [first], [second] = record(said("one")), record(said("two"))
    leaf = LeafBytes.parse(ledger.leaf_text(second.seq).encode())
    assert (leaf.seq, leaf.n, leaf.kind, leaf.bucket) == (1, 2, "message.created", "7y/2026-11-21")
    assert leaf.prev == first.leaf_hash.hex()
    assert leaf.at == "2026-11-21T12:00:00.123Z"
    assert leaf.ciphertext_digest == hashlib.sha256(bytes(Entry.objects.get(seq=1).ciphertext)).hexdigest()
    assert set(leaf.commitments) == set(said("two").content())
    assert second.leaf_hash == merkle.leaf_hash(ledger.leaf_text(second.seq).encode())


# rule: eu-gdpr-security
def test_neither_names_nor_words_stand_in_leaf_or_ciphertext() -> None:
    [receipt] = record(said("Sell at 40?"))
    outside = ledger.leaf_text(receipt.seq).encode() + bytes(Entry.objects.get(seq=0).ciphertext)
    assert not any(word in outside for word in (b"Sell", b"Alice", b"conversation:7", b"person:1"))


def test_streams_are_numbered_without_gaps_and_apart() -> None:
    receipts = record(said("a"), said("b", stream="conversation:8"), said("c"), signed_in(), said("d"))
    assert [(r.seq, r.stream, r.n) for r in receipts] == [
        (0, "conversation:7", 1),
        (1, "conversation:8", 1),
        (2, "conversation:7", 2),
        (3, "person:2", 1),
        (4, "conversation:7", 3),
    ]


def test_every_field_can_be_opened_by_itself() -> None:
    [receipt] = record(said("Sell at 40?"))
    leaf = LeafBytes.parse(ledger.leaf_text(receipt.seq).encode())
    opened = ledger.opened_fields(receipt.seq)
    assert opened["body"][1] == "Sell at 40?"
    assert opened["actor"][1] == ALICE.as_json()
    assert len({key for key, _ in opened.values()}) == len(opened) == len(leaf.commitments)


def test_time_is_kept_in_utc_to_the_millisecond() -> None:
    at = datetime(2026, 11, 21, 1, 30, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
    [receipt] = record(said("early", at=at))
    assert receipt.at == ledger.open_entry(receipt.seq).at == datetime(2026, 11, 20, 23, 30, 0, 999_000, tzinfo=UTC)
    assert Entry.objects.get().bucket == "7y/2026-11-20"


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        record(said("when?", at=datetime(2026, 11, 21)))  # noqa: DTZ001 (that is the point)


def test_nothing_is_recorded_for_nothing() -> None:
    assert record() == []
    assert not Head.objects.exists()


def test_a_refused_event_leaves_no_trace_and_the_record_goes_on() -> None:
    record(said("before"))
    with pytest.raises(ledger.NotCanonical):
        record(said("good"), said("\ud800"))
    too_many = {f"field {i}": "x" for i in range(1000)}
    with pytest.raises(ledger.LeafTooLarge):
        record(Verbose(stream="system", actor=ALICE, at=NOON, many=too_many))
    [after] = record(said("after"))
    assert (after.seq, after.n) == (1, 2)
    assert ledger.check().is_sound


class Verbose(events.Event):
    """An event of more fields than a leaf can commit to."""

    kind = "test.verbose"

    def __init__(self, *, stream: str, actor: events.Actor, at: datetime, many: dict[str, events.Json]) -> None:
        super().__init__(stream=stream, actor=actor, at=at)
        object.__setattr__(self, "many", many)

    def content(self) -> dict[str, events.Json]:
        return dict(vars(self)["many"])


def test_a_rolled_back_act_leaves_no_entry_and_no_gap() -> None:
    record(said("one"))
    with pytest.raises(RuntimeError, match="the act failed"):
        record_and_fail(said("never"))
    [receipt] = record(said("two"))
    assert (receipt.seq, receipt.n) == (1, 2)
    assert [entry.content["body"] for entry in ledger.read_stream("conversation:7")] == ["one", "two"]


def record_and_fail(event: events.Event) -> None:
    with transaction.atomic():
        ledger.record(event)
        raise RuntimeError("the act failed")


def test_a_stream_is_read_in_pages() -> None:
    record(*(said(f"message {i}") for i in range(7)))
    page = ledger.read_stream("conversation:7", after=2, limit=3)
    assert [(entry.n, entry.content["body"]) for entry in page] == [(i, f"message {i - 1}") for i in (3, 4, 5)]
    assert ledger.read_stream("conversation:7", after=7) == []
    assert ledger.read_stream("conversation:unknown") == []


def test_what_does_not_exist_is_not_found() -> None:
    record(said("one"))
    with pytest.raises(ledger.EntryNotFound, match="no entry 1"):
        ledger.open_entry(1)
    with pytest.raises(ledger.EntryNotFound, match="no item 2"):
        ledger.find_entry("conversation:7", 2)
    with pytest.raises(ledger.EntryNotFound):
        ledger.leaf_text(-1)
    with pytest.raises(ledger.EntryNotFound):
        ledger.opened_fields(1)


def test_the_leaves_of_a_stream_come_exactly_and_in_order() -> None:
    receipts = [r for r in record_conversations(30) if r.stream == "conversation:1"]
    leaves = list(ledger.stream_leaves("conversation:1"))
    assert [merkle.leaf_hash(data) for data in leaves] == [receipt.leaf_hash for receipt in receipts]
    assert leaves == [ledger.leaf_text(receipt.seq).encode() for receipt in receipts]


def test_only_events_with_words_get_a_search_row() -> None:
    record(said("find me", actor=BOB), signed_in())
    [document] = Document.objects.select_related("stream")
    assert (document.seq, document.stream.name, document.kind, document.at) == (
        0,
        "conversation:7",
        "message.created",
        NOON,
    )
    assert (document.actor_id, document.actor_name, document.text) == ("person:2", "Bob", "find me")


def test_a_nul_in_words_does_not_stop_the_record() -> None:
    [receipt] = record(said("a\x00b"))
    assert ledger.open_entry(receipt.seq).content["body"] == "a\x00b"
    assert Document.objects.get().text == "a b"


def test_a_very_long_text_is_recorded() -> None:
    words = "word " * 400_000
    [receipt] = record(said(words))
    assert ledger.open_entry(receipt.seq).content["body"] == words


def test_the_head_of_an_empty_record_is_asked_in_vain() -> None:
    with pytest.raises(ledger.EntryNotFound, match="empty"):
        ledger.latest_checkpoint()
    assert ledger.heads() == []
    assert ledger.verifier_key().startswith("onrecord.example/record+")


def test_every_call_signs_one_checkpoint_over_the_whole_tree() -> None:
    record(said("one"))
    record(said("two"), said("three"))
    latest = ledger.latest_checkpoint()
    statement = checkpoint.verify(latest.note, verifier_key=ledger.verifier_key())
    assert (statement.size, statement.root) == (latest.size, latest.root) == (3, merkle.root(leaf_hashes()))


def leaf_hashes() -> list[bytes]:
    leaves = Leaf.objects.order_by("seq").values_list("data", flat=True)
    return [merkle.leaf_hash(bytes(data)) for data in leaves]


def queries_of(*happened: events.Event) -> int:
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        ledger.record_all(happened)
    return len(queries)


def test_an_entry_costs_a_constant_number_of_queries() -> None:
    record(said("first of its stream"))
    with_words, without = (11, 9) if connection.vendor == "sqlite" else (4, 4)  # PostgreSQL takes all rows at once
    assert queries_of(said("with words")) == with_words
    assert queries_of(signed_in()) == queries_of(signed_in()) == without


def test_many_entries_cost_no_more_queries_than_one() -> None:
    record(said("first"))
    single = queries_of(said("one"))
    assert queries_of(*(said(f"message {i}", stream=f"conversation:{i}") for i in range(40))) == single


def test_a_full_tile_is_stored_once() -> None:
    record(*(said(f"message {i}") for i in range(255)))
    assert not Tile.objects.exists()
    record(said("the 256th"))
    record(said("the 257th"))
    [tile] = Tile.objects.all()
    hashes = leaf_hashes()[:256]
    assert (tile.level, tile.index, bytes(tile.hashes), bytes(tile.root)) == (
        0,
        0,
        b"".join(hashes),
        merkle.root(hashes),
    )
