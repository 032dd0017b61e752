"""Canonical JSON of the record: the subset of JCS (RFC 8785) that docs/record-format.md allows, and nothing else.

It must not repair what it is given: no Unicode normalisation, no rounding, no dropped keys. It refuses instead.
"""

import json
from collections.abc import Mapping
from typing import NoReturn

Json = None | bool | int | str | list["Json"] | dict[str, "Json"]

INTEGER_LIMIT = 2**53
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class NotCanonical(ValueError):
    """The value or the bytes lie outside canonical JSON; the message says what was found."""


def encode(value: Json) -> bytes:
    """Return the one canonical form of a JSON value. Raises NotCanonical for anything outside the subset."""
    try:
        _refuse_foreign(value)
        return _ENCODER.encode(value).encode()
    except UnicodeEncodeError as error:
        raise NotCanonical("a string holds a lone surrogate") from error
    except RecursionError as error:
        raise NotCanonical("the value is nested too deeply") from error


def parse(data: bytes) -> Json:
    """Return the value of canonical bytes. Raises NotCanonical unless encoding it again gives exactly these bytes."""
    try:
        value: Json = json.loads(
            data.decode(),
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
            object_pairs_hook=_object_without_duplicates,
        )
    except NotCanonical:
        raise
    except (ValueError, RecursionError) as error:  # also UnicodeDecodeError and integers of absurd length
        raise NotCanonical("the bytes are not JSON in UTF-8") from error
    if encode(value) != data:
        raise NotCanonical("the bytes are JSON, but not in canonical form")
    return value


def parse_object(data: bytes) -> dict[str, Json]:
    """Return the members of a canonical JSON object. Raises NotCanonical for other bytes and other values."""
    value = parse(data)
    if not isinstance(value, dict):
        raise NotCanonical("the value is not an object")
    return value


def _refuse_foreign(value: object) -> None:
    # Strings are left to the encoder: encoding to UTF-8 finds lone surrogates at no extra cost.
    if value is None or isinstance(value, bool | str):
        return
    if isinstance(value, int):
        _refuse_large(value)
    elif isinstance(value, list):
        for item in value:
            _refuse_foreign(item)
    elif isinstance(value, dict):
        _refuse_foreign_members(value)
    else:
        raise NotCanonical(f"a {type(value).__name__} has no canonical form")


def _refuse_foreign_members(members: Mapping[object, object]) -> None:
    for key, value in members.items():
        if not isinstance(key, str) or not key.isascii():
            raise NotCanonical("an object key is not ASCII text")
        _refuse_foreign(value)


def _refuse_large(number: int) -> None:
    if abs(number) >= INTEGER_LIMIT:
        raise NotCanonical("an integer lies outside ±(2^53 - 1)")


def _refuse_number(_text: str) -> NoReturn:
    raise NotCanonical("a number is not an integer")


def _object_without_duplicates(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotCanonical("an object has the same key twice")
    return members
