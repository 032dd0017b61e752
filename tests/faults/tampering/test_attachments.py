"""Kind 17: somebody who owns the store of files and the database replaces an attachment. The check names the entry.

What is done to a package is in tests/archive/test_export_files.py. ONRECORD_FAULTS_SEED says which attacks are made.
"""

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from archive import ledger
from archive.blobs.format import Sealer
from archive.events import Attachment
from archive.models import Blob
from tests.archive.attaching import keep_file, say_with_files
from tests.faults.tampering.attack import SEED

pytestmark = [pytest.mark.django_db, pytest.mark.breaks_the_record]
MUTATIONS = int(os.environ.get("ONRECORD_FAULTS_FILES", "48"))
Files = dict[int, Attachment]  # by entry
Attack = Callable[[Attachment, Attachment, random.Random], None]


def blob_of(file: Attachment) -> Path:
    return Path(settings.ONRECORD_BLOB_DIR) / file.blob[:2] / file.blob


def flip_a_byte(mine: Attachment, other: Attachment, dice: random.Random) -> None:
    data = bytearray(blob_of(mine).read_bytes())
    data[dice.randrange(len(data))] ^= dice.randrange(1, 256)
    blob_of(mine).write_bytes(data)


def cut(mine: Attachment, other: Attachment, dice: random.Random) -> None:
    data = blob_of(mine).read_bytes()
    blob_of(mine).write_bytes(data[: dice.randrange(len(data))])


def extend(mine: Attachment, other: Attachment, dice: random.Random) -> None:
    blob_of(mine).write_bytes(blob_of(mine).read_bytes() + dice.randbytes(dice.randrange(1, 99)))


def put_another(mine: Attachment, other: Attachment, dice: random.Random) -> None:
    blob_of(mine).write_bytes(blob_of(other).read_bytes())


def seal_another_under_its_key(mine: Attachment, other: Attachment, dice: random.Random) -> None:
    """Who reads the memory of the server has the key, and can seal another file of the same size under it."""
    sealer = Sealer(bytes.fromhex(mine.key))
    blob_of(mine).write_bytes(sealer.update(dice.randbytes(max(1, mine.size_bytes))) + sealer.finish())


def remove(mine: Attachment, other: Attachment, dice: random.Random) -> None:
    blob_of(mine).unlink()


def have_the_sweep_take_it(mine: Attachment, other: Attachment, dice: random.Random) -> None:
    Blob.objects.filter(pk=mine.blob).update(seq=None)


def take_its_row_away(mine: Attachment, other: Attachment, dice: random.Random) -> None:
    Blob.objects.filter(pk=mine.blob).delete()


ATTACKS: tuple[Attack, ...] = (
    flip_a_byte, cut, extend, put_another, seal_another_under_its_key, remove, have_the_sweep_take_it,
    take_its_row_away,
)  # fmt: skip


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    monkeypatch.setattr(settings, "ONRECORD_BLOB_DIR", tmp_path / "blobs")
    dice, kept = random.Random(SEED), {}
    for size in (0, 1, 900, 65_536, 65_537, 200_000):
        file = keep_file(dice.randbytes(size))
        kept[say_with_files(file).seq] = file
    return kept


# rule: us-sec-17a-4-verify
def test_every_replaced_file_is_found_and_its_entry_named(files: Files, tmp_path: Path) -> None:
    assert ledger.check_blobs() == [], "control: before the first attack"
    folder, original, rows = Path(settings.ONRECORD_BLOB_DIR), tmp_path / "original", list(Blob.objects.all())
    shutil.copytree(folder, original)
    dice, made, wrong = random.Random(SEED), Counter[str](), []
    for _ in range(MUTATIONS):
        attack, seq = dice.choice(ATTACKS), dice.choice(sorted(files))
        other = dice.choice([file for number, file in files.items() if number != seq])
        attack(files[seq], other, dice)
        made[attack.__name__] += 1
        if [problem.seq for problem in ledger.check_blobs()] != [seq]:
            wrong.append(f"{attack.__name__} on entry {seq}")
        shutil.rmtree(folder)
        shutil.copytree(original, folder)
        Blob.objects.all().delete()
        Blob.objects.bulk_create(rows)
    print(f"seed {SEED}: {made.total()} files replaced, {len(wrong)} not found or misnamed: {dict(made)}")
    assert wrong == []
    assert ledger.check_blobs() == [], "control: after the last attack was taken back"
