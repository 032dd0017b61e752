"""Frames that nobody should send: RFC 6455 broken at every bit of its header, our own frames with wrong fields, and
requests that open no socket.

Pure: a dice in, bytes out. What a server must do with them is the business of test_fuzz.py.
"""

import json
import random
import struct
import uuid
from typing import Any

MASK = b"\x11\x22\x33\x44"
TEXT, BINARY, CLOSE, PING, PONG, CONTINUE = 1, 2, 8, 9, 10, 0
NASTY: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**53, 2**63, 2**200, 1.5, 1e400, float("nan"), "", "7", "x" * 1000, "\x00",
    "\ud800", "\u202e", [], [[]], [1] * 1000, {}, {"7": 41}, {"": 0}, {"7": -1}, {"7": "x"}, {"7": None}, "🦉" * 100,
    {"a": {"b": {"c": []}}}, "null", "' OR 1=1 --", "../../etc/passwd", "\u0000\u0001",
)  # fmt: skip


def wire(payload: bytes, *, opcode: int = TEXT, fin: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    """Return one frame as a client sends it, or as it must not."""
    head = bytes([(fin << 7) | (rsv << 4) | opcode])
    bit = 0x80 if masked else 0
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    elif len(payload) < 2**16:
        head += struct.pack("!BH", bit | 126, len(payload))
    else:
        head += struct.pack("!BQ", bit | 127, len(payload))
    if not masked:
        return head + payload
    return head + MASK + bytes(byte ^ MASK[place % 4] for place, byte in enumerate(payload))


def raw_frame(dice: random.Random) -> bytes:
    """Return bytes that are wrong as WebSocket frames, or right and senseless."""
    noise = dice.randbytes(dice.choice((0, 1, 5, 125, 126, 200)))
    kinds = (
        lambda: dice.randbytes(dice.randrange(1, 40)),
        lambda: wire(noise, opcode=dice.randrange(16), fin=dice.random() < 0.5, rsv=dice.randrange(8)),
        lambda: wire(noise, opcode=TEXT),
        lambda: wire(noise, opcode=BINARY),
        lambda: wire(noise, opcode=dice.choice((CLOSE, PING, PONG))),
        lambda: wire(struct.pack("!H", dice.choice((0, 999, 1000, 1004, 1005, 1006, 1015, 2999, 65535))), opcode=CLOSE),
        lambda: wire(b"{", fin=False) + wire(b"}", opcode=CONTINUE, fin=dice.random() < 0.7),
        lambda: wire(b"x", opcode=CONTINUE),
        lambda: wire(b'{"t":"ping"}', masked=False),
        lambda: struct.pack("!BBQ", 0x81, 0xFF, dice.choice((2**16, 2**31, 2**62, 2**63))) + MASK,
        lambda: wire(b"a" * dice.choice((65_535, 65_536, 65_537, 70_000))),
        lambda: wire("€".encode()[: dice.randrange(1, 3)]),
    )
    return dice.choice(kinds)()


def broken_upgrade(dice: random.Random, lines: dict[str, str]) -> bytes:
    """Return the request that opens a socket, broken in one or two places, or cut off."""
    lines, first = dict(lines), "GET /ws HTTP/1.1"
    for _ in range(dice.randrange(1, 3)):
        name = dice.choice(list(lines))
        change = dice.choice((
            lambda name=name: lines.pop(name, None),
            lambda name=name: lines.update({name: dice.choice(("", "0", "\x00", "é", "null", "x" * 70_000))}),
            lambda: lines.update({"Sec-WebSocket-Extensions": "permessage-deflate; server_max_window_bits=99"}),
            lambda: lines.update({"Content-Length": dice.choice(("5", "-1", "99999999999"))}),
            lambda: lines.update({"Transfer-Encoding": "chunked"}),
            lambda: lines.update({f"X-{number}": "y" for number in range(200)}),
        ))  # fmt: skip
        change()
    if dice.random() < 0.3:
        first = dice.choice(("POST /ws HTTP/1.1", "GET /ws HTTP/1.0", "GET /ws", "GET /wss HTTP/1.1", "\x16\x03\x01"))
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    request = f"{first}\r\n{head}\r\n".encode()
    return request[: dice.randrange(1, len(request))] if dice.random() < 0.2 else request


def shaped_frame(dice: random.Random, *, conversation: int) -> bytes:
    """Return one of our own frames with some of its fields wrong, missing or of another kind."""
    frame = good_frame(dice, conversation)
    for _ in range(dice.randrange(4)):
        field = dice.choice([*frame, "v", "t", "c", "n", "extra"])
        if dice.random() < 0.3:
            frame.pop(field, None)
        else:
            frame[field] = dice.choice(NASTY)
    text = json.dumps(frame, ensure_ascii=dice.random() < 0.5)
    if dice.random() < 0.1:
        text = text[: dice.randrange(len(text))]
    if dice.random() < 0.05:
        text = "[" * dice.choice((10, 5_000, 60_000))
    return wire(text.encode(errors="surrogatepass"))


def good_frame(dice: random.Random, conversation: int) -> dict[str, Any]:
    c = dice.choice((conversation, 999_999))
    key = str(uuid.UUID(int=dice.getrandbits(128)))
    frames: tuple[dict[str, Any], ...] = (
        {"t": "hello", "v": 1, "cursors": {str(conversation): 1}},
        {"t": "post", "c": c, "client_key": key, "body": "fuzz"},
        {"t": "post", "c": c, "client_key": key, "body": "fuzz", "attachments": [key]},
        {"t": "read", "c": c, "n": dice.randrange(100)},
        {"t": "typing", "c": c},
        {"t": "ping"},
    )
    return dict(dice.choice(frames))
