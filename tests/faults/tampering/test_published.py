"""Attacks on a published record by whoever serves it or hands a copy over: both verifiers refuse every altered copy.

The folder has no manifest: all that it says stands under the checkpoint. What is not: the ML-DSA-44 line of a note,
which a verifier may check with a key of its own, so no attack here alters it.
"""

import base64
import os
import random
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from archive import checkpoint, ledger, verify
from archive.export import package as packaging
from archive.publish import publish
from tests.archive.samples import NOON, record, said
from tests.faults.tampering.copies import Alter, accepted_copies

pytestmark = [pytest.mark.django_db, pytest.mark.backend("sqlite")]  # what is attacked are files
COPIES = int(os.environ.get("ONRECORD_FAULTS_PACKAGES", "14"))
EARLIER, SIZE = 259, 262  # one full tile and a part of the next; the earlier publication's part stays in the folder
LAST, PART = f"001.p/{SIZE - 256}", SIZE - 256
_earlier: list[str] = []


def flip_a_byte(folder: Path, dice: random.Random) -> str:
    path = dice.choice(sorted(path for path in folder.rglob("*") if path.is_file()))
    data = bytearray(path.read_bytes())
    signed = len(data) if path.is_relative_to(folder / "tile") else data.rindex(b"\n", 0, -1) + 1  # before ML-DSA-44
    place, bits = dice.randrange(signed), dice.randrange(1, 256)
    data[place] ^= bits
    path.write_bytes(bytes(data))
    return f"byte {place} of {path.relative_to(folder)} ^= {bits}"


def change_a_leaf(folder: Path, dice: random.Random) -> str:
    """Backdate an entry, and put its new hash into the tile and the new root of that into the tile above."""
    leaves = read_leaves(folder / "tile/entries/000", width=256)
    place = dice.randrange(256)
    leaves[place] = leaves[place].replace(b'"at":"2026', b'"at":"2025')
    write_leaves(folder / "tile/entries/000", leaves)
    hashes = [verify.leaf_hash(leaf) for leaf in leaves]
    (folder / "tile/0/000").write_bytes(b"".join(hashes))
    (folder / "tile/1/000.p/1").write_bytes(verify.perfect_root(hashes))
    return f"entry {place} backdated"


def swap_two_leaves(folder: Path, dice: random.Random) -> str:
    leaves = read_leaves(folder / "tile/entries" / LAST, width=PART)
    one, other = dice.sample(range(PART), 2)
    leaves[one], leaves[other] = leaves[other], leaves[one]
    write_leaves(folder / "tile/entries" / LAST, leaves)
    return f"entries {256 + one} and {256 + other} swapped"


def leave_out_the_tail(folder: Path, dice: random.Random) -> str:
    """Take the last entry out of everything, and let the checkpoint say one less."""
    for name, length in (("tile/0", 32 * (PART - 1)), ("tile/entries", None)):
        path = folder / name / LAST
        data = path.read_bytes()[:length] if length else joined(read_leaves(path, width=PART)[:-1])
        path.with_name(str(PART - 1)).write_bytes(data)
        path.unlink()
    note = (folder / verify.PUBLISHED).read_text()
    (folder / verify.PUBLISHED).write_text(note.replace(f"\n{SIZE}\n", f"\n{SIZE - 1}\n"))
    return "the last entry left out"


def sign_with_another_key(folder: Path, dice: random.Random) -> str:
    stranger = Ed25519PrivateKey.from_private_bytes(dice.randbytes(32))
    note = checkpoint.sign(checkpoint.parse((folder / verify.PUBLISHED).read_text()), key=stranger)
    (folder / verify.PUBLISHED).write_text(note)
    return "the checkpoint signed with another key"


def go_back_to_an_earlier_checkpoint(folder: Path, dice: random.Random) -> str:
    (folder / verify.PUBLISHED).write_text(_earlier[0])
    return "the checkpoint of the earlier publication"


def add_a_file(folder: Path, dice: random.Random) -> str:
    names = ["note.txt", "tile/0/001", "tile/entries/002.p/1", "tile/0/x000/001.p/2", "proof/+3.tlog-proof"]
    name = dice.choice(names)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(bytes(64))
    return f"{name} added"


def leave_out_a_file(folder: Path, dice: random.Random) -> str:
    names = [verify.PUBLISHED, "tile/0/000", "tile/1/000.p/1", f"tile/0/{LAST}", f"tile/entries/{LAST}"]
    name = dice.choice(names)
    (folder / name).unlink()
    return f"{name} left out"


def cut_a_bundle(folder: Path, dice: random.Random) -> str:
    path = folder / "tile/entries" / dice.choice(["000", LAST])
    path.write_bytes(path.read_bytes()[: -dice.randrange(1, 400)])
    return "a bundle cut short"


def change_an_earlier_tile(folder: Path, dice: random.Random) -> str:
    path = folder / dice.choice(["tile/0", "tile/entries"]) / f"001.p/{EARLIER - 256}"
    data = bytearray(path.read_bytes())
    data[dice.randrange(len(data))] ^= dice.randrange(1, 256)
    path.write_bytes(bytes(data))
    return "a tile of the earlier publication changed"


def change_a_proof(folder: Path, dice: random.Random) -> str:
    path = dice.choice(sorted((folder / "proof").iterdir()))
    lines = path.read_text().split("\n")
    last = lines.index("") - 1
    lines[dice.randrange(2, last + 1)] = base64.b64encode(dice.randbytes(32)).decode()
    path.write_text("\n".join(lines))
    return f"a node of {path.name} changed"


def prove_another_entry(folder: Path, dice: random.Random) -> str:
    path = folder / "proof/3.tlog-proof"
    (folder / "proof/4.tlog-proof").write_text(path.read_text().replace("index 3\n", "index 4\n"))
    return "the proof of an entry under the number of another"


def prove_under_another_key(folder: Path, dice: random.Random) -> str:
    path = folder / "proof/3.tlog-proof"
    proof, _, note = path.read_text().partition("\n\n")
    stranger = Ed25519PrivateKey.from_private_bytes(dice.randbytes(32))
    path.write_text(f"{proof}\n\n{checkpoint.sign(checkpoint.parse(note), key=stranger)}")
    return "the checkpoint of a proof signed with another key"


def put_a_link(folder: Path, dice: random.Random) -> str:
    path = folder / dice.choice(["tile/0/000", "tile/entries/000", "proof/3.tlog-proof"])
    away = folder.parent / "away"
    path.replace(away)
    path.symlink_to(away)
    return f"{path.name} is a link"


ALTERED: tuple[tuple[Alter, bool], ...] = tuple(
    (alter, False)
    for alter in (
        flip_a_byte,
        change_a_leaf,
        swap_two_leaves,
        leave_out_the_tail,
        sign_with_another_key,
        go_back_to_an_earlier_checkpoint,
        add_a_file,
        leave_out_a_file,
        cut_a_bundle,
        change_an_earlier_tile,
        change_a_proof,
        prove_another_entry,
        prove_under_another_key,
        put_a_link,
    )
)


@pytest.fixture
def original(tmp_path: Path) -> Path:
    """A record that was published twice, with proofs of both times."""
    folder = tmp_path / "published"
    record(*(said(f"message {i}", stream=f"conversation:{i % 3}") for i in range(EARLIER)))
    publish(folder, at=NOON, prove=[3, EARLIER - 1])
    _earlier[:] = [(folder / verify.PUBLISHED).read_text()]
    record(*(said(f"later {i}", stream=f"conversation:{i % 4}") for i in range(SIZE - EARLIER)))
    publish(folder, at=NOON, prove=[0, SIZE - 1])
    return folder


def test_no_altered_copy_of_a_published_record_verifies(tmp_path: Path, original: Path) -> None:
    assert (original / f"tile/0/001.p/{EARLIER - 256}").exists(), "an earlier publication's tile is among them"
    accepted = accepted_copies(
        original,
        scratch=tmp_path,
        count=COPIES,
        altered=ALTERED,
        cover_up=nothing_to_cover_up,
        accepting=verifiers_that_accept,
    )
    assert accepted == []


def nothing_to_cover_up(folder: Path) -> None:
    """There are no manifests: who alters a published record has nothing to make fit but the tiles."""


def verifiers_that_accept(folder: Path) -> list[str]:
    key = ledger.verifier_key()
    found = verify.check_folder(folder, key=verify.read_verifier_key(key))[1].count
    script = Path(packaging.__file__).with_name("verify.sh")
    shell = subprocess.run(["sh", script, key, folder], capture_output=True, text=True, timeout=120, check=False)
    assert shell.returncode in (0, 1), shell.stderr
    assert shell.returncode or "verified" in shell.stdout
    return ["verify.py"] * (found == 0) + ["verify.sh"] * (shell.returncode == 0)


def read_leaves(path: Path, *, width: int) -> list[bytes]:
    return verify.split(path.read_bytes(), width=width, length_bytes=2)


def write_leaves(path: Path, leaves: list[bytes]) -> None:
    path.write_bytes(joined(leaves))


def joined(leaves: list[bytes]) -> bytes:
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)
