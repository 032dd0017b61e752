"""Frames made ready for the wire once, for all sockets: RFC 6455 text frames of a server, joined into few writes.

Pure: bytes in, bytes out. Must not know sockets or people.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

PARCEL_BYTES = 256 * 1024  # a longer batch goes out in several writes, so that a queue's bound is looked at in between

_FINAL_TEXT = 0x81  # FIN and the opcode of text; a server does not mask


@dataclass(frozen=True, slots=True)
class Parcel:
    """Frames that go out in one write: `wire` for a transport, `payloads` for a server's own way to send text."""

    payloads: tuple[bytes, ...]
    wire: bytes


def frame_bytes(payload: bytes) -> bytes:
    """Return one whole text frame as a server sends it (RFC 6455, section 5.2)."""
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", _FINAL_TEXT, size) + payload
    if size < 65_536:
        return struct.pack("!BBH", _FINAL_TEXT, 126, size) + payload
    return struct.pack("!BBQ", _FINAL_TEXT, 127, size) + payload


def parcel(payload: bytes) -> Parcel:
    """Return a parcel of one frame."""
    return Parcel(payloads=(payload,), wire=frame_bytes(payload))


def join(payloads: Iterable[bytes]) -> list[Parcel]:
    """Return the frames in their order, in parcels of PARCEL_BYTES at most; a longer frame is one by itself."""
    parcels: list[Parcel] = []
    group: list[tuple[bytes, bytes]] = []
    size = 0
    for payload in payloads:
        wire = frame_bytes(payload)
        if group and size + len(wire) > PARCEL_BYTES:
            parcels.append(_sealed(group))
            group, size = [], 0
        group.append((payload, wire))
        size += len(wire)
    return [*parcels, _sealed(group)] if group else parcels


def _sealed(group: Sequence[tuple[bytes, bytes]]) -> Parcel:
    return Parcel(payloads=tuple(payload for payload, _ in group), wire=b"".join(wire for _, wire in group))


@dataclass(slots=True)
class Shipment:
    """The numbered frames of one conversation in one batch. What most sockets need is joined once and kept."""

    frames: Sequence[tuple[int, bytes]]  # ascending by number, not empty
    _numbers: list[int] = field(init=False)
    _joined: dict[tuple[int, int], list[Parcel]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._numbers = [n for n, _ in self.frames]

    @property
    def last_n(self) -> int:
        return self._numbers[-1]

    def count_after(self, n: int) -> int:
        return len(self._numbers) - bisect_right(self._numbers, n)

    def between(self, after_n: int, last_n: int) -> list[Parcel]:
        """Return the frames numbered after `after_n` up to and with `last_n`."""
        key = (bisect_right(self._numbers, after_n), bisect_right(self._numbers, last_n))
        if key not in self._joined:
            self._joined[key] = join(payload for _, payload in self.frames[slice(*key)])
        return self._joined[key]
