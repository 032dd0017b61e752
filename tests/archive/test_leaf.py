"""Leaves: exact members, exact forms, a size limit."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive import canonical
from archive.canonical import Json, NotCanonical
from archive.leaf import SIZE_LIMIT_BYTES, Leaf, LeafTooLarge, format_time, frame, parse_time

LEAF = Leaf(
    at="2026-11-21T16:00:00.000Z",
    bucket="7y/2026-11-21",
    commitments={"body": "a" * 64},
    ciphertext_digest="b" * 64,
    kind="message.created",
    n=17,
    prev="c" * 64,
    seq=35000,
    stream="d" * 32,
)


def changed(**members: Json) -> bytes:
    value = {**json.loads(LEAF.encode()), **members}
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def test_a_leaf_is_read_back_as_it_was_built() -> None:
    assert Leaf.parse(LEAF.encode()) == LEAF


@pytest.mark.parametrize(
    "data",
    [
        changed(v=2),
        changed(extra=1),
        changed(n="17"),
        changed(n=True),
        changed(seq=None),
        changed(c=[]),
        changed(c={"body": "short"}),
        changed(c={"body": 1}),
        changed(ct="B" * 64),
        changed(prev="x"),
        changed(stream="conversation:7"),
        changed(at="2026-11-21T16:00:00Z"),
        changed(at="2026-11-21T16:00:00.000+00:00"),
        changed(at="2026-13-41T16:00:00.000Z"),
        LEAF.encode().replace(b'"n":17,', b""),
        LEAF.encode() + b"\n",
        b"[]",
        b"\x00",
    ],
)
def test_a_leaf_out_of_form_is_refused(data: bytes) -> None:
    with pytest.raises(NotCanonical):
        Leaf.parse(data)


def many_fields(count: int) -> Leaf:
    commitments: dict[str, Json] = {f"f{i:04}": "a" * 64 for i in range(count)}
    return Leaf(**{**vars(LEAF), "commitments": commitments})


def test_a_leaf_that_is_too_large_is_not_built() -> None:
    assert len(many_fields(800).encode()) < SIZE_LIMIT_BYTES
    with pytest.raises(LeafTooLarge, match="65535 are allowed"):
        many_fields(900).encode()


def test_bytes_past_the_limit_are_no_leaf() -> None:
    with pytest.raises(NotCanonical, match="larger"):
        Leaf.parse(b" " * (SIZE_LIMIT_BYTES + 1))


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)


@given(kind=texts, bucket=texts, names=st.sets(texts.filter(str.isascii), max_size=4), n=st.integers(1, 2**53 - 1))
def test_a_frame_and_the_link_in_it_are_the_leaf(kind: str, bucket: str, names: set[str], n: int) -> None:
    commitments: dict[str, Json] = dict.fromkeys(names, "a" * 64)
    leaf = replace(LEAF, kind=kind, bucket=bucket, commitments=commitments, n=n)
    before, behind = framed(leaf)
    assert before + leaf.prev.encode() + behind == leaf.encode()


def framed(leaf: Leaf) -> tuple[bytes, bytes]:
    return frame(
        at=leaf.at,
        bucket=leaf.bucket,
        commitments=canonical.encode(leaf.commitments),
        ciphertext_digest=leaf.ciphertext_digest,
        kind=leaf.kind,
        n=leaf.n,
        seq=leaf.seq,
        stream=leaf.stream,
    )


@pytest.mark.parametrize(
    "members",
    [
        {"at": "2026-11-21T24:00:00.000Z"},
        {"at": "2026-11-21T16:00:00Z"},
        {"stream": "conversation:7"},
        {"stream": "D" * 32},
        {"kind": "\ud800"},
        {"bucket": "\ud800"},
    ],
)
def test_members_out_of_form_have_no_frame(members: dict[str, str]) -> None:
    with pytest.raises(NotCanonical):
        framed(replace(LEAF, **members))  # type: ignore[arg-type]  # texts only


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 11, 21, 16, tzinfo=UTC), "2026-11-21T16:00:00.000Z"),
        (datetime(2026, 11, 21, 16, 0, 0, 999_999, tzinfo=UTC), "2026-11-21T16:00:00.999Z"),
        (datetime(2026, 11, 21, 1, tzinfo=timezone(timedelta(hours=2))), "2026-11-20T23:00:00.000Z"),
    ],
)
def test_time_is_written_in_utc_and_cut_to_milliseconds(at: datetime, text: str) -> None:
    assert format_time(at) == text
    assert format_time(parse_time(text)) == text


Change = Callable[[bytes], bytes]


@pytest.mark.parametrize("change", [bytes.upper, bytes.lower, lambda data: data[:-1], lambda data: data * 2])
def test_bytes_that_only_resemble_a_leaf_are_refused(change: Change) -> None:
    with pytest.raises(NotCanonical):
        Leaf.parse(change(LEAF.encode()))
