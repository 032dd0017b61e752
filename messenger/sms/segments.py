"""How many segments a text takes and where they are cut. Pure; must not import Django or change a single character.

GSM 03.38 (3GPP TS 23.038): 160 septets alone, 153 each in parts; extension characters take two and are never split.
UCS-2: 70 UTF-16 units alone, 67 each in parts; surrogate pairs and grapheme clusters are never split.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from wcwidth import iter_graphemes

Encoding = Literal["gsm7", "ucs2"]

ESCAPE = "\x1b"
BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ" + ESCAPE + "ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
SEPTETS = {char: (code,) for code, char in enumerate(BASIC) if char != ESCAPE} | {
    char: (0x1B, code) for char, code in EXTENSION.items()
}
CHARS = {septets: char for char, septets in SEPTETS.items()}
ALONE = {"gsm7": 160, "ucs2": 70}
IN_PARTS = {"gsm7": 153, "ucs2": 67}


@dataclass(frozen=True)
class Segments:
    """A text cut into what the network carries. `units` counts septets or UTF-16 units; `room` is what is left."""

    encoding: Encoding
    parts: tuple[str, ...]
    units: int
    room: int

    @property
    def count(self) -> int:
        return len(self.parts)


def encoding_of(text: str) -> Encoding:
    """Return the cheapest encoding that carries every character unchanged."""
    return "gsm7" if all(char in SEPTETS for char in text) else "ucs2"


def count_units(text: str, *, encoding: Encoding) -> int:
    """Return how many septets or UTF-16 units the text takes."""
    if encoding == "gsm7":
        return sum(len(SEPTETS[char]) for char in text)
    return sum(2 if ord(char) > 0xFFFF else 1 for char in text)


def encode(text: str, *, encoding: Encoding) -> bytes:
    """Return the bytes of a text: one septet in each byte for GSM-7, UTF-16BE for UCS-2."""
    if encoding == "gsm7":
        return bytes(septet for char in text for septet in SEPTETS[char])
    return text.encode("utf-16-be")


def decode(data: bytes, *, encoding: Encoding) -> str:
    """Return the text of bytes that `encode` made. Raises KeyError or UnicodeDecodeError on any others."""
    if encoding == "ucs2":
        return data.decode("utf-16-be")
    septets = iter(data)
    return "".join(CHARS[(code, next(septets, -1)) if code == 0x1B else (code,)] for code in septets)


def split(text: str) -> Segments:
    """Cut the text into the fewest segments that greedy filling gives; joined, the parts are the text."""
    encoding = encoding_of(text)
    units = count_units(text, encoding=encoding)
    if units <= ALONE[encoding]:
        return Segments(encoding, (text,) if text else (), units, ALONE[encoding] - units)
    parts = tuple(_fill(text, encoding=encoding))
    room = IN_PARTS[encoding] - count_units(parts[-1], encoding=encoding)
    return Segments(encoding, parts, units, room)


def _fill(text: str, *, encoding: Encoding) -> Iterator[str]:
    part, used = "", 0
    for piece in _pieces(text, encoding=encoding):
        size = count_units(piece, encoding=encoding)
        if used + size > IN_PARTS[encoding]:
            yield part
            part, used = "", 0
        part, used = part + piece, used + size
    yield part


def _pieces(text: str, *, encoding: Encoding) -> Iterator[str]:
    """Yield what must not be cut: grapheme clusters. One that fits into no segment at all is cut between characters."""
    for cluster in iter_graphemes(text):
        if count_units(cluster, encoding=encoding) <= IN_PARTS[encoding]:
            yield cluster
        else:
            yield from cluster
