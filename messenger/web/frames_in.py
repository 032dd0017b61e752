"""Read a client's frame strictly: what is wrong with it is named, nothing is guessed. Pure but for its error type."""

import json
import uuid
from typing import Any

MAX_CURSORS = 5_000
MAX_NUMBER = 2**53
KINDS = ("hello", "post", "read", "typing", "ping")


class BadFrame(Exception):
    """The frame cannot be taken; `code`, `field` and `message` go back to the client."""

    def __init__(self, code: str, field: str | None, message: str) -> None:
        super().__init__(message)
        self.code, self.field, self.message = code, field, message


def parse(text: str) -> dict[str, Any]:
    """Return the frame as an object with a known `t`; raises BadFrame."""
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadFrame("malformed_json", None, "The frame is not JSON.") from error
    if not isinstance(frame, dict):
        raise BadFrame("malformed_json", None, "The frame must be a JSON object.")
    if frame.get("t") not in KINDS:
        raise BadFrame("unknown_type", "t", f"t is one of: {', '.join(KINDS)}.")
    key = frame.get("client_key")
    if isinstance(key, str) and not key.isascii():
        del frame["client_key"]  # it is no UUID, and half a character could not be said back
    return frame


def number_of(frame: dict[str, Any], field: str) -> int:
    """Return a field that must be a whole number from 0 to 2^53 - 1."""
    value = frame.get(field)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < MAX_NUMBER:
        raise BadFrame("invalid", field, f"{field} must be a whole number.")
    return value


def key_of(frame: dict[str, Any]) -> uuid.UUID:
    """Return the client key, a UUID."""
    try:
        return uuid.UUID(str(frame["client_key"]))
    except (KeyError, ValueError) as error:
        raise BadFrame("invalid", "client_key", "client_key must be a UUID.") from error


def cursors_of(frame: dict[str, Any]) -> dict[int, int]:
    """Return the cursors of a hello frame by conversation."""
    if frame.get("v") != 1:
        raise BadFrame("invalid", "v", "This server speaks version 1.")
    cursors = frame.get("cursors", {})
    if not isinstance(cursors, dict) or len(cursors) > MAX_CURSORS:
        raise BadFrame("invalid", "cursors", f"cursors is an object of at most {MAX_CURSORS} conversations.")
    return {_conversation(key): number_of({"cursors": value}, "cursors") for key, value in cursors.items()}


def parse_after(text: str) -> dict[int, int]:
    """Return the cursors of `?after=7:41,9:3`."""
    cursors: dict[int, int] = {}
    for pair in filter(None, text.split(",")):
        key, _, n = pair.partition(":")
        if not n.isascii() or not n.isdigit() or len(n) > 15:
            raise BadFrame("invalid", "after", "after is a list like 7:41,9:3 (conversation:number).")
        cursors[_conversation(key)] = int(n)
    if len(cursors) > MAX_CURSORS:
        raise BadFrame("invalid", "after", f"after names at most {MAX_CURSORS} conversations.")
    return cursors


def _conversation(key: str) -> int:
    if not key.isascii() or not key.isdigit() or len(key) > 15:
        raise BadFrame("invalid", "cursors", "A conversation is named by its number.")
    return int(key)
