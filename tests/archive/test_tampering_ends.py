"""Attacks on the ends and the frame of the record: its tail, head, streams, checkpoints, tiles and keys."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings as product_settings
from pytest_django import Settings

from archive import checkpoint, ledger
from archive.events import SYSTEM, StreamHeads
from archive.keys import open_keystore
from archive.ledger.findings import LIMIT
from archive.models import Checkpoint
from tests.archive.samples import NOON, record, record_conversations, said
from tests.archive.tampering import (
    Attack,
    delete,
    delete_everywhere,
    fetch,
    first_bad,
    misnamed,
    put,
    report_after,
    run,
)

pytestmark = pytest.mark.django_db
SIZE = 22
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(32))


@pytest.fixture(autouse=True)
def history() -> None:
    record_conversations(SIZE)


def copy_entry(source: int, *, seq: int, n: int) -> None:
    run(
        "INSERT INTO archive_leaf (seq, data, hash) SELECT %s, data, hash FROM archive_leaf WHERE seq = %s", seq, source
    )
    run(
        "INSERT INTO archive_entry (seq, stream_id, n, kind, at, bucket, ciphertext) "
        "SELECT %s, stream_id, %s, kind, at, bucket, ciphertext FROM archive_entry WHERE seq = %s",
        seq,
        n,
        source,
    )


def cut_tail_and_head() -> None:
    """Take the last entries away and set the head back, but leave the checkpoints that signed them."""
    delete_everywhere("seq >= 18")
    run("UPDATE archive_head SET size = 18")


ENDS: list[tuple[Attack, int | None, str]] = [
    (lambda: delete_everywhere("seq >= 18"), 18, "Entries 18 to 21 are missing"),
    (lambda: delete_everywhere("seq = 21"), 21, "Entry 21 is missing"),
    (cut_tail_and_head, 18, "Entries 18 to 21 are missing"),
    (lambda: delete_everywhere("seq < 3"), 0, "Entries 0 to 2 are missing"),
    (lambda: delete_everywhere("seq >= 0"), 0, "Entries 0 to 21 are missing"),
    (lambda: copy_entry(20, seq=SIZE, n=900), SIZE, "says that it is number 20"),
    (lambda: copy_entry(20, seq=-1, n=900), -1, "no number"),
    (lambda: copy_entry(20, seq=2**62, n=900), SIZE, "are missing"),
    (lambda: put("archive_entry", "seq", SIZE, seq=20), 20, "entry is not there"),
    (lambda: put("archive_document", "seq", 14, seq=20), 14, "entry has none"),
    (lambda: delete("archive_checkpoint", f"size = {SIZE}"), SIZE - 1, "No signed checkpoint"),
]


def test_what_is_missing_or_too_much_is_named() -> None:
    assert misnamed(ENDS) == []


def set_note(note: str, *, size: int) -> None:
    run("UPDATE archive_checkpoint SET note = %s WHERE size = %s", note, size)


def note_of(size: int) -> str:
    return Checkpoint.objects.get(size=size).note


def sign_as_stranger() -> None:
    statement = checkpoint.parse(note_of(9))
    set_note(checkpoint.sign(statement, key=STRANGER), size=9)


def move_checkpoint_forward() -> None:
    run("UPDATE archive_checkpoint SET size = 500 WHERE size = 9")


NOTES: list[tuple[Attack, str]] = [
    (sign_as_stranger, "not signed by this key"),
    (lambda: set_note(note_of(9).replace("\n9\n", "\n8\n"), size=9), "signature does not fit"),
    (lambda: set_note(note_of(8), size=9), "differs from its signed note"),
    (lambda: set_note("", size=9), "no signature block"),
    (
        lambda: run("UPDATE archive_checkpoint SET root = %s WHERE size = 9", bytes(32)),
        "differs from its signed note",
    ),
    (lambda: run("UPDATE archive_checkpoint SET at = '2020-01-01 00:00:00+00:00' WHERE size = 9"), "time beside"),
]


def test_a_changed_checkpoint_is_named_by_the_entry_it_ends_with() -> None:
    assert misnamed((attack, 8, words) for attack, words in NOTES) == []


def test_a_checkpoint_for_entries_that_never_were_is_found() -> None:
    assert not report_after(move_checkpoint_forward).is_sound


def test_a_record_signed_anew_with_another_key_is_found_at_its_first_checkpoint() -> None:
    def sign_all_anew() -> None:
        for row in Checkpoint.objects.all():
            set_note(checkpoint.sign(checkpoint.parse(row.note), key=STRANGER), size=row.size)
        public = checkpoint.public_bytes(STRANGER)
        origin = product_settings.ONRECORD_ORIGIN
        run("UPDATE archive_head SET verifier_key = %s", checkpoint.verifier_key(origin, public=public))

    assert first_bad(sign_all_anew)[0] == 0


FRAME: list[tuple[str, str]] = [
    ("UPDATE archive_head SET size = 21", "column size"),
    ("UPDATE archive_head SET origin = 'other'", "column origin"),
    ("UPDATE archive_head SET verifier_key = 'other'", "column verifier_key"),
    ("UPDATE archive_head SET frontier = (SELECT hash FROM archive_leaf WHERE seq = 0)", "column frontier"),
    ("DELETE FROM archive_head", "head is missing"),
    ("UPDATE archive_stream SET n = n + 1 WHERE name = 'conversation:1'", "where its entries end"),
    (
        "UPDATE archive_stream SET last_hash = (SELECT hash FROM archive_leaf WHERE seq = 0)",
        "where its entries end",
    ),
    ("UPDATE archive_stream SET name = 'conversation:99' WHERE name = 'conversation:1'", "another name"),
    (
        "INSERT INTO archive_stream SELECT 'x', 'conversation:x', 1, last_hash FROM archive_stream LIMIT 1",
        "entries end",
    ),
]


def test_a_changed_head_or_stream_is_found() -> None:
    assert misnamed((partial(run, statement), None, words) for statement, words in FRAME) == []


def test_a_changed_tile_is_named_by_the_entry_whose_hash_it_lies_about() -> None:
    record(*(said(f"more {i}") for i in range(256)))
    [hashes] = fetch("SELECT hashes FROM archive_tile")
    assert isinstance(hashes, bytes)
    lie = hashes[: 40 * 32] + bytes(32) + hashes[41 * 32 :]
    assert first_bad(lambda: run("UPDATE archive_tile SET hashes = %s", lie))[0] == 40
    assert first_bad(lambda: run("UPDATE archive_tile SET root = %s", bytes(32)))[0] == 0
    assert first_bad(lambda: delete("archive_tile", "level = 0"))[0] == 0
    extra = (
        'INSERT INTO archive_tile (id, level, "index", hashes, root) SELECT 999, 0, 1, hashes, root FROM archive_tile'
    )
    assert first_bad(lambda: run(extra)) == (None, "There are more tiles than the record fills.")


@pytest.mark.breaks_the_record
def test_stream_heads_that_leave_a_stream_out_are_named() -> None:
    listing = ledger.heads()[:-1]
    root = ledger.heads_root(listing).hex()
    [receipt] = record(StreamHeads(stream="system", actor=SYSTEM, at=NOON, count=len(listing), root=root))
    assert first_bad(lambda: None) == (
        receipt.seq,
        "The stream heads that it commits to are not those of the record at that point.",
    )


@pytest.fixture
def own_keys(settings: Settings, tmp_path: Path) -> Iterator[Path]:
    """A copy of the key folder that a test may damage."""
    folder = tmp_path / "keys"
    shutil.copytree(settings.ONRECORD_KEY_DIR, folder)
    settings.ONRECORD_KEY_DIR = folder
    yield folder
    open_keystore.cache_clear()


@pytest.mark.breaks_the_record
def test_a_lost_bucket_key_is_named_by_its_first_entry(own_keys: Path) -> None:
    [tomorrow] = record(said("tomorrow", at=NOON.replace(day=22)))
    assert ledger.check().is_sound
    (own_keys / "buckets" / "7y_2026-11-22").unlink()
    open_keystore.cache_clear()
    found, what = first_bad(lambda: None)
    assert (found, "7y_2026-11-22 cannot be read" in what) == (tomorrow.seq, True), what


def test_a_server_with_a_key_folder_of_its_own_adds_nothing_to_a_bucket(own_keys: Path) -> None:
    (own_keys / "buckets" / "7y_2026-11-21").unlink()
    open_keystore.cache_clear()
    with pytest.raises(ledger.KeyMissing, match="7y_2026-11-21 cannot be read"):
        record(said("under a second key"))
    assert not (own_keys / "buckets" / "7y_2026-11-21").exists()


def test_without_keys_the_check_says_so_and_still_checks_the_rest(own_keys: Path) -> None:
    shutil.rmtree(own_keys)
    open_keystore.cache_clear()
    assert "without the keys" in first_bad(lambda: None)[1]
    assert first_bad(lambda: delete_everywhere("seq = 7"))[0] == 7


@pytest.mark.backend("sqlite")
def test_a_search_index_without_some_words_is_found() -> None:
    def unindex() -> None:
        run(
            "INSERT INTO archive_document_words(archive_document_words, rowid, text) "
            "SELECT 'delete', seq, text FROM archive_document WHERE seq = 3"
        )

    assert first_bad(unindex) == (None, "The search index does not have the words of the search rows.")


def drop_the_rule_of_the_words() -> None:
    run("SET CONSTRAINTS ALL IMMEDIATE")
    run("ALTER TABLE archive_document ALTER COLUMN words DROP EXPRESSION")


def hide_words() -> None:
    drop_the_rule_of_the_words()
    run("UPDATE archive_document SET words = '' WHERE seq = 3")


def index_without_a_word() -> None:
    run(
        "CREATE OR REPLACE FUNCTION archive_fold(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT "
        "AS $$ SELECT replace(words, 'message', '') $$"
    )
    drop_the_rule_of_the_words()
    run("UPDATE archive_document SET words = to_tsvector('simple', archive_fold(text))")


@pytest.mark.backend("postgres")
@pytest.mark.parametrize("attack", [hide_words, index_without_a_word])
def test_a_search_column_without_some_words_is_found(attack: Attack) -> None:
    assert first_bad(attack) == (None, "The search index does not have the words of the search rows.")


def test_a_record_damaged_throughout_is_reported_within_bounds() -> None:
    record(*(said(f"more {i}") for i in range(150)))
    report = report_after(lambda: run("UPDATE archive_entry SET kind = 'x'"))
    assert report.problems[0].seq == 0
    assert [p for p in report.problems if p.seq is None] == [
        ledger.Problem(None, f"{SIZE + 150 - LIMIT} more problems were found and are not listed.")
    ]
