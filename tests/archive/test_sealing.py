"""Sealing: what was sealed opens in its place with its key, and nowhere else."""

import hmac

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from archive import canonical, sealing
from archive.canonical import Json, NotCanonical
from archive.sealing import NotOpened, Place

PLACE = Place(origin="record.example/firm", stream="0" * 32, n=3, bucket="7y/2026-11-21")
CONTENT: dict[str, Json] = {"actor": {"id": "person:3"}, "body": "Sell at 40?", "hits": []}
BUCKET_KEY = bytes(range(32))
fields = st.dictionaries(
    st.text(st.characters(max_codepoint=127)), st.none() | st.booleans() | st.text("aé😀"), max_size=4
)


def seal(content: dict[str, Json]) -> tuple[sealing.Sealed, bytes]:
    [fresh] = sealing.draw_fresh(1)
    return sealing.seal_content(content, place=PLACE, fresh=fresh), fresh.record_key


def test_nothing_is_drawn_twice() -> None:
    drawn = [*sealing.draw_fresh(300), *sealing.draw_fresh(300)]
    pieces = [piece for one in drawn for piece in (one.record_key, one.content_nonce, one.wrapping_nonce)]
    assert len(set(pieces)) == 3 * len(drawn)
    assert {(len(one.record_key), len(one.content_nonce), len(one.wrapping_nonce)) for one in drawn} == {(32, 12, 12)}


@given(fields)
def test_content_opens_in_its_place(content: dict[str, Json]) -> None:
    sealed, record_key = seal(content)
    assert sealing.unseal(sealed.ciphertext, record_key=record_key, place=PLACE) == content


@pytest.mark.parametrize("elsewhere", [{"origin": "other"}, {"stream": "1" * 32}, {"n": 4}])
def test_content_opens_in_no_other_place(elsewhere: dict[str, object]) -> None:
    sealed, record_key = seal(CONTENT)
    with pytest.raises(NotOpened):
        sealing.unseal(sealed.ciphertext, record_key=record_key, place=PLACE._replace(**elsewhere))  # type: ignore[arg-type]


@pytest.mark.parametrize("elsewhere", [{"bucket": "3y/2026-11-21"}, {"stream": "1" * 32}, {"n": 4}])
def test_a_record_key_unwraps_in_no_other_place(elsewhere: dict[str, object]) -> None:
    key = bytes(32)
    wrapped = sealing.wrap_record_key(key, bucket_key=BUCKET_KEY, place=PLACE)
    assert sealing.unwrap_record_key(wrapped, bucket_key=BUCKET_KEY, place=PLACE) == key
    with pytest.raises(NotOpened):
        sealing.unwrap_record_key(wrapped, bucket_key=BUCKET_KEY, place=PLACE._replace(**elsewhere))  # type: ignore[arg-type]
    with pytest.raises(NotOpened):
        sealing.unwrap_record_key(wrapped, bucket_key=bytes(32), place=PLACE)


@pytest.mark.parametrize("sealed", [b"", b"short", bytes(12), bytes(28), bytes(100)])
def test_rubbish_is_not_opened(sealed: bytes) -> None:
    with pytest.raises(NotOpened):
        sealing.decrypt(sealed, key=BUCKET_KEY, aad=b"")


def test_a_field_is_opened_by_its_own_key_only() -> None:
    sealed, record_key = seal(CONTENT)
    keys = sealing.commitment_keys(CONTENT, record_key=record_key)
    assert {field: sealing.commitment(CONTENT[field], key=keys[field]) for field in CONTENT} == sealed.commitments
    assert sealing.commitment(CONTENT["body"], key=keys["hits"]) != sealed.commitments["body"]


def test_the_same_words_twice_have_nothing_in_common() -> None:
    (first, first_key), (second, second_key) = seal(CONTENT), seal(CONTENT)
    assert first_key != second_key
    assert not set(first.commitments.values()) & set(second.commitments.values())
    assert first.ciphertext != second.ciphertext


def test_a_record_key_is_never_in_a_repr() -> None:
    [fresh] = sealing.draw_fresh(1)
    sealed = sealing.seal_content(CONTENT, place=PLACE, fresh=fresh)
    assert repr(fresh.record_key) not in repr(fresh) + repr(sealed) + str(fresh)


def test_content_outside_canonical_json_is_not_sealed() -> None:
    with pytest.raises(NotCanonical):
        seal({"body": "\ud800"})


@given(st.binary(min_size=32, max_size=32), st.text(st.characters(max_codepoint=127), max_size=80))
def test_keys_and_commitments_are_those_of_the_library(record_key: bytes, field: str) -> None:
    info = b"commit:" + field.encode()
    expected = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(record_key)
    assert sealing.commitment_key(record_key, field=field) == expected
    assert sealing.commitment_keys([field], record_key=record_key) == {field: expected}
    digest = hmac.digest(expected, canonical.encode(field), "sha256").hex()
    assert sealing.commitments({field: field}, record_key=record_key) == {field: digest}
