"""The schema of the frames and the server agree: one takes what the other describes, and refuses what it refuses."""

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from messenger.web import frames_in
from tests.frame_schema import CLIENT, SCHEMA, SERVER, examples, faults_of
from tests.guards.source import ROOT

KEY = "6f1c2f0e-8c1e-4d55-9d3c-2a4b8f0f6a10"
MISSHAPEN: list[dict[str, Any]] = [
    {"t": "hello", "v": 2},
    {"t": "hello", "v": 1, "cursors": []},
    {"t": "hello", "v": 1, "cursors": {"7": "41"}},
    {"t": "hello", "v": 1, "cursors": {"-7": 41}},
    {"t": "hello", "v": 1, "cursors": {"7": -1}},
    {"t": "post", "c": 7, "body": "x"},
    {"t": "post", "c": "7", "client_key": KEY, "body": "x"},
    {"t": "post", "c": 7, "client_key": "mine", "body": "x"},
    {"t": "read", "c": 7},
    {"t": "read", "c": 7, "n": 2**60},
    {"t": "read", "c": True, "n": 1},
    {"t": "typing"},
    {"t": "delete", "c": 7},
    {"c": 7},
]


def _take(frame: dict[str, Any]) -> None:
    """Read a client's frame as the socket does, up to the action."""
    kind = frames_in.parse(json.dumps(frame))["t"]
    if kind == "hello":
        frames_in.cursors_of(frame)
    if kind in ("post", "read", "typing"):
        frames_in.number_of(frame, "c")
    if kind == "post":
        frames_in.key_of(frame)
    if kind == "read":
        frames_in.number_of(frame, "n")


def test_a_key_of_half_a_character_is_refused_and_not_said_back() -> None:
    """Found by the storm of strange frames: the answer that named it could not be written, and the socket ended."""
    frame = frames_in.parse(r'{"t": "post", "c": 7, "client_key": "\ud800", "body": "x"}')
    assert "client_key" not in frame
    with pytest.raises(frames_in.BadFrame) as refusal:
        frames_in.key_of(frame)
    assert (refusal.value.code, refusal.value.field) == ("invalid", "client_key")


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(("name", "example"), list(examples()))
def test_every_example_is_as_described(name: str, example: dict[str, Any]) -> None:
    assert (example["t"], faults_of(example)) == (name, [])


@pytest.mark.parametrize("example", [example for name, example in examples() if name in CLIENT])
def test_the_server_takes_what_the_schema_describes(example: dict[str, Any]) -> None:
    _take(example)


@pytest.mark.parametrize("frame", MISSHAPEN)
def test_what_the_schema_refuses_the_server_refuses(frame: dict[str, Any]) -> None:
    assert faults_of(frame)
    with pytest.raises(frames_in.BadFrame):
        _take(frame)


def test_document_schema_and_server_name_the_same_frames() -> None:
    text = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    assert set(re.findall(r'"t":"([a-z]+)"', text)) == {*CLIENT, *SERVER}
    assert set(frames_in.KINDS) == set(CLIENT)
