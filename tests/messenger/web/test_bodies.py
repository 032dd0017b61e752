"""A request's body on its way in: read as it was written, sealed where it lies, cut at its limit."""

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messenger.web.bodies import IN_MEMORY_BYTES, SealedBody

LARGE = b"Kumquat-marmalade-" * 40_000


def body_of(*pieces: bytes, limit_bytes: int = 10**9) -> SealedBody:
    body = SealedBody(limit_bytes=limit_bytes)
    for piece in pieces:
        body.write(piece)
    body.seek(0)
    return body


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=200_000), max_size=6), st.integers(1, 90_000), st.data())
def test_what_is_read_is_what_was_written(pieces: list[bytes], size: int, data: st.DataObject) -> None:
    plain, body = b"".join(pieces), body_of(*pieces)
    assert b"".join(iter(lambda: body.read(size), b"")) == plain
    place = data.draw(st.integers(0, len(plain)))
    assert body.seek(place) == place
    assert body.read() == plain[place:]


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_lines_are_those_of_a_file(lines: list[bytes]) -> None:
    plain = b"\n".join(lines)
    assert list(iter(body_of(plain).readline, b"")) == io.BytesIO(plain).readlines()


def test_a_large_body_lies_sealed_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    body = body_of(LARGE)
    assert len(LARGE) > IN_MEMORY_BYTES
    kept = [path.read_bytes() for path in Path("/proc/self/fd").iterdir() if _is_in(path, tmp_path)]
    assert len(kept) == 1 and len(kept[0]) == len(LARGE)
    assert b"Kumquat" not in kept[0] and body.read() == LARGE


def test_a_body_is_cut_one_byte_after_its_limit() -> None:
    body = body_of(bytes(900), bytes(900), bytes(900), limit_bytes=1_000)
    assert len(body.read()) == 1_001


def _is_in(path: Path, folder: Path) -> bool:
    try:
        return str(path.readlink()).startswith(str(folder))
    except OSError:
        return False
