"""Opening of many entries: what sealing gives, opened in one go, with the commitments as they stand in a leaf."""

import hmac
import json

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from archive import canonical, hkdf, sealing
from archive.canonical import Json, NotCanonical
from archive.sealing import NotOpened, Place
from archive.unsealing import Opener

PLACE = Place(origin="record.example/firm", stream="0" * 32, n=3, bucket="7y/2026-11-21")
WRAPPING_KEY, RECORD_KEY = bytes(range(32)), bytes(range(32, 64))
WRAPPED = sealing.wrap_record_key(RECORD_KEY, bucket_key=WRAPPING_KEY, place=PLACE)
OPENER = Opener(WRAPPING_KEY, origin=PLACE.origin)
keys32 = st.binary(min_size=32, max_size=32)
names = st.text(st.characters(max_codepoint=127), max_size=5)
contents = st.dictionaries(
    names, st.none() | st.integers(0, 9) | st.text("aé😀%") | st.lists(st.booleans()), max_size=5
)


def sealed(plain: bytes) -> bytes:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"enc").derive(RECORD_KEY)
    return sealing.encrypt(plain, key=key, aad=PLACE.content_aad())


def opened(data: bytes, *, wrapped: bytes = WRAPPED, place: Place = PLACE) -> tuple[dict[str, Json], bytes]:
    return OPENER.open(data, wrapped=wrapped, bucket=place.bucket, stream=place.stream, n=place.n)


@given(contents)
def test_content_is_opened_with_its_commitments_as_the_leaf_has_them(content: dict[str, Json]) -> None:
    found, commitments = opened(sealed(canonical.encode(content)))
    assert found == content
    assert canonical.parse(commitments) == sealing.commitments(content, record_key=RECORD_KEY)


@pytest.mark.parametrize("elsewhere", [{"stream": "1" * 32}, {"n": 4}, {"bucket": "3y/2026-11-21"}])
def test_it_opens_in_no_other_place(elsewhere: dict[str, str | int]) -> None:
    data = sealed(b"{}")
    assert opened(data) == ({}, b"{}")
    with pytest.raises(NotOpened):
        opened(data, place=Place(**{**PLACE._asdict(), **elsewhere}))


@pytest.mark.parametrize("rubbish", [b"", b"short", bytes(12), bytes(28), bytes(100)])
def test_rubbish_is_not_opened(rubbish: bytes) -> None:
    with pytest.raises(NotOpened):
        opened(rubbish)
    with pytest.raises(NotOpened):
        opened(sealed(b"{}"), wrapped=rubbish)


@pytest.mark.parametrize("plain", [b"[]", b"{} ", b'{"a":1.0}', b'{"b":1,"a":1}', b"\xff", b""])
def test_content_that_we_would_not_have_sealed_is_refused(plain: bytes) -> None:
    with pytest.raises(NotCanonical):
        opened(sealed(plain))


def test_its_repr_shows_no_key() -> None:
    assert WRAPPING_KEY.hex() not in repr(OPENER) and repr(WRAPPING_KEY) not in repr(OPENER)


@given(keys32, st.binary(max_size=200), st.binary(max_size=200))
def test_hmac_and_hkdf_are_those_of_the_library(key: bytes, message: bytes, info: bytes) -> None:
    assert hkdf.hmac(hkdf.begin(key), message) == hmac.digest(key, message, "sha256")
    expected = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(key)
    assert hkdf.expand(hkdf.extract(key), info=info) == expected


def test_a_vector_of_the_format() -> None:
    """One commitment by the formula of docs/record-format.md, with nothing of ours."""
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"commit:body").derive(RECORD_KEY)
    digest = hmac.digest(key, b'"Sell at 40?"', "sha256").hex()
    _, commitments = opened(sealed(b'{"body":"Sell at 40?"}'))
    assert json.loads(commitments) == {"body": digest}
