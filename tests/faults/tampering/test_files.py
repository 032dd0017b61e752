"""Attacks on the files of the store while nothing runs: bytes of the heap, and SQLite's triggers dropped and restored.

Kinds 7 and 8. ONRECORD_FAULTS_FILES sets how many; the oracle is the product's check after the next start.
"""

import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

from archive import ledger, merkle
from tests.archive.record_reset import FENCED_TABLES
from tests.environment import BACKEND
from tests.faults.tampering.attack import SEED
from tests.faults.tampering.stores import SIZE, FileStore, Store, attacked_store, evidence

EDITS = int(os.environ.get("ONRECORD_FAULTS_FILES", "24" if BACKEND == "sqlite" else "3"))


def test_a_byte_changed_in_the_files_is_found_and_its_entry_named(
    tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    dice = random.Random(SEED)
    with django_db_blocker.unblock(), attacked_store(tmp_path) as store:
        store.start()
        targets = evidence()
        store.stop()
        wrong = [fault for _ in range(EDITS) if (fault := _edit_heap(store, dice, targets=targets))]
    print(f"seed {SEED}: {EDITS} edits of files, {len(wrong)} not found or misnamed")
    assert wrong == []


def _edit_heap(store: Store, dice: random.Random, *, targets: list[tuple[int, bytes]]) -> str:
    seq, value = dice.choice(targets)
    place, bits = dice.randrange(len(value)), dice.randrange(1, 256)
    changed = bytearray(value)
    changed[place] ^= bits
    path, offset = _find(store, value)
    _write(path, offset, bytes(changed))
    store.start()
    report = ledger.check()
    store.restore()
    _write(path, offset, value)
    if report.is_sound or report.problems[0].seq != seq:
        return f"byte {place} of entry {seq} changed in the file: {report.problems[:1] or 'NOT FOUND'}"
    return ""


def _find(store: Store, value: bytes) -> tuple[Path, int]:
    for path in store.heaps():
        offset = path.read_bytes().find(value)
        if offset >= 0:
            return path, offset
    raise AssertionError("the bytes of an entry are in no file: the edit shows nothing")


def _write(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


@pytest.mark.backend("sqlite")
def test_triggers_dropped_and_restored_hide_nothing(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> None:
    dice = random.Random(SEED)
    with django_db_blocker.unblock(), attacked_store(tmp_path) as store:
        assert isinstance(store, FileStore)
        wrong = [fault for _ in range(EDITS) if (fault := _edit_without_triggers(store, dice))]
    print(f"seed {SEED}: {EDITS} edits behind dropped triggers, {len(wrong)} not found or misnamed")
    assert wrong == []


def _edit_without_triggers(store: FileStore, dice: random.Random) -> str:
    seq = dice.randrange(SIZE)
    with closing(sqlite3.connect(store.path)) as file:
        triggers = file.execute("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        triggers = [trigger for trigger in triggers if trigger[1] in FENCED_TABLES]
        for name, _, _ in triggers:
            file.execute(f"DROP TRIGGER {name}")
        said = dice.choice((_delete_leaf, _replace_leaf, _replace_ciphertext))(file, dice, seq)
        for _, _, sql in triggers:
            file.execute(sql)
        file.commit()
    store.start()
    report = ledger.check()
    store.restore()
    if report.is_sound or report.problems[0].seq != seq:
        return f"{said}: {report.problems[:1] or 'NOT FOUND'}"
    return ""


def _delete_leaf(file: sqlite3.Connection, _dice: random.Random, seq: int) -> str:
    file.execute("DELETE FROM archive_leaf WHERE seq = ?", (seq,))
    return f"leaf {seq} deleted"


def _replace_leaf(file: sqlite3.Connection, dice: random.Random, seq: int) -> str:
    """Put another entry's kind into the leaf, with the hash that belongs to the changed bytes."""
    [(data,)] = file.execute("SELECT data FROM archive_leaf WHERE seq = ?", (seq,)).fetchall()
    changed = bytes(data).replace(b'"kind":"', b'"kind":"%c' % dice.choice(b"abcxyz"), 1)
    row = (changed, merkle.leaf_hash(changed), seq)
    file.execute("UPDATE archive_leaf SET data = ?, hash = ? WHERE seq = ?", row)
    return f"the kind in leaf {seq} changed, with its hash"


def _replace_ciphertext(file: sqlite3.Connection, dice: random.Random, seq: int) -> str:
    file.execute("UPDATE archive_entry SET ciphertext = ? WHERE seq = ?", (dice.randbytes(120), seq))
    return f"the sealed content of entry {seq} replaced"
