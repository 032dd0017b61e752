"""Frames as bytes: what a parcel says on the wire is what a foreign parser reads, whatever the sizes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Opcode
from websockets.protocol import Protocol, Side, State

from messenger.delivery.parcels import PARCEL_BYTES, Shipment, frame_bytes, join

PAYLOADS = st.lists(st.binary(max_size=300), max_size=30)


def _read(wire: bytes) -> list[bytes]:
    client = Protocol(Side.CLIENT, state=State.OPEN)
    client.receive_data(wire)
    frames = client.events_received()
    assert all(frame.opcode is Opcode.TEXT and frame.fin for frame in frames)
    return [bytes(frame.data) for frame in frames]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 70_000])
def test_a_frame_of_every_length_form_is_read_back(size: int) -> None:
    assert _read(frame_bytes(b"x" * size)) == [b"x" * size]


@given(PAYLOADS)
def test_joined_frames_are_read_back_one_by_one_in_order(payloads: list[bytes]) -> None:
    assert _read(b"".join(part.wire for part in join(payloads))) == payloads
    assert [payload for part in join(payloads) for payload in part.payloads] == payloads


def test_parcels_are_bounded_and_cut_between_frames_only() -> None:
    payloads = [bytes([65 + i % 26]) * 20_000 for i in range(60)] + [b"z" * (PARCEL_BYTES + 5), b"end"]
    parts = join(payloads)
    assert all(len(part.wire) <= PARCEL_BYTES for part in parts if len(part.payloads) > 1)
    assert len(parts) > 4 and [payload for part in parts for payload in _read(part.wire)] == payloads


@given(st.integers(1, 40), st.integers(0, 45), st.integers(0, 45))
def test_a_shipment_gives_what_lies_between_two_numbers(first: int, after: int, until: int) -> None:
    shipment = Shipment([(n, str(n).encode()) for n in range(first, first + 10)])
    given_out = [int(payload) for part in shipment.between(after, until) for payload in part.payloads]
    assert given_out == [n for n in range(first, first + 10) if after < n <= until]
    assert shipment.last_n == first + 9


def test_what_many_need_is_joined_once() -> None:
    shipment = Shipment([(1, b"a"), (2, b"b")])
    assert shipment.between(0, 2) is shipment.between(0, 2)
