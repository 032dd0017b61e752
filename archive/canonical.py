"""Canonical JSON of the record: the subset of JCS (RFC 8785) that docs/record-format.md allows, and nothing else.

Plain values go through orjson, whose sorted output is JCS for this subset; whatever is not plain goes the slow way
through the standard library, which also says what is wrong with it. Tests hold both ways against rfc8785.

It must not repair what it is given: no Unicode normalisation, no rounding, no dropped keys. It refuses instead.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import NoReturn

import orjson

Json = None | bool | int | str | list["Json"] | dict[str, "Json"]

INTEGER_LIMIT = 2**53
_dumps = orjson.dumps
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


class NotCanonical(ValueError):
    """The value or the bytes lie outside canonical JSON; the message says what was found."""


def encode(value: Json) -> bytes:
    """Return the one canonical form of a JSON value. Raises NotCanonical for anything outside the subset."""
    return encode_again(value) if _is_plain(value) else _encode_slowly(value)


def encode_again(value: Json) -> bytes:
    """Return the canonical form of a value, or a part of one, that encode() or parse() took before: not looked at."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # a lone surrogate, or deeper than orjson goes: the slow way knows which
        return _encode_slowly(value)


def _encode_slowly(value: Json) -> bytes:
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
        value: Json = orjson.loads(data)
    except orjson.JSONDecodeError:
        return _parse_slowly(data)
    # The same bytes again: so no spaces, no other escapes, and no key that stood twice and was dropped.
    if _is_plain(value) and encode_again(value) == data:
        return value
    return _parse_slowly(data)


def _parse_slowly(data: bytes) -> Json:
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
    if _encode_slowly(value) != data:
        raise NotCanonical("the bytes are JSON, but not in canonical form")
    return value


def parse_object(data: bytes) -> dict[str, Json]:
    """Return the members of a canonical JSON object. Raises NotCanonical for other bytes and other values."""
    value = parse(data)
    if not isinstance(value, dict):
        raise NotCanonical("the value is not an object")
    return value


def parse_members(data: bytes) -> tuple[dict[str, Json], list[bytes]]:
    """Return the members of a canonical JSON object, and the canonical form of each value. Raises as parse_object().

    For who needs both: it costs little more than parse_object().
    """
    try:
        members = orjson.loads(data)
        if type(members) is dict and (form := object_form(tuple(members))) is not None:
            values = [_dumps(value) if type(value) is str else encode(value) for value in members.values()]
            if form % tuple(values) == data:  # as in parse()
                return members, values
    except (orjson.JSONDecodeError, NotCanonical):
        pass  # the slow way says what is wrong
    members = parse_object(data)
    return members, [encode_again(value) for value in members.values()]


@lru_cache(maxsize=1024)
def object_form(names: tuple[str, ...], *, slot: bytes = b"%b") -> bytes | None:
    """Return the canonical object with these members, `slot` for each value, to be filled in with the operator %.

    None unless the names are ASCII and in canonical order.
    """
    if not all(map(str.isascii, names)) or list(names) != sorted(set(names)):
        return None
    return b"{" + b",".join(_dumps(name).replace(b"%", b"%%") + b":" + slot for name in names) + b"}"


def _is_plain(value: object) -> bool:
    """Say whether the fast way may take the value: exact types of the subset only. False leaves it to the slow way."""
    if type(value) is str or value is None or type(value) is bool:
        return True
    if type(value) is int:
        return -INTEGER_LIMIT < value < INTEGER_LIMIT
    try:
        if type(value) is dict:
            return _has_plain_members(value)
        return type(value) is list and all(map(_is_plain, value))
    except RecursionError:
        return False


def _has_plain_members(members: dict[object, object]) -> bool:
    for key, value in members.items():
        if type(key) is not str or not key.isascii():
            return False
        if type(value) is not str and not _is_plain(value):
            return False
    return True


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
