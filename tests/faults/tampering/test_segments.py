"""Attacks on a segment by who holds the store or hands a copy over: both verifiers refuse every altered copy.

The attacker makes the bag's manifests fit again, and has every key but the firm's log key.
"""

import hashlib
import json
import os
import random
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from archive import checkpoint, ledger, verify
from archive.export import package as packaging
from archive.segments.bag import Run, write_bag
from tests.archive.samples import NOON, record, said
from tests.faults.tampering.copies import VERIFIERS, Alter, accepted_copies

pytestmark = [pytest.mark.django_db, pytest.mark.backend("sqlite")]  # what is attacked are files
COPIES = int(os.environ.get("ONRECORD_FAULTS_PACKAGES", "13"))
FIRST, SIZE = 12, 36
LAST = f"000.p/{SIZE}"  # the one tile, and the one bundle


def flip_a_byte(bag: Path, dice: random.Random) -> str:
    path = dice.choice(sorted(path for path in (bag / "data").rglob("*") if path.is_file() and path.stat().st_size))
    data = bytearray(path.read_bytes())
    place, bits = dice.randrange(len(data)), dice.randrange(1, 256)
    data[place] ^= bits
    path.write_bytes(bytes(data))
    return f"byte {place} of {path.name} ^= {bits}"


def change_a_leaf(bag: Path, dice: random.Random) -> str:
    """Backdate an entry, and put its new hash into the tile."""
    name, tile = bag / "data/tile/entries" / LAST, bag / "data/tile/0" / LAST
    leaves = verify.split(name.read_bytes(), width=SIZE, length_bytes=2)
    place = dice.randrange(FIRST, SIZE)
    leaves[place] = leaves[place].replace(b'"at":"2026', b'"at":"2025')
    name.write_bytes(b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves))
    hashes = bytearray(tile.read_bytes())
    hashes[place * 32 : place * 32 + 32] = verify.leaf_hash(leaves[place])
    tile.write_bytes(bytes(hashes))
    return f"entry {place} backdated"


def leave_out_an_entry(bag: Path, dice: random.Random) -> str:
    """Take the last entry out of everything, and say that the segment ends before it."""
    for folder, length_bytes in (("tile/entries", 2), ("ciphertexts", 4)):
        path = bag / "data" / folder / LAST
        items = verify.split(path.read_bytes(), width=SIZE, length_bytes=length_bytes)[:-1]
        path.with_name(str(SIZE - 1)).write_bytes(
            b"".join(len(item).to_bytes(length_bytes, "big") + item for item in items)
        )
        path.unlink()
    path = bag / "data/tile/0" / LAST
    path.with_name(str(SIZE - 1)).write_bytes(path.read_bytes()[:-32])
    path.unlink()
    _change_description(bag, size=SIZE - 1)
    return "the last entry left out"


def swap_ciphertexts(bag: Path, dice: random.Random) -> str:
    path = bag / "data/ciphertexts" / LAST
    items = verify.split(path.read_bytes(), width=SIZE, length_bytes=4)
    one, other = dice.sample(range(SIZE), 2)
    items[one], items[other] = items[other], items[one]
    path.write_bytes(b"".join(len(item).to_bytes(4, "big") + item for item in items))
    return f"ciphertexts {one} and {other} swapped"


def drop_evidence(bag: Path, dice: random.Random) -> str:
    lines = (bag / verify.EVIDENCE).read_bytes().splitlines(keepends=True)
    place = dice.randrange(len(lines))
    (bag / verify.EVIDENCE).write_bytes(b"".join(lines[:place] + lines[place + 1 :]))
    return f"line {place + 1} of the evidence left out"


def change_evidence(bag: Path, dice: random.Random) -> str:
    lines = [json.loads(line) for line in (bag / verify.EVIDENCE).read_bytes().splitlines()]
    line = dice.choice(lines)
    field = dice.choice(sorted(line["opened"]))
    line["opened"][field]["value"] = "something else"
    (bag / verify.EVIDENCE).write_bytes(b"".join(_encoded(line) + b"\n" for line in lines))
    return f"field {field} of the evidence changed"


def sign_with_another_key(bag: Path, dice: random.Random) -> str:
    stranger = Ed25519PrivateKey.from_private_bytes(dice.randbytes(32))
    name = dice.choice([verify.CHECKPOINT, verify.BEFORE])
    note = checkpoint.sign(checkpoint.parse((bag / name).read_text()), key=stranger)
    (bag / name).write_text(note)
    return f"{name} signed with another key"


def give_another_beginning(bag: Path, dice: random.Random) -> str:
    """Claim that the segment begins later, so that the entries before seem to be somebody else's to show."""
    first = dice.randrange(FIRST + 1, SIZE)
    _change_description(bag, first=first)
    return f"the beginning moved to {first}"


def claim_another_past(bag: Path, dice: random.Random) -> str:
    """Put a good signature of ours, of another size, in the place of the checkpoint before."""
    other = checkpoint_of(dice.randrange(1, FIRST))
    (bag / verify.BEFORE).write_text(other)
    return "another checkpoint of ours before the segment"


def add_a_file(bag: Path, dice: random.Random) -> str:
    (bag / "data" / "note.txt").write_text("The entries after this one are void.")
    return "a file added"


def leave_out_a_file(bag: Path, dice: random.Random) -> str:
    path = dice.choice(sorted(path for path in (bag / "data").rglob("*") if path.is_file()))
    path.unlink()
    return f"{path.name} left out"


def cut_a_bundle(bag: Path, dice: random.Random) -> str:
    path = bag / "data/tile/entries" / LAST
    path.write_bytes(path.read_bytes()[: -dice.randrange(1, 400)])
    return "a bundle cut short"


def forget_the_manifest(bag: Path, dice: random.Random) -> str:
    lines = (bag / "manifest-sha256.txt").read_text().splitlines(keepends=True)
    place = dice.randrange(len(lines))
    (bag / "manifest-sha256.txt").write_text("".join(lines[:place] + lines[place + 1 :]))
    return f"line {place + 1} of the manifest left out"


ALTERED: tuple[tuple[Alter, bool], ...] = (  # with True, the attacker makes all manifests fit again
    (flip_a_byte, True),
    (change_a_leaf, True),
    (leave_out_an_entry, True),
    (swap_ciphertexts, True),
    (drop_evidence, True),
    (change_evidence, True),
    (sign_with_another_key, True),
    (give_another_beginning, True),
    (claim_another_past, True),
    (add_a_file, True),
    (leave_out_a_file, True),
    (cut_a_bundle, True),
    (forget_the_manifest, False),
)
_notes: dict[int, str] = {}


def checkpoint_of(size: int) -> str:
    return _notes[max(known for known in _notes if known <= size)]


@pytest.fixture
def original(tmp_path: Path) -> Path:
    """A segment that begins in the middle of a tile, continues another one, and has evidence in it."""
    _notes.clear()
    for count in (1, 4, FIRST - 6):
        record(*(said(f"message {i} of {count}", stream=f"conversation:{i % 3}") for i in range(count)))
        _notes[ledger.latest_checkpoint().size] = ledger.latest_checkpoint().note
    ledger.record_heads(NOON)
    record(*(said(f"later {i} ✓", stream=f"conversation:{i % 4}") for i in range(20)))
    for _ in range(SIZE - FIRST - 20):
        ledger.record_heads(NOON)
    assert ledger.latest_checkpoint().size == SIZE
    bag = tmp_path / "segment"
    write_bag(bag, run=Run(FIRST, SIZE))
    return bag


@pytest.mark.faults_only
def test_a_segment_of_many_tiles_verifies_with_a_shell_too(tmp_path: Path) -> None:
    """It begins and ends within a tile, and has hashes of two levels."""
    record(*(said(f"message {i}", stream=f"conversation:{i % 3}") for i in range(255)))
    record(*(said(f"later {i}", stream=f"conversation:{i % 4}") for i in range(6)))
    bag = tmp_path / "segment"
    write_bag(bag, run=Run(255, 261))
    assert verifiers_that_accept(bag) == VERIFIERS
    tile = bag / "data/tile/1/000.p/1"
    tile.write_bytes(bytes(32))
    cover_up(bag)
    assert "tile above" in verify.check_segment(bag)[1].lines[0]


def test_no_altered_copy_of_a_segment_verifies(tmp_path: Path, original: Path) -> None:
    accepted = accepted_copies(
        original,
        scratch=tmp_path,
        count=COPIES,
        altered=ALTERED,
        cover_up=cover_up,
        accepting=verifiers_that_accept,
    )
    assert accepted == []


def verifiers_that_accept(bag: Path) -> list[str]:
    key = ledger.verifier_key()
    found = verify.check_segment(bag, key=verify.read_verifier_key(key))[1].count
    script = Path(packaging.__file__).with_name("verify.sh")
    shell = subprocess.run(["sh", script, key, bag], capture_output=True, text=True, timeout=120, check=False)
    assert shell.returncode in (0, 1), shell.stderr
    assert shell.returncode or "verified" in shell.stdout
    return ["verify.py"] * (found == 0) + ["verify.sh"] * (shell.returncode == 0)


def cover_up(bag: Path) -> None:
    """Make the manifests fit whatever the files now hold."""
    for name, pattern in (("manifest-sha256.txt", "data/**/*"), ("tagmanifest-sha256.txt", "*")):
        files = sorted(item for item in bag.glob(pattern) if item.is_file() and "tagm" not in item.name)
        lines = [f"{hashlib.sha256(f.read_bytes()).hexdigest()}  {f.relative_to(bag).as_posix()}\n" for f in files]
        (bag / name).write_text("".join(lines))


def _change_description(bag: Path, **values: int) -> None:
    description = json.loads((bag / verify.SEGMENT).read_bytes()) | values
    (bag / verify.SEGMENT).write_bytes(_encoded(description))


def _encoded(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
