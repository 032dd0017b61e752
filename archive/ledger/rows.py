"""Reading of table rows that somebody may have written by hand, for the check.

A value of the wrong type or an undecodable text must be reported, never stop the check; so rows come as plain values,
and a row that the driver or Django cannot convert is named instead of raised. So are two rows of one key, which there
can be once somebody has dropped the constraint: whoever reads may be given either.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from django.core.exceptions import MultipleObjectsReturned
from django.db import Error, connection, models

Row = Mapping[str, object]
# What drivers and Django's converters raise for values that do not belong in a column.
UNREADABLE = (Error, ValueError, TypeError, AttributeError, OverflowError)
TWICE = "there are two rows of this number"
NO_TIME = "it is no time"


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
        rows = _by_key(query.values(), key=key)
    except UNREADABLE:
        rows = _read_one_by_one(query, key=key)
    for number in _with_blobs_for_times(query, key=key):
        rows.unreadable[number] = NO_TIME
        rows.found.pop(number, None)
    return rows


def as_bytes(value: object) -> bytes | None:
    """Return a binary column's bytes, None for anything else that was put there."""
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else None


def as_int(value: object) -> int | None:
    return value if type(value) is int else None


def _by_key(found: Iterable[Row], *, key: str) -> Rows:
    rows = Rows()
    for row in found:
        number = row[key]
        if type(number) is not int:
            raise TypeError(f"a {type(number).__name__} stands where a number should")
        if number in rows.found or number in rows.unreadable:
            rows.unreadable[number] = TWICE
            rows.found.pop(number, None)
        else:
            rows.found[number] = row
    return rows


def _with_blobs_for_times(query: models.QuerySet[models.Model], *, key: str) -> Iterator[int]:
    """Yield the keys of rows with a blob for a time: Django reads it like the text, but no search by time finds it."""
    if connection.vendor != "sqlite":
        return
    for column in (item.column for item in query.model._meta.concrete_fields if type(item) is models.DateTimeField):
        kind = models.Func(models.F(column), function="typeof", output_field=models.CharField())
        yield from query.annotate(kind_of_time=kind).exclude(kind_of_time="text").values_list(key, flat=True)


def _read_one_by_one(query: models.QuerySet[models.Model], *, key: str) -> Rows:
    rows = Rows()
    for number in query.values_list(key, flat=True):
        try:
            rows.found[number] = query.values().get(**{key: number})
        except MultipleObjectsReturned:
            rows.unreadable[number] = TWICE
        except UNREADABLE as error:
            rows.unreadable[number] = type(error).__name__
    return rows
