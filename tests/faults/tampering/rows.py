"""Attacks on rows by SQL, as the owner of the database, fences down: kinds 1, 2 and 9 to 14.

Each changes rows of one entry or a few, and says which entry has to be named for it.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings

from archive import events, ledger, merkle, purging
from archive.keys import open_keystore
from tests.faults.tampering.attack import Dice, Done, Kind, fetch, get_bytes, one, put, run

# (table, binary column, column of the number, what to add to the entry's number)
EVIDENCE = (
    ("archive_leaf", "data", "seq", 0),
    ("archive_leaf", "hash", "seq", 0),
    ("archive_entry", "ciphertext", "seq", 0),
    ("archive_recordkey", "wrapped", "seq", 0),
    ("archive_checkpoint", "root", "size", 1),
)
LATE = datetime(2026, 12, 24, 12, tzinfo=UTC)  # after everything in the record that is attacked
LATER = LATE + timedelta(days=2)
TABLES = ("archive_document", "archive_recordkey", "archive_entry", "archive_leaf")


def flip_a_byte(dice: Dice, place: range) -> Done:
    table, column, key, offset = dice.choice(EVIDENCE)
    seq = dice.choice(place)
    data = bytearray(get_bytes(table, column, key=key, at=seq + offset))
    index, bits = dice.randrange(len(data)), dice.randrange(1, 256)
    data[index] ^= bits
    put(table, column, bytes(data), key=key, at=seq + offset)
    return Done(f"byte {index} of {table}.{column} of entry {seq} ^= {bits}", one(seq))


def delete_the_middle(dice: Dice, place: range) -> Done:
    first = dice.choice(place[:-1])
    end = dice.randrange(first + 1, min(place.stop, first + 6))
    tables = dice.choice((TABLES, ("archive_leaf",), ("archive_entry",), ("archive_recordkey",)))
    for table in tables:
        run(f"DELETE FROM {table} WHERE seq >= %s AND seq < %s", first, end)  # noqa: S608 (names from above)
    return Done(f"entries {first} to {end - 1} deleted from {', '.join(tables)}", one(first))


def delete_and_renumber(dice: Dice, place: range) -> Done:
    """Take one entry out and move all later ones down by one, so that no number is missing."""
    seq = dice.choice(place[1:-1])
    for table in TABLES:
        run(f"DELETE FROM {table} WHERE seq = %s", seq)  # noqa: S608 (names from above)
        for later in range(seq + 1, place.stop):
            run(f"UPDATE {table} SET seq = %s WHERE seq = %s", later - 1, later)  # noqa: S608 (names from above)
    return Done(f"entry {seq} deleted and the later ones renumbered", one(seq))


def swap_ciphertexts(dice: Dice, place: range) -> Done:
    return _swap("archive_entry", "ciphertext", dice=dice, place=place)


def swap_wrapped_keys(dice: Dice, place: range) -> Done:
    return _swap("archive_recordkey", "wrapped", dice=dice, place=place)


def insert_an_entry(dice: Dice, place: range) -> Done:
    """Put a message into the record by SQL: leaf, entry, key and words copied, with a stream's next number."""
    source, size = dice.choice(place), place.stop
    leaf = json.loads(get_bytes("archive_leaf", "data", key="seq", at=source))
    n, last = fetch("SELECT n, last_hash FROM archive_stream WHERE id = %s", leaf["stream"])[0]
    assert isinstance(n, int) and isinstance(last, bytes)
    leaf |= {"seq": size, "n": n + 1, "prev": last.hex()}
    data = _encoded(leaf)
    run("INSERT INTO archive_leaf (seq, data, hash) VALUES (%s, %s, %s)", size, data, merkle.leaf_hash(data))
    columns = "stream_id, kind, at, bucket, ciphertext"
    run(
        f"INSERT INTO archive_entry (seq, n, {columns}) SELECT %s, %s, {columns} FROM archive_entry WHERE seq = %s",  # noqa: S608
        size,
        n + 1,
        source,
    )
    run(
        "INSERT INTO archive_recordkey (seq, bucket, wrapped) "
        "SELECT %s, bucket, wrapped FROM archive_recordkey WHERE seq = %s",
        size,
        source,
    )
    run("UPDATE archive_stream SET n = n + 1, last_hash = %s WHERE id = %s", merkle.leaf_hash(data), leaf["stream"])
    return Done(f"an entry {size} inserted, made from entry {source}", one(size))


def insert_search_words(dice: Dice, place: range) -> Done:
    """Put words into somebody's mouth where a search would find them: other words, or words where there were none."""
    seq, words = dice.choice(place), f"sell everything {dice.random()}"
    if fetch("SELECT seq FROM archive_document WHERE seq = %s", seq):
        run("UPDATE archive_document SET text = %s WHERE seq = %s", words, seq)
        return Done(f"the search words of entry {seq} replaced", one(seq))
    run(
        "INSERT INTO archive_document (seq, stream_id, kind, at, actor_id, actor_name, text) "
        "SELECT seq, stream_id, kind, at, 'person:1', 'Person 1', %s FROM archive_entry WHERE seq = %s",
        words,
        seq,
    )
    return Done(f"search words for entry {seq} inserted", one(seq))


def backdate(dice: Dice, place: range) -> Done:
    """Change an entry's time in leaf, hash, rows and checkpoint row, as far as that goes without the log key."""
    seq = dice.choice(place)
    leaf = json.loads(get_bytes("archive_leaf", "data", key="seq", at=seq))
    day, hour = dice.randrange(1, 20), dice.randrange(24)
    data = _encoded(leaf | {"at": f"2026-11-{day:02}T{hour:02}:00:00.000Z"})
    put("archive_leaf", "data", data, key="seq", at=seq)
    put("archive_leaf", "hash", merkle.leaf_hash(data), key="seq", at=seq)
    for table in ("archive_entry", "archive_document"):
        put(table, "at", f"2026-11-{day:02} {hour:02}:00:00+00:00", key="seq", at=seq)
    put("archive_checkpoint", "at", f"2026-11-{day:02} {hour:02}:00:00+00:00", key="size", at=seq + 1)
    return Done(f"entry {seq} backdated to November {day}, {hour}:00", one(seq))


def destroy_a_record_key(dice: Dice, place: range) -> Done:
    seq, way = dice.choice(place), dice.randrange(3)
    if way == 0:
        run("DELETE FROM archive_recordkey WHERE seq = %s", seq)
        return Done(f"the key of entry {seq} deleted", one(seq))
    if way == 1:
        purging.delete([seq])
        return Done(f"the key of entry {seq} deleted with its words, as a disposal does", one(seq))
    length = len(get_bytes("archive_recordkey", "wrapped", key="seq", at=seq))
    put("archive_recordkey", "wrapped", bytes(length), key="seq", at=seq)
    return Done(f"the key of entry {seq} overwritten with zeros", one(seq))


def destroy_a_bucket_key(dice: Dice, place: range) -> Done:
    """Move a key file out of the key store, and put it back when the attack is over."""
    rows = fetch("SELECT bucket, MIN(seq) FROM archive_entry GROUP BY bucket ORDER BY bucket")
    bucket, first = dice.choice(rows)
    assert isinstance(bucket, str) and isinstance(first, int)
    folder: Path = settings.ONRECORD_KEY_DIR
    [path] = [file for file in folder.rglob("*") if file.is_file() and file.name == bucket.replace("/", "_")]
    away = path.with_name(f".{path.name}.away")
    path.rename(away)
    open_keystore.cache_clear()

    def put_back() -> None:
        away.rename(path)
        open_keystore.cache_clear()

    return Done(f"the key file of bucket {bucket} destroyed", one(first), put_back)


def _swap(table: str, column: str, *, dice: Dice, place: range) -> Done:
    first, second = sorted(dice.sample(place, 2))
    values = [get_bytes(table, column, key="seq", at=seq) for seq in (first, second)]
    put(table, column, values[1], key="seq", at=first)
    put(table, column, values[0], key="seq", at=second)
    return Done(f"{table}.{column} of entries {first} and {second} swapped", one(first))


def _encoded(leaf: dict[str, object]) -> bytes:
    return json.dumps(leaf, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def claim_and_keep_the_record_keys(dice: Dice, place: range) -> Done:
    """Record a disposal of some entries, and keep the keys of one of them at least."""
    first = dice.choice(place)
    last = dice.randrange(first, min(place.stop, first + 4))
    kept = dice.randrange(first, last + 1)
    _record(_disposal(first, last, keys=(), at=LATE))
    purging.delete([seq for seq in range(first, last + 1) if seq < kept])
    return Done(f"entries {first} to {last} said to be disposed of, the keys from {kept} on kept", one(kept))


def claim_and_keep_the_wrapping_key(dice: Dice, place: range) -> Done:
    """Dispose of a whole bucket by the book, but keep the file of its key, in one of two ways."""
    rows = fetch("SELECT bucket, MIN(seq), MAX(seq) FROM archive_recordkey GROUP BY bucket ORDER BY bucket")
    bucket, first, last = dice.choice(rows)
    assert isinstance(bucket, str) and isinstance(first, int) and isinstance(last, int)
    doomed = [seq for (seq,) in fetch("SELECT seq FROM archive_recordkey WHERE bucket = %s", bucket)]
    said = _record(_disposal(first, last, keys=(bucket,), at=LATE))
    purging.delete([seq for seq in doomed if isinstance(seq, int)])
    if dice.random() < 0.5:
        gone = events.KeyDestroyed(stream=events.DISPOSALS_STREAM, actor=events.SYSTEM, at=LATE, keys=(bucket,))
        return Done(f"the key {bucket} said to be destroyed, and kept", one(_record(gone)))
    _record(events.KeyDestroyed(stream=events.DISPOSALS_STREAM, actor=events.SYSTEM, at=LATER, keys=()))
    return Done(f"the key {bucket} never destroyed after its disposal", one(said))


def _disposal(first: int, last: int, *, keys: tuple[str, ...], at: datetime) -> events.Disposal:
    carl, cora = (events.Actor(id=f"person:{number}", name=name) for number, name in ((8, "Carl"), (9, "Cora")))
    return events.Disposal(
        stream=events.DISPOSALS_STREAM,
        actor=cora,
        at=at,
        cause="erasure",
        reason="asked by the person",
        asked_by=carl,
        approved_by=cora,
        entries=((first, last),),
        count=last - first + 1,
        buckets={},
        floor_years=0,
        kept_back={},
        keys=keys,
    )


def _record(event: events.Event) -> int:
    with ledger.transaction():
        return ledger.record(event).seq


KINDS = (
    Kind(1, "flip a byte", flip_a_byte, keeps_to_its_place=True),
    Kind(2, "delete the middle", delete_the_middle, keeps_to_its_place=True),
    Kind(2, "delete the middle, renumber", delete_and_renumber),
    Kind(9, "swap ciphertexts", swap_ciphertexts, keeps_to_its_place=True),
    Kind(10, "swap wrapped keys", swap_wrapped_keys, keeps_to_its_place=True),
    Kind(11, "insert an entry by SQL", insert_an_entry),
    Kind(11, "insert words by SQL", insert_search_words, keeps_to_its_place=True),
    Kind(12, "backdate", backdate),  # found by the root, and one wrong root stands for all that follow
    Kind(13, "destroy a record key", destroy_a_record_key, keeps_to_its_place=True),
    Kind(13, "destroy a bucket key", destroy_a_bucket_key),
    Kind(14, "claim a destruction, keep record keys", claim_and_keep_the_record_keys),
    Kind(14, "claim a destruction, keep the wrapping key", claim_and_keep_the_wrapping_key),
)
