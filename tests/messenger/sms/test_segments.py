"""Segments against vectors of 3GPP TS 23.038 and, for grapheme clusters, against the regex library as an oracle."""

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from messenger.sms.segments import BASIC, ESCAPE, EXTENSION, IN_PARTS, count_units, decode, encode, encoding_of, split

GSM = st.text(alphabet=BASIC.replace(ESCAPE, "") + "".join(EXTENSION), max_size=700)
ANY = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300)
FAMILY = "👨‍👩‍👧‍👦"
PIECES = st.lists(st.sampled_from(["a", "é", "ё", "🙂", FAMILY, "🇩🇪", "e\u0301", "क्षि", "\r\n", "{"]), max_size=120)


@pytest.mark.parametrize(
    ("text", "encoding", "count", "units"),
    [
        ("", "gsm7", 0, 0),
        ("a" * 160, "gsm7", 1, 160),
        ("a" * 161, "gsm7", 2, 161),
        ("a" * 306, "gsm7", 2, 306),
        ("a" * 307, "gsm7", 3, 307),
        ("€" * 80, "gsm7", 1, 160),
        ("€" * 81, "gsm7", 2, 162),
        ("a" * 152 + "€" + "a" * 10, "gsm7", 2, 164),
        ("ç", "ucs2", 1, 1),
        ("Ç", "gsm7", 1, 1),
        ("`", "ucs2", 1, 1),
        ("я" * 70, "ucs2", 1, 70),
        ("я" * 71, "ucs2", 2, 71),
        ("я" * 134, "ucs2", 2, 134),
        ("я" * 135, "ucs2", 3, 135),
        ("🙂" * 35, "ucs2", 1, 70),
        ("🙂" * 36, "ucs2", 2, 72),
    ],
)
def test_a_text_takes_as_many_segments_as_the_standard_says(text: str, encoding: str, count: int, units: int) -> None:
    segments = split(text)
    assert (segments.encoding, segments.count, segments.units) == (encoding, count, units)


def test_an_extension_character_is_not_split_between_two_segments() -> None:
    first, second = split("a" * 152 + "€" + "b" * 20).parts
    assert (len(first), second[0]) == (152, "€")


def test_a_surrogate_pair_is_not_split_between_two_segments() -> None:
    first, second = split("я" * 66 + "🙂" + "я" * 20).parts
    assert (first, second[0]) == ("я" * 66, "🙂")


def test_a_family_of_eleven_units_moves_to_the_next_segment_whole() -> None:
    first, second = split("я" * 60 + FAMILY + "я" * 10).parts
    assert (first, second) == ("я" * 60, FAMILY + "я" * 10)


def test_a_cluster_longer_than_a_segment_is_cut_between_characters() -> None:
    parts = split("e" + "\u0301" * 150).parts
    assert [len(part) for part in parts] == [67, 67, 17]


def test_the_room_left_is_that_of_the_last_segment() -> None:
    assert (split("a" * 150).room, split("a" * 161).room, split("").room) == (10, 145, 160)


def test_encoding_gives_the_septets_of_the_standard() -> None:
    assert encode("@€{à", encoding="gsm7") == bytes([0x00, 0x1B, 0x65, 0x1B, 0x28, 0x7F])
    assert encode("я🙂", encoding="ucs2") == bytes.fromhex("044fd83dde42")


@given(GSM)
def test_gsm_text_survives_encoding(text: str) -> None:
    assert encoding_of(text) == "gsm7"
    assert decode(encode(text, encoding="gsm7"), encoding="gsm7") == text


@given(st.one_of(GSM, ANY, PIECES.map("".join)))
def test_parts_join_to_the_text_and_each_fits(text: str) -> None:
    segments = split(text)
    assert "".join(segments.parts) == text
    assert all(count_units(part, encoding=segments.encoding) <= 160 for part in segments.parts)
    if segments.count > 1:
        limit = IN_PARTS[segments.encoding]
        assert all(0 < count_units(part, encoding=segments.encoding) <= limit for part in segments.parts)


@given(st.one_of(ANY, PIECES.map("".join)))
def test_units_are_the_bytes_on_the_wire(text: str) -> None:
    segments = split(text)
    size = sum(len(encode(part, encoding=segments.encoding)) for part in segments.parts)
    assert size == segments.units * (1 if segments.encoding == "gsm7" else 2)


@given(PIECES.map("".join))
def test_no_cut_falls_inside_a_grapheme_cluster(text: str) -> None:
    boundaries, place = set(), 0
    for cluster in regex.findall(r"\X", text):
        place += len(cluster)
        boundaries.add(place)
    place = 0
    for part in split(text).parts:
        place += len(part)
        assert place in boundaries
