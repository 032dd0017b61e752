"""The form of a blob: as the specification's vectors have it, opened from any place, refusing every change."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.blobs.format import CHUNK_BYTES, SEALED_CHUNK_BYTES, BlobDamaged, Opener, Sealer, sealed_size
from archive.blobs.opening import BlobReader

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "blobs-1" / "blobs.json").read_text())["vectors"]
KEY = bytes(range(32))


def seal(plain: bytes, *, pieces: int = 7_001) -> bytes:
    sealer = Sealer(KEY)
    sealed = b"".join(sealer.update(plain[start : start + pieces]) for start in range(0, len(plain), pieces))
    return sealed + sealer.finish()


def reader_of(blob: bytes, *, size_bytes: int, key: bytes = KEY) -> BlobReader:
    return BlobReader(lambda start, length: blob[start : start + length], key=key, size_bytes=size_bytes)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_a_blob_is_what_the_specification_says(vector: dict[str, Any]) -> None:
    plain = vector["plain"]["repeat"].encode() * vector["plain"]["times"]
    sealer = Sealer(bytes.fromhex(vector["key"]))
    blob = sealer.update(plain) + sealer.finish()
    assert (len(plain), hashlib.sha256(plain).hexdigest()) == (vector["size"], vector["sha256"])
    assert (len(blob), hashlib.sha256(blob).hexdigest()) == (vector["blob_size"], vector["blob"])
    assert len(blob) == sealed_size(len(plain))
    assert vector.get("blob_hex") in (None, blob.hex())
    assert reader_of(blob, size_bytes=len(plain), key=bytes.fromhex(vector["key"])).read() == plain


@settings(max_examples=25, deadline=None)
@given(
    size=st.one_of(st.integers(0, 300), st.integers(CHUNK_BYTES - 2, CHUNK_BYTES + 2), st.integers(0, 3 * 10**6)),
    pieces=st.integers(1_000, 200_000),
    data=st.data(),
)
def test_any_file_in_any_pieces_is_read_back_from_any_place(size: int, pieces: int, data: st.DataObject) -> None:
    plain = hashlib.shake_128(size.to_bytes(4, "big")).digest(size)
    blob = seal(plain, pieces=pieces)
    assert len(blob) == sealed_size(size)
    reader = reader_of(blob, size_bytes=size)
    start, length = data.draw(st.integers(0, size + 2)), data.draw(st.integers(0, 100_000))
    reader.seek(start)
    found = b"".join(iter(lambda: reader.read(length - (reader.tell() - start)), b"")) if length else b""
    assert found == plain[start : start + length]


def test_a_change_a_cut_and_chunks_in_another_order_are_refused() -> None:
    plain = bytes(3 * CHUNK_BYTES + 5)
    blob = seal(plain)
    first, second = blob[:SEALED_CHUNK_BYTES], blob[SEALED_CHUNK_BYTES : 2 * SEALED_CHUNK_BYTES]
    flipped = bytearray(blob)
    flipped[SEALED_CHUNK_BYTES + 9] ^= 1
    attacked = {
        "a byte": bytes(flipped),
        "swapped": second + first + blob[2 * SEALED_CHUNK_BYTES :],
        "twice": first + first + blob[2 * SEALED_CHUNK_BYTES :],
    }
    for other in attacked.values():
        with pytest.raises(BlobDamaged):
            reader_of(other, size_bytes=len(plain)).read()
    with pytest.raises(BlobDamaged):
        reader_of(blob[:-21], size_bytes=len(plain)).read()


def test_a_file_cut_at_a_chunk_does_not_pass_for_a_shorter_one() -> None:
    blob = seal(bytes(2 * CHUNK_BYTES))
    with pytest.raises(BlobDamaged):
        reader_of(blob[:SEALED_CHUNK_BYTES], size_bytes=CHUNK_BYTES).read()


def test_another_key_opens_nothing() -> None:
    with pytest.raises(BlobDamaged):
        Opener(bytes(32), size_bytes=3).open(seal(b"abc"), index=0)
