"""A published record made by hand: both verifiers accept it, and refuse one that even the log key cannot make sound.

Nothing of the record's code has a part in these files, so that verifiers and format agree, not verifiers and program.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.archive.handmade import VERIFIER, Signer, audit_path, b64, jcs, leaf_hash, small_record, tree_hash

SHELL = VERIFIER.parent / "export" / "verify.sh"
Leaf = dict[str, Any]  # Any: values of JSON
BOTH = ["verify.py", "verify.sh"]


def publish(folder: Path, leaves: list[bytes], *, proofs: tuple[int, ...] = ()) -> Path:
    """Write a folder over at most 255 leaves, signed with the log key."""
    hashes = [leaf_hash(leaf) for leaf in leaves]
    note = Signer().sign(len(leaves), tree_hash(hashes))
    write(folder / "checkpoint", note.encode())
    write(folder / f"tile/0/000.p/{len(leaves)}", b"".join(hashes))
    write(folder / f"tile/entries/000.p/{len(leaves)}", b"".join(len(x).to_bytes(2, "big") + x for x in leaves))
    for seq in proofs:
        path = "".join(f"{b64(node)}\n" for node in audit_path(seq, hashes))
        write(folder / f"proof/{seq}.tlog-proof", f"c2sp.org/tlog-proof@v1\nindex {seq}\n{path}\n{note}".encode())
    return folder


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def accepting(folder: Path) -> list[str]:
    """Return the verifiers that accept a folder; each ends in words and a status."""
    key = Signer().verifier_key
    commands = ([sys.executable, "-I", "-S", str(VERIFIER), "--key", key], ["sh", str(SHELL), key])
    done = [subprocess.run([*command, str(folder)], capture_output=True, text=True, timeout=60) for command in commands]
    assert all(run.returncode in (0, 1) and ("erified" in run.stdout or "NOT" in run.stdout) for run in done), done
    return [name for name, run in zip(BOTH, done, strict=True) if run.returncode == 0]


def read(leaves: list[bytes]) -> list[Leaf]:
    return [json.loads(leaf) for leaf in leaves]


def test_a_record_published_by_hand_verifies(tmp_path: Path) -> None:
    leaves = small_record()[0].leaves
    assert accepting(publish(tmp_path / "all", leaves, proofs=(0, 7, len(leaves) - 1))) == BOTH
    assert accepting(publish(tmp_path / "one", leaves[:1], proofs=(0,))) == BOTH


def leave_the_first_out(leaves: list[Leaf]) -> list[Leaf]:
    """Begin the record with its second entry, numbers moved, as if nothing had been before."""
    return [leaf | {"seq": seq} for seq, leaf in enumerate(leaves[1:])]


def number_twice(leaves: list[Leaf]) -> list[Leaf]:
    return [*leaves[:-1], leaves[-1] | {"seq": len(leaves) - 2}]


def skip_an_item(leaves: list[Leaf]) -> list[Leaf]:
    return [*leaves[:-1], leaves[-1] | {"n": leaves[-1]["n"] + 1}]


def link_elsewhere(leaves: list[Leaf]) -> list[Leaf]:
    return [*leaves[:-1], leaves[-1] | {"prev": "0" * 64}]


def link_the_first(leaves: list[Leaf]) -> list[Leaf]:
    return [leaves[0] | {"prev": "0" * 64}, *leaves[1:]]


def add_a_member(leaves: list[Leaf]) -> list[Leaf]:
    return [*leaves[:-1], leaves[-1] | {"x": 1}]


def commit_to_nothing(leaves: list[Leaf]) -> list[Leaf]:
    return [*leaves[:-1], leaves[-1] | {"c": {"body": "short"}}]


def name_no_time(leaves: list[Leaf]) -> list[Leaf]:
    return [*leaves[:-1], leaves[-1] | {"at": "yesterday"}]


@pytest.mark.parametrize(
    "unsound",
    [
        leave_the_first_out,
        number_twice,
        skip_an_item,
        link_elsewhere,
        link_the_first,
        add_a_member,
        commit_to_nothing,
        name_no_time,
    ],
)
def test_what_the_log_key_signed_all_the_same_is_refused(
    tmp_path: Path, unsound: Callable[[list[Leaf]], list[Leaf]]
) -> None:
    leaves = [jcs(leaf) for leaf in unsound(read(small_record()[0].leaves))]
    assert accepting(publish(tmp_path / "record", leaves)) == []


@pytest.mark.parametrize("more", ["A", "\n", "\nrubbish\n", "\x00"])
def test_a_proof_with_a_byte_more_is_refused(tmp_path: Path, more: str) -> None:
    folder = publish(tmp_path / "record", small_record()[0].leaves, proofs=(3,))
    path = folder / "proof/3.tlog-proof"
    path.write_text(f"{path.read_text()[:-1]}{more}\n")
    assert accepting(folder) == []


@pytest.mark.parametrize("name", ["proof", "tile/0/000.p/9\ntile/entries/000.p/15", "tile/note"])
def test_a_file_that_has_no_place_is_refused(tmp_path: Path, name: str) -> None:
    folder = publish(tmp_path / "record", small_record()[0].leaves)
    write(folder / name, b"")
    assert accepting(folder) == []
