"""Files in export packages: as they were sealed, named by opened fields only; no altered copy passes a verifier."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from archive import ledger, verify
from archive.events import Attachment
from archive.export.package import ExportFailed, Scope
from tests.archive.attaching import keep_file, say_with_files
from tests.archive.exporting import export, open_office, read_entries, read_exceptions, read_manifest, run, unpack
from tests.faults.tampering.test_packages import cover_up, verifiers_that_accept

pytestmark = pytest.mark.django_db
BOTH = ["verify.py", "verify.sh"]
PDF, TEXT = b"%PDF-1.7 terms" + bytes(100_000), b"a list\n"
# A name that looks like the syntax at which the shell verifier cuts.
TRICKY = 'a","sha256":"' + "0" * 64 + '","size":1,"b\\'


@pytest.fixture
def files() -> tuple[Attachment, Attachment]:
    open_office()
    return keep_file(PDF), keep_file(TEXT, name=TRICKY, media_type="text/plain")


@pytest.fixture
def seq(files: tuple[Attachment, Attachment]) -> int:
    return say_with_files(*files).seq


def blob_of(file: Attachment) -> Path:
    return Path(settings.ONRECORD_BLOB_DIR) / file.blob[:2] / file.blob


# rule: us-sec-17a-4-download
def test_the_files_of_opened_entries_are_in_the_package_and_both_verifiers_check_them(tmp_path: Path, seq: int) -> None:
    folder = unpack(export(tmp_path))
    assert (folder / f"data/attachments/{seq}-0.pdf").read_bytes() == PDF
    assert (folder / f"data/attachments/{seq}-1.txt").read_bytes() == TEXT
    listed = read_manifest(folder)["files"]
    assert isinstance(listed, dict)
    digest = hashlib.sha256(PDF).hexdigest()
    assert listed[f"data/attachments/{seq}-0.pdf"] == {"sha256": digest, "size_bytes": len(PDF)}
    assert run(folder, "--key", ledger.verifier_key())[0] == 0
    assert verifiers_that_accept(folder) == BOTH
    cover_up(folder)
    assert verifiers_that_accept(folder) == BOTH, "control: covering up alters nothing true"


def test_a_file_of_a_type_without_an_ending_of_its_own_ends_in_bin(tmp_path: Path) -> None:
    open_office()
    seq = say_with_files(keep_file(b"?", name="a.strange", media_type="application/x-strange")).seq
    folder = unpack(export(tmp_path))
    assert [path.name for path in (folder / "data/attachments").iterdir()] == [f"{seq}-0.bin"]
    assert verifiers_that_accept(folder) == BOTH


def test_the_format_lists_every_type_with_its_ending() -> None:
    spec = (Path(settings.BASE_DIR) / "docs" / "record-format.md").read_text()
    table = {f"`{media_type}` `{ending}`" for media_type, ending in verify.ENDINGS.items()}
    assert {row for row in table if row not in spec} == set()


def test_the_same_record_gives_the_same_package(tmp_path: Path, seq: int) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first = unpack(export(tmp_path / "one"))
    second = unpack(export(tmp_path / "two"))
    name = f"data/attachments/{seq}-0.pdf"
    assert (first / name).read_bytes() == (second / name).read_bytes()


def test_an_entry_outside_of_the_scope_brings_no_file(tmp_path: Path, seq: int) -> None:
    scope = Scope(streams=("conversation:7", "person:1"), kinds=("session.started",))
    folder = unpack(export(tmp_path, scope))
    assert not (folder / "data/attachments").exists()
    assert verifiers_that_accept(folder) == BOTH


@pytest.mark.breaks_the_record
@pytest.mark.parametrize("how", ["missing", "replaced"])
def test_a_file_that_cannot_be_had_stays_closed_and_the_manifest_says_so(
    tmp_path: Path, files: tuple[Attachment, Attachment], seq: int, how: str
) -> None:
    path = blob_of(files[0])
    path.chmod(0o600)
    path.unlink() if how == "missing" else path.write_bytes(blob_of(files[1]).read_bytes())
    folder = unpack(export(tmp_path))
    why = "is missing" if how == "missing" else "is not what was sealed"
    assert [(one["entry"], one["reason"]) for one in read_exceptions(folder)] == [(seq, f"its file 0 {why}")]
    (line,) = (line for line in read_entries(folder) if line["index"] == seq)
    opened = line["opened"]
    assert isinstance(opened, dict) and "att.1" in opened and "att.0" not in opened
    assert [item.name for item in (folder / "data/attachments").iterdir()] == [f"{seq}-1.txt"]
    assert verifiers_that_accept(folder) == BOTH


def test_a_store_that_does_not_answer_makes_no_package(
    tmp_path: Path, seq: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tests")
    monkeypatch.setattr(settings, "ONRECORD_BLOB_STORE", "s3://blobs/?region=eu-central-1&endpoint=http://127.0.0.1:9")
    with pytest.raises(ExportFailed):
        export(tmp_path)
    assert not list(tmp_path.glob("*.zip"))


# --- attack 17: who hands the package over replaces a file -----------------------------------------------------------
def replace(folder: Path, seq: int) -> None:
    (folder / f"data/attachments/{seq}-0.pdf").write_bytes(PDF[:-1] + b"\x01")


def cut(folder: Path, seq: int) -> None:
    (folder / f"data/attachments/{seq}-0.pdf").write_bytes(PDF[:-1])


def remove(folder: Path, seq: int) -> None:
    _unlink(folder, f"data/attachments/{seq}-1.txt")


def swap(folder: Path, seq: int) -> None:
    one, two = (folder / f"data/attachments/{seq}-{name}" for name in ("0.pdf", "1.txt"))
    one.write_bytes(TEXT)
    two.write_bytes(PDF)


def remove_all(folder: Path, seq: int) -> None:
    for name in ("0.pdf", "1.txt"):
        _unlink(folder, f"data/attachments/{seq}-{name}")
    (folder / "data/attachments").rmdir()


def add(folder: Path, seq: int) -> None:
    _add(folder, f"data/attachments/{seq}-2.pdf")


def add_a_second(folder: Path, seq: int) -> None:
    _add(folder, f"data/attachments/{seq}-0.txt")


def add_a_hidden_one(folder: Path, seq: int) -> None:
    (folder / f"data/attachments/.{seq}-0.pdf").write_bytes(PDF)


def add_a_folder(folder: Path, seq: int) -> None:
    (folder / "data/attachments/more").mkdir()
    (folder / f"data/attachments/more/{seq}-0.pdf").write_bytes(PDF)


def link(folder: Path, seq: int) -> None:
    path = folder / f"data/attachments/{seq}-0.pdf"
    path.rename(folder.parent / "elsewhere.pdf")
    path.symlink_to(folder.parent / "elsewhere.pdf")


def rename(folder: Path, seq: int) -> None:
    (folder / f"data/attachments/{seq}-0.pdf").rename(folder / f"data/attachments/{seq}-3.pdf")
    _rename_in_manifest(folder, f"data/attachments/{seq}-0.pdf", f"data/attachments/{seq}-3.pdf")


def give_it_another_ending(folder: Path, seq: int) -> None:
    """The same bytes under a name that makes a desktop take them for something else, in all lists."""
    (folder / f"data/attachments/{seq}-1.txt").rename(folder / f"data/attachments/{seq}-1.pdf")
    _rename_in_manifest(folder, f"data/attachments/{seq}-1.txt", f"data/attachments/{seq}-1.pdf")


def change_the_field(folder: Path, seq: int) -> None:
    """Another file, and the field changed to name it."""
    replace(folder, seq)
    digest = hashlib.sha256(PDF[:-1] + b"\x01").hexdigest()
    path = folder / verify.ENTRIES
    path.write_bytes(path.read_bytes().replace(hashlib.sha256(PDF).hexdigest().encode(), digest.encode()))


def unlist(folder: Path, seq: int) -> None:
    """The file is there, but the bag does not list it."""
    path = folder / "manifest-sha256.txt"
    kept = [line for line in path.read_text().splitlines(keepends=True) if f"{seq}-0.pdf" not in line]
    path.write_text("".join(kept))
    tags = folder / "tagmanifest-sha256.txt"
    lines = [line for line in tags.read_text().splitlines(keepends=True) if "  manifest-sha256" not in line]
    tags.write_text("".join([*lines, f"{hashlib.sha256(path.read_bytes()).hexdigest()}  manifest-sha256.txt\n"]))


ATTACKS: tuple[Callable[[Path, int], None], ...] = (
    replace, cut, remove, swap, remove_all, add, add_a_second, add_a_hidden_one, add_a_folder, link, rename,
    give_it_another_ending, change_the_field,
)  # fmt: skip


def test_no_copy_with_another_file_verifies(tmp_path: Path, seq: int) -> None:
    original = unpack(export(tmp_path))
    accepted = []
    for attack in ATTACKS:
        for covers_up in (False, True):
            copy = tmp_path / "copies" / "copy"
            shutil.copytree(original, copy)
            attack(copy, seq)
            if covers_up and attack is not link:  # what it leads to fits the manifests as it is
                cover_up(copy)
            accepted += [f"{attack.__name__}, {covers_up}: {name}" for name in verifiers_that_accept(copy)]
            shutil.rmtree(copy.parent)
    unlist(original, seq)
    assert [*accepted, *verifiers_that_accept(original)] == []


def _add(folder: Path, name: str) -> None:
    (folder / name).write_bytes(PDF)
    manifest = read_manifest(folder)
    files = manifest["files"]
    assert isinstance(files, dict)
    files[name] = {}
    _write_manifest(folder, manifest)


def _unlink(folder: Path, name: str) -> None:
    (folder / name).unlink()
    manifest = read_manifest(folder)
    files = manifest["files"]
    assert isinstance(files, dict)
    del files[name]
    _write_manifest(folder, manifest)


def _rename_in_manifest(folder: Path, old: str, new: str) -> None:
    manifest = read_manifest(folder)
    files = manifest["files"]
    assert isinstance(files, dict)
    files[new] = files.pop(old)
    _write_manifest(folder, manifest)


def _write_manifest(folder: Path, manifest: dict[str, object]) -> None:
    data = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    (folder / verify.MANIFEST).write_bytes(data.encode())
