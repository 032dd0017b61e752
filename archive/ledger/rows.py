"""Reading of table rows that somebody may have written by hand, for the check.

A value of the wrong type or an undecodable text must be reported, never stop the check; so rows come as plain values,
and a row that the driver or Django cannot convert is named instead of raised.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import Error, models

Row = Mapping[str, object]
# What drivers and Django's converters raise for values that do not belong in a column.
UNREADABLE = (Error, ValueError, TypeError, AttributeError, OverflowError)


@dataclass
class Rows:
    """Rows by key. `unreadable` has the keys of rows whose values could not be read, with the reason."""

    found: dict[int, Row] = field(default_factory=dict)
    unreadable: dict[int, str] = field(default_factory=dict)

    def keys(self) -> set[int]:
        return set(self.found) | set(self.unreadable)


def read_range(model: type[models.Model], *, key: str, after: int | None, upto: int | None) -> Rows:
    """Return the rows with after < key <= upto; None leaves an end open."""
    bounds = {f"{key}__gt": after, f"{key}__lte": upto}
    query = model._default_manager.filter(**{name: value for name, value in bounds.items() if value is not None})
    try:
        return Rows(found={row[key]: row for row in query.values()})
    except UNREADABLE:
        return _read_one_by_one(query, key=key)


def as_bytes(value: object) -> bytes | None:
    """Return a binary column's bytes, None for anything else that was put there."""
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else None


def as_int(value: object) -> int | None:
    return value if type(value) is int else None


def _read_one_by_one(query: models.QuerySet[models.Model], *, key: str) -> Rows:
    rows = Rows()
    for number in query.values_list(key, flat=True):
        try:
            rows.found[number] = query.values().get(**{key: number})
        except UNREADABLE as error:
            rows.unreadable[number] = type(error).__name__
    return rows
