"""Canonical JSON: byte for byte what RFC 8785 gives, and nothing outside the subset gets in."""

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from archive import canonical
from archive.canonical import INTEGER_LIMIT, Json, NotCanonical

texts = st.text(st.characters(exclude_categories=["Cs"]))
keys = st.text(st.characters(max_codepoint=127))
integers = st.integers(min_value=1 - INTEGER_LIMIT, max_value=INTEGER_LIMIT - 1)
values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | integers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_the_bytes_are_those_of_rfc_8785(value: Json) -> None:
    assert canonical.encode(value) == rfc8785.dumps(value)


@given(values)
def test_what_was_encoded_is_read_back(value: Json) -> None:
    assert canonical.parse(canonical.encode(value)) == value


@given(values)
def test_any_other_spelling_of_a_value_is_refused(value: Json) -> None:
    spaced = json.dumps(value, sort_keys=True, separators=(" ,", " : ")).encode() + b" "
    with pytest.raises(NotCanonical):
        canonical.parse(spaced)


@given(st.dictionaries(keys, values, max_size=5))
def test_members_are_read_with_the_bytes_of_each_value(members: dict[str, Json]) -> None:
    data = rfc8785.dumps(members)
    assert canonical.parse_members(data) == (members, [rfc8785.dumps(members[name]) for name in sorted(members)])


@given(st.dictionaries(keys, values, max_size=5))
def test_members_in_any_other_spelling_are_refused(members: dict[str, Json]) -> None:
    spaced = json.dumps(members, sort_keys=True, separators=(" ,", " : ")).encode() + b" "
    with pytest.raises(NotCanonical):
        canonical.parse_members(spaced)


def test_members_nested_deeper_than_the_fast_way_goes_are_read() -> None:
    data = b'{"a":' + b"[" * 300 + b"]" * 300 + b',"b":"x"}'
    members, [deep, text] = canonical.parse_members(data)
    assert (members["b"], text) == ("x", b'"x"')
    assert deep == b"[" * 300 + b"]" * 300


@pytest.mark.parametrize("names", [("b", "a"), ("a", "a"), ("a", "é")])
def test_names_out_of_canonical_order_have_no_form(names: tuple[str, ...]) -> None:
    assert canonical.object_form(names) is None


def test_a_form_is_filled_in_whatever_the_names_are() -> None:
    form = canonical.object_form(('"', "%b", "a"))
    assert form and form % (b"1", b"2", b"3") == rfc8785.dumps({'"': 1, "%b": 2, "a": 3})


@given(st.binary(max_size=64))
def test_arbitrary_bytes_are_canonical_or_refused(data: bytes) -> None:
    try:
        value = canonical.parse(data)
    except NotCanonical:
        return
    assert canonical.encode(value) == data


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (1.0, "float"),
        (float("nan"), "float"),
        ({"a": [2.5]}, "float"),
        (INTEGER_LIMIT, "2\\^53"),
        (-INTEGER_LIMIT, "2\\^53"),
        ({"é": 1}, "ASCII"),
        ({1: 2}, "ASCII"),
        ("\ud800", "surrogate"),
        ({"a": "\udfff"}, "surrogate"),
        ((1, 2), "tuple"),
        (b"bytes", "bytes"),
    ],
)
def test_a_value_outside_the_subset_is_refused_with_a_reason(value: Json, reason: str) -> None:
    with pytest.raises(NotCanonical, match=reason):
        canonical.encode(value)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":2}',
        b'{"a":1,"a":1}',
        b"1.0",
        b"1e3",
        b"-0",
        b"NaN",
        b"9007199254740992",
        b"9" * 5000,
        b'"\\ud800"',
        b'"\\u0041"',
        b'"\xff"',
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"\xc3\xa9":1}',
        b"[1,]",
        b"",
        b"[" * 100_000,
        b"\xef\xbb\xbf1",
    ],
)
def test_bytes_outside_the_subset_are_refused(data: bytes) -> None:
    with pytest.raises(NotCanonical):
        canonical.parse(data)
    for members in (data, b'{"a":' + data + b"}", b'{"a":0,"b":[1,' + data + b"]}"):
        with pytest.raises(NotCanonical):
            canonical.parse_members(members)


def test_text_is_not_normalised() -> None:
    composed, decomposed = "é", "e\u0301"
    assert canonical.encode(composed) != canonical.encode(decomposed)
    assert canonical.parse(canonical.encode(decomposed)) == decomposed


def test_a_value_nested_too_deeply_is_refused() -> None:
    value: Json = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(NotCanonical, match="deep"):
        canonical.encode(value)


def test_an_object_is_asked_for_and_a_list_is_refused() -> None:
    assert canonical.parse_object(b'{"a":1}') == {"a": 1}
    with pytest.raises(NotCanonical, match="not an object"):
        canonical.parse_object(b"[]")
