"""Attacks on an export by who hands it over: kinds 15 and 16. Both verifiers of the package refuse every altered copy.

The attacker makes manifests fit again; the key comes to the receiver by another way.
"""

import base64
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
from tests.archive.exporting import export, open_office, unpack
from tests.faults.tampering.copies import Alter, accepted_copies

pytestmark = pytest.mark.django_db(transaction=True)
COPIES = int(os.environ.get("ONRECORD_FAULTS_PACKAGES", "18"))


def leave_out_the_middle(folder: Path, dice: random.Random) -> str:
    lines = _lines(folder)
    place = dice.randrange(len(lines) - 1)
    _write_lines(folder, lines[:place] + lines[place + 1 :])
    return f"line {place + 1} left out"


def leave_out_the_tail(folder: Path, dice: random.Random) -> str:
    lines = _lines(folder)
    streams = [json.loads(json.loads(line)["leaf"])["stream"] for line in lines]
    stream = dice.choice(sorted(set(streams)))
    last = max(place for place, name in enumerate(streams) if name == stream)
    _write_lines(folder, lines[:last] + lines[last + 1 :])
    return f"the last item of stream {stream} left out"


def leave_out_the_tail_and_move_the_end(folder: Path, dice: random.Random) -> str:
    """Leave out a stream's last item, and let the heads file say that the stream ends before it."""
    lines = _lines(folder)
    leaves = [json.loads(json.loads(line)["leaf"]) for line in lines]
    last = dice.choice([place for place, leaf in enumerate(leaves) if leaf["n"] > 1 and _is_last(leaves, place)])
    heads = json.loads((folder / verify.HEADS).read_bytes())
    heads["streams"][leaves[last]["stream"]] |= {"n": leaves[last]["n"] - 1, "last": leaves[last]["prev"]}
    (folder / verify.HEADS).write_bytes(_encoded(heads) + b"\n")
    _write_lines(folder, lines[:last] + lines[last + 1 :])
    return f"line {last + 1} left out, and the heads changed to fit"


def put_own_key(folder: Path, dice: random.Random) -> str:
    """Sign the checkpoint with another key, under the firm's name."""
    stranger = Ed25519PrivateKey.from_private_bytes(dice.randbytes(32))
    note = checkpoint.sign(checkpoint.parse((folder / verify.CHECKPOINT).read_text()), key=stranger)
    (folder / verify.CHECKPOINT).write_text(note)
    return "the checkpoint signed with another key"


def change_a_word(folder: Path, dice: random.Random) -> str:
    lines = _lines(folder)
    place = dice.choice([place for place, line in enumerate(lines) if b'"body":{' in line])
    entry = json.loads(lines[place])
    entry["opened"]["body"]["value"] += dice.choice("!?.")
    lines[place] = _encoded(entry)
    _write_lines(folder, lines)
    return f"the words in line {place + 1} changed"


def change_a_commitment_key(folder: Path, dice: random.Random) -> str:
    lines = _lines(folder)
    place = dice.choice([place for place, line in enumerate(lines) if b'"body":{' in line])
    entry = json.loads(lines[place])
    entry["opened"]["body"]["key"] = dice.randbytes(32).hex()
    lines[place] = _encoded(entry)
    _write_lines(folder, lines)
    return f"the commitment key in line {place + 1} changed"


def change_a_leaf(folder: Path, dice: random.Random) -> str:
    lines = _lines(folder)
    place = dice.randrange(len(lines))
    entry = json.loads(lines[place])
    leaf = json.loads(entry["leaf"])
    leaf["at"] = leaf["at"].replace("2026", "2025")
    entry["leaf"] = _encoded(leaf).decode()
    lines[place] = _encoded(entry)
    _write_lines(folder, lines)
    return f"the time in line {place + 1} changed"


def change_a_proof(folder: Path, dice: random.Random) -> str:
    lines = _lines(folder)
    place = dice.randrange(len(lines))
    entry = json.loads(lines[place])
    node = dice.randrange(len(entry["proof"]))
    entry["proof"][node] = base64.b64encode(dice.randbytes(32)).decode()
    lines[place] = _encoded(entry)
    _write_lines(folder, lines)
    return f"node {node} of the proof in line {place + 1} changed"


def flip_a_byte(folder: Path, dice: random.Random) -> str:
    path = folder / dice.choice(sorted(verify.PAYLOAD))
    data = bytearray(path.read_bytes())
    place, bits = dice.randrange(len(data)), dice.randrange(1, 256)
    data[place] ^= bits
    path.write_bytes(bytes(data))
    return f"byte {place} of {path.name} ^= {bits}"


ALTERED: tuple[tuple[Alter, bool], ...] = (  # with True, the attacker makes all manifests fit again
    (leave_out_the_middle, True),
    (leave_out_the_tail, True),
    (leave_out_the_tail_and_move_the_end, True),
    (put_own_key, True),
    (change_a_word, True),
    (change_a_commitment_key, True),
    (change_a_leaf, True),
    (change_a_proof, True),
    (flip_a_byte, False),
)


def test_no_altered_copy_of_a_package_verifies(tmp_path: Path) -> None:
    open_office()
    accepted = accepted_copies(
        unpack(export(tmp_path)),
        scratch=tmp_path,
        count=COPIES,
        altered=ALTERED,
        cover_up=cover_up,
        accepting=verifiers_that_accept,
    )
    assert accepted == []


def verifiers_that_accept(folder: Path) -> list[str]:
    key = ledger.verifier_key()
    found = verify.check_package(folder, key=verify.read_verifier_key(key))[1].count
    script = Path(packaging.__file__).with_name("verify.sh")
    shell = subprocess.run(["sh", script, key, folder], capture_output=True, text=True, timeout=60, check=False)
    assert shell.returncode in (0, 1), shell.stderr
    assert shell.returncode or "verified and complete" in shell.stdout
    return ["verify.py"] * (found == 0) + ["verify.sh"] * (shell.returncode == 0)


def cover_up(folder: Path) -> None:
    """Make counts, sizes and digests fit whatever the files now hold."""
    path = folder / verify.MANIFEST
    manifest = json.loads(path.read_bytes())
    for name in manifest["files"]:
        manifest["files"][name] = verify.describe(folder, name)
    manifest["counts"] = _counts(folder)
    path.write_bytes(_encoded(manifest))
    for name, patterns in (
        ("manifest-sha256.txt", ("data/*", "data/attachments/*")),
        ("tagmanifest-sha256.txt", ("*",)),
    ):
        found = [item for pattern in patterns for item in folder.glob(pattern)]
        files = sorted(item for item in found if item.is_file() and "tagm" not in item.name)
        lines = [f"{hashlib.sha256(f.read_bytes()).hexdigest()}  {f.relative_to(folder)}\n" for f in files]
        (folder / name).write_text("".join(lines))


def _counts(folder: Path) -> dict[str, object]:
    kinds: dict[str, dict[str, int]] = {}
    streams: dict[str, int] = {}
    entries = [json.loads(line) for line in _lines(folder)]
    for entry in entries:
        leaf = json.loads(entry["leaf"])
        kind = kinds.setdefault(leaf["kind"], {"entries": 0, "opened": 0})
        kind["entries"] += 1
        kind["opened"] += bool(entry["opened"])
        streams[leaf["stream"]] = streams.get(leaf["stream"], 0) + 1
    opened = sum(bool(entry["opened"]) for entry in entries)
    return {"entries": len(entries), "kinds": kinds, "opened": opened, "streams": streams}


def _is_last(leaves: list[dict[str, object]], place: int) -> bool:
    return place + 1 == len(leaves) or leaves[place + 1]["stream"] != leaves[place]["stream"]


def _lines(folder: Path) -> list[bytes]:
    return (folder / verify.ENTRIES).read_bytes().splitlines()


def _write_lines(folder: Path, lines: list[bytes]) -> None:
    (folder / verify.ENTRIES).write_bytes(b"".join(line + b"\n" for line in lines))


def _encoded(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
