"""The verifier on packages that are sound and packages that somebody altered, run as an auditor runs it."""

import ast
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from archive import verify
from tests.archive.handmade import VERIFIER, Package, Signer, b64, jcs

ONE, TWO, THREE = "1" * 32, "a" * 32, "f" * 32  # the streams of the handmade package: lines 1-5, 6-10, 11-13


@pytest.fixture
def package(tmp_path: Path) -> Package:
    return Package(tmp_path / "export-1")


def run(package: Package, *arguments: str, folder: str = "") -> tuple[int, str]:
    """Run the package's own verify.py in a bare interpreter: no environment, no site packages."""
    command = [sys.executable, "-I", "-S", "verify.py", *arguments]
    done = subprocess.run(command, cwd=package.folder, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def refuse(package: Package, *words: str, arguments: tuple[str, ...] = ()) -> str:
    status, output = run(package, *arguments)
    assert status == 1, output
    assert "verified and complete" not in output
    for word in words:
        assert word in output
    return output


def test_a_sound_package_is_verified_and_complete(package: Package) -> None:
    status, output = run(package)
    assert status == 0
    assert output.startswith("verified and complete: 13 entries, 11 of them opened")
    assert "all that 3 of the record's 4 streams held at entry 14 (2026-11-21T16:00:14.000Z)" in output
    assert "size 16" in output


def test_without_a_key_it_says_that_the_signature_was_not_checked_and_whose_it_should_be(package: Package) -> None:
    assert f"NOT checked because no --key was given: the package names {_signer()}" in run(package)[1]


def test_with_the_published_key_it_says_who_signed(package: Package) -> None:
    status, output = run(package, "--key", package.signer.verifier_key)
    assert status == 0
    assert f"signed by {_signer()}" in output
    assert "NOT checked" not in output


def test_another_folder_can_be_named(package: Package, tmp_path: Path) -> None:
    shutil.copy(VERIFIER, tmp_path / "verify.py")
    command = [sys.executable, "-I", "-S", str(tmp_path / "verify.py"), str(package.folder)]
    assert subprocess.run(command, capture_output=True, timeout=60).returncode == 0


def test_it_keeps_to_the_grammar_of_python_3_8() -> None:
    assert ast.parse(VERIFIER.read_text(), feature_version=(3, 8)).body
    with pytest.raises(SyntaxError):  # the control: newer grammar is noticed
        ast.parse("match x:\n    case 1:\n        pass", feature_version=(3, 8))


# --- bad usage -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "arguments",
    [("missing-folder",), ("--key", "nonsense"), ("--key",), ("--fast",), ("a", "b"), ("README.txt",)],
    ids=" ".join,
)
def test_bad_usage_exits_2(package: Package, arguments: tuple[str, ...]) -> None:
    assert run(package, *arguments)[0] == 2


def test_a_mistyped_key_is_bad_usage_not_a_bad_package(package: Package) -> None:
    name, key_id, rest = package.signer.verifier_key.split("+", 2)
    status, output = run(package, "--key", f"{name}+{int(key_id, 16) ^ 1:08x}+{rest}")
    assert (status, "mistyped" in output) == (2, True)


# --- one flipped byte ------------------------------------------------------------------------------------------------
def flip(package: Package, *, line: int, old: bytes, new: bytes) -> None:
    lines = package.lines()
    assert lines[line - 1].count(old)
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    package.write_lines(lines)


@pytest.mark.parametrize("is_covered", [False, True], ids=["plain", "manifests re-made"])
def test_a_flipped_byte_in_a_leaf_names_the_line_and_the_entry(package: Package, *, is_covered: bool) -> None:
    flip(package, line=3, old=b"16:00:06", new=b"16:00:07")
    cover(package, is_covered=is_covered)
    output = refuse(package, f"line 3 (stream {ONE}, n 3, entry 6): changed")
    assert ("SHA-256 differs" in output) is not is_covered
    assert "missing" not in output  # a damaged line is there: it is not reported as dropped


@pytest.mark.parametrize("is_covered", [False, True], ids=["plain", "manifests re-made"])
def test_a_flipped_byte_that_breaks_the_json_names_the_place(package: Package, *, is_covered: bool) -> None:
    flip(package, line=3, old=b'{"index":6', new=b'{"index":~')
    if is_covered:
        package.remake_bag()
    output = refuse(package, f"line 3, after n 2 of stream {ONE}: cannot be read as strict JSON")
    assert "missing" not in output


def test_a_flipped_byte_that_breaks_the_leaf_names_the_entry(package: Package) -> None:
    flip(package, line=3, old=b'\\"bucket\\"', new=b'\\"cucket\\"')
    refuse(package, f"line 3, after n 2 of stream {ONE} (entry 6): is JSON, but not canonical JSON")


def test_a_flipped_byte_in_an_opened_value_names_the_field(package: Package) -> None:
    flip(package, line=2, old=b"Sell at 40?", new=b"Sell at 41?")
    cover(package, is_covered=True)
    refuse(package, f"line 2 (stream {ONE}, n 2, entry 3): changed: opened field body is not what")


def test_a_flipped_byte_in_a_proof_is_found(package: Package) -> None:
    line = json.loads(package.lines()[1])
    proof = line["proof"]
    proof[0] = ("A" if proof[0][0] != "A" else "B") + proof[0][1:]
    lines = package.lines()
    package.write_lines([lines[0], jcs(line), *lines[2:]])
    cover(package, is_covered=True)
    refuse(package, "line 2 ", "do not lead to the root")


def test_a_flipped_byte_in_the_checkpoint_is_named_as_such(package: Package) -> None:
    body = package.read("data/checkpoint").split(b"\n")
    body[2] = b64(bytes(32)).encode()
    package.write("data/checkpoint", b"\n".join(body))
    cover(package, is_covered=True)
    refuse(package, "data/checkpoint: not one of the 13 entries leads to its root")
    refuse(
        package,
        "- data/checkpoint: its signature",
        "changed or forged",
        arguments=("--key", package.signer.verifier_key),
    )


def test_a_flipped_byte_in_any_other_file_is_found_by_the_bag(package: Package) -> None:
    for name in ("verify.py", "README.txt", "bag-info.txt", "manifest-sha256.txt", "data/manifest.json"):
        kept = package.read(name)
        package.write(name, kept + b"\n")
        assert name in refuse(package)
        package.write(name, kept)
    assert run(package)[0] == 0  # the control: nothing but the flipped bytes was wrong


# --- dropped, moved and added lines ----------------------------------------------------------------------------------
def cover(package: Package, *, is_covered: bool) -> None:
    """Re-make the manifests as somebody does who covers the traces."""
    if is_covered:
        package.write_manifest()
        package.remake_bag()


@pytest.mark.parametrize("is_covered", [False, True], ids=["plain", "manifests re-made"])
def test_a_dropped_middle_line_names_the_stream_and_the_number(package: Package, *, is_covered: bool) -> None:
    lines = package.lines()
    package.write_lines(lines[:7] + lines[8:])
    cover(package, is_covered=is_covered)
    refuse(package, f"line 8 (stream {TWO}, n 4, entry 10): n 3 of its stream is missing before it")


@pytest.mark.parametrize("is_covered", [False, True], ids=["plain", "manifests re-made"])
@pytest.mark.parametrize(("line", "stream", "n"), [(5, ONE, 5), (10, TWO, 5), (13, THREE, 3)])
def test_a_dropped_tail_line_names_the_stream_and_what_is_missing(
    package: Package, line: int, stream: str, n: int, *, is_covered: bool
) -> None:
    lines = package.lines()
    package.write_lines(lines[: line - 1] + lines[line:])
    cover(package, is_covered=is_covered)
    refuse(package, f"stream {stream}: its end was dropped: n {n} is missing")


def test_a_longer_dropped_tail_names_the_range(package: Package) -> None:
    lines = package.lines()
    package.write_lines(lines[:2] + lines[5:])
    cover(package, is_covered=True)
    refuse(package, f"stream {ONE}: its end was dropped: n 3 to 5 is missing")


def test_a_dropped_first_line_is_found(package: Package) -> None:
    package.write_lines(package.lines()[1:])
    cover(package, is_covered=True)
    refuse(package, "line 1 ", "n 1 of its stream is missing")


def test_a_stream_dropped_as_a_whole_is_found(package: Package) -> None:
    lines = package.lines()
    package.write_lines(lines[:5] + lines[10:])
    cover(package, is_covered=True)
    refuse(package, f"stream {TWO} is missing as a whole, n 1 to 5")


def test_a_package_without_any_entry_is_no_complete_one(package: Package) -> None:
    package.write_lines([])
    edit_json(package, "data/heads.json", lambda heads: heads.update(streams={}))
    cover(package, is_covered=True)
    refuse(package, "data/entries.jsonl: holds no entry at all")


def test_swapped_lines_are_out_of_order(package: Package) -> None:
    lines = package.lines()
    lines[1], lines[2] = lines[2], lines[1]
    package.write_lines(lines)
    cover(package, is_covered=True)
    refuse(package, f"line 3 (stream {ONE}, n 2, entry 3): out of order")


def test_swapped_streams_are_out_of_order(package: Package) -> None:
    lines = package.lines()
    package.write_lines(lines[5:10] + lines[:5] + lines[10:])
    cover(package, is_covered=True)
    refuse(package, f"line 6 (stream {ONE}, n 1, entry 0): out of order")


def test_a_repeated_line_is_found(package: Package) -> None:
    lines = package.lines()
    package.write_lines([*lines[:2], lines[1], *lines[2:]])
    cover(package, is_covered=True)
    refuse(package, f"line 3 (stream {ONE}, n 2, entry 3): out of order or repeated")


def test_a_line_from_after_the_heads_is_found(package: Package) -> None:
    late = jcs(package.line(len(package.record.leaves) - 1))
    lines = package.lines()
    package.write_lines([*lines[:5], late, *lines[5:]])
    cover(package, is_covered=True)
    refuse(package, f"stream {ONE}: goes on to n 6, but the heads end it at n 5")


def test_an_invented_line_is_found_even_where_one_was_dropped(package: Package) -> None:
    lines = package.lines()
    invented = json.loads(lines[2])
    invented["leaf"] = invented["leaf"].replace('"at":"2026', '"at":"2025')
    package.write_lines([*lines[:2], jcs(invented), *lines[3:]])
    cover(package, is_covered=True)
    refuse(package, "line 3 ", "changed")


def test_a_file_cut_in_the_middle_of_a_line_says_so(package: Package) -> None:
    package.write("data/entries.jsonl", package.read("data/entries.jsonl")[:-20])
    refuse(package, "line 13 does not end with a newline", f"stream {THREE}: its end was dropped: n 3 is missing")


# --- heads, manifest, keys, files ------------------------------------------------------------------------------------
def edit_json(package: Package, name: str, change: Callable[[dict[str, object]], object]) -> None:
    value = json.loads(package.read(name))
    change(value)
    package.write(name, jcs(value))


def test_heads_that_hide_the_end_of_a_stream_are_refused(package: Package) -> None:
    lines = package.lines()
    package.write_lines(lines[:4] + lines[5:])
    edit_json(package, "data/heads.json", lambda heads: heads["streams"][ONE].update(n=4))  # type: ignore[index]  # test
    cover(package, is_covered=True)
    refuse(package, f"data/heads.json: changed: stream {ONE} is not proved to end at n 4")


def test_a_stream_struck_from_the_heads_file_is_missed(package: Package) -> None:
    edit_json(package, "data/heads.json", lambda heads: heads["streams"].pop(ONE))  # type: ignore[attr-defined]  # test
    cover(package, is_covered=True)
    refuse(package, f"stream {ONE}: is not among the streams of data/heads.json")


def test_another_entry_cannot_stand_for_the_heads(package: Package) -> None:
    edit_json(package, "data/heads.json", lambda heads: heads.update(package.line(0)))
    cover(package, is_covered=True)
    refuse(package, "data/heads.json: is not an entry of kind stream.heads")


@pytest.mark.parametrize("part", ["entries", "opened", "kinds", "streams"])
def test_changed_counts_in_the_manifest_are_refused(package: Package, part: str) -> None:
    edit_json(package, "data/manifest.json", lambda manifest: manifest["counts"].update({part: 12}))  # type: ignore[attr-defined]  # test
    package.remake_bag()
    refuse(package, f"data/manifest.json: its counts do not fit what the package holds: {part}")


def test_an_opened_value_taken_back_is_missed_by_the_manifest(package: Package) -> None:
    lines = package.lines()
    package.write_lines([jcs({**json.loads(lines[0]), "opened": {}}), *lines[1:]])
    package.remake_bag()
    refuse(package, "data/manifest.json: its counts do not fit what the package holds: kinds, opened")


def test_a_stream_added_to_the_manifest_is_refused(package: Package) -> None:
    edit_json(package, "data/manifest.json", lambda manifest: manifest["streams"].update({"0" * 32: "conversation:9"}))  # type: ignore[attr-defined]  # test
    package.remake_bag()
    refuse(package, "data/manifest.json: its streams are not those of data/entries.jsonl")


def test_a_record_signed_by_a_foreign_key_is_refused_when_the_key_is_given(tmp_path: Path) -> None:
    foreign = Signer(private=Ed25519PrivateKey.generate())
    package = Package(tmp_path / "export-1", signer=foreign)
    assert run(package)[0] == 0  # without the key nobody can tell: the sentence says so
    refuse(package, "is not signed by the key given", arguments=("--key", Signer().verifier_key))


def test_a_signature_under_the_right_key_id_but_by_another_key_is_refused(package: Package) -> None:
    forged = Signer(private=Ed25519PrivateKey.generate())
    checkpoint = package.read("data/checkpoint").decode()
    body = checkpoint.split("\n\n")[0] + "\n"
    signature = b64(package.signer.key_id + forged.private.sign(body.encode()))
    package.write("data/checkpoint", f"{body}\n— {package.signer.name} {signature}\n".encode())
    cover(package, is_covered=True)
    refuse(package, "changed or forged", arguments=("--key", package.signer.verifier_key))


def test_a_cosignature_beside_the_signature_does_no_harm(package: Package) -> None:
    witness = Signer(name="witness.example", private=Ed25519PrivateKey.generate())
    checkpoint = package.read("data/checkpoint").decode()
    note = witness.sign(len(package.hashes), bytes(32)).splitlines()[-1]
    package.write("data/checkpoint", f"{checkpoint}{note}\n".encode())
    cover(package, is_covered=True)
    assert run(package, "--key", package.signer.verifier_key)[0] == 0


@pytest.mark.parametrize("name", ["data/entries.jsonl", "data/heads.json", "data/checkpoint", "data/manifest.json"])
def test_a_missing_file_is_named(package: Package, name: str) -> None:
    (package.folder / name).unlink()
    refuse(package, f"{name}: the file is missing")
    package.remake_bag()
    refuse(package, f"{name}: the file is missing", f"manifest-sha256.txt: does not list {name}")


def test_a_missing_bag_manifest_is_named(package: Package) -> None:
    (package.folder / "manifest-sha256.txt").unlink()
    refuse(package, "manifest-sha256.txt: the file is missing")


def test_a_file_that_somebody_added_is_named(package: Package) -> None:
    package.write("data/more.txt", b"")
    package.remake_bag()
    refuse(package, "data/more.txt: is not part of an export")


@pytest.mark.parametrize("path", ["/etc/passwd", "../outside.txt", "data/../../outside.txt"])
def test_a_manifest_cannot_point_outside_the_folder(package: Package, tmp_path: Path, path: str) -> None:
    (tmp_path / "outside.txt").write_text("x")
    package.write("manifest-sha256.txt", package.read("manifest-sha256.txt") + f"{'0' * 64}  {path}\n".encode())
    refuse(package, "manifest-sha256.txt: line 5 is not")


def test_text_of_the_package_cannot_write_to_the_terminal(package: Package) -> None:
    flip(package, line=1, old=b'"body"', new=b'"bo\\u001b[2Jdy"')
    assert "\x1b" not in refuse(package, "line 1")


def _signer() -> str:
    return f"{Signer().name}+{Signer().key_id.hex()}"


def test_the_verifier_imports_nothing_of_ours() -> None:
    source = VERIFIER.read_text()
    imports = [line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith(("import ", "from "))]
    assert imports
    assert set(imports) <= sys.stdlib_module_names | {"__future__"}
    assert callable(verify.main)  # and it can be imported without running
