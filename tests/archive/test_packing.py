"""Unpacking of segments that nobody of us packed: nothing leaves the folder, and nothing grows beyond the file."""

import io
import tarfile
from pathlib import Path

import pytest

from archive.segments.packing import NotPacked, pack, unpack
from tests.archive.segments import tar_of

# One kilobyte that says of itself that it is a megabyte of nothing.
HOLES = {
    "GNU.sparse.major": "1",
    "GNU.sparse.minor": "0",
    "GNU.sparse.name": "bag/a",
    "GNU.sparse.realsize": str(2**20),
}


def linked(kind: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo("bag/a")
        info.type, info.linkname = kind, "/etc/hostname"
        archive.addfile(info)
    return file.getvalue()


def test_what_was_packed_is_unpacked(tmp_path: Path) -> None:
    bag = tmp_path / "bag"
    (bag / "data").mkdir(parents=True)
    (bag / "data" / "a").write_bytes(b"x")
    pack(bag, tmp_path / "file.tar")
    assert (unpack(tmp_path / "file.tar", tmp_path / "out") / "data" / "a").read_bytes() == b"x"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no tar file " * 100,
        tar_of(("../outside", b"x")),
        tar_of(("bag/../../outside", b"x")),
        tar_of(("/outside/a", b"x")),
        tar_of(("alone", b"x")),
        tar_of(("bag/a", b"x"), ("other/a", b"x")),
        tar_of(("bag/a", b"x"), ("bag/a", b"y")),
        tar_of(("bag/a", b"x"), ("bag/a/b", b"x")),
        tar_of(("bag/a", b"0\n" + bytes(510)), **HOLES),
        linked(tarfile.SYMTYPE),
        linked(tarfile.LNKTYPE),
        linked(tarfile.CHRTYPE),
    ],
)
def test_what_we_would_not_pack_is_refused_and_stays_inside(tmp_path: Path, content: bytes) -> None:
    source, folder = tmp_path / "file.tar", tmp_path / "out" / "here"
    folder.mkdir(parents=True)
    source.write_bytes(content)
    with pytest.raises(NotPacked):
        unpack(source, folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file.tar", "out"]
    assert list((tmp_path / "out").iterdir()) == [folder]
    assert sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()) <= len(content)
