"""Rows from statements that are written out, as the ORM would load them: every column, in Django's own types.

For what is asked with each request or each message: there Django's making of the statement costs many times its
running. Must not make a statement by itself, and no name in one may come from data.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import connection, models
from django.db.models.expressions import Col

Row = TypeVar("Row", bound=models.Model)
# Any, here and below: what columns hold, and Django's converters, whose arguments differ by field.
Converters = tuple[tuple[int, tuple[Any, ...], Col], ...]


def columns(model: type[models.Model], table: str) -> str:
    """Return the columns of a model for SELECT, in the order in which `load` takes them."""
    return ", ".join(f"{table}.{connection.ops.quote_name(field.column)}" for field in model._meta.concrete_fields)


def width(model: type[models.Model]) -> int:
    return len(model._meta.concrete_fields)


def load(model: type[Row], values: Sequence[Any]) -> Row:
    """Return the row whose columns these values are, as they came from the database."""
    names = _names(model)
    return model.from_db(connection.alias, names, converted(model, names, values))


def converted(model: type[models.Model], names: tuple[str, ...], values: Sequence[Any]) -> list[Any]:
    """Return the values of these columns of a row in Django's types, where a row as an object is not needed."""
    found = list(values)
    for place, convert, column in _converters(model, names):
        for one in convert:
            found[place] = one(found[place], column, connection)
    return found


@cache
def _names(model: type[models.Model]) -> tuple[str, ...]:
    return tuple(field.attname for field in model._meta.concrete_fields)


@cache
def _converters(model: type[models.Model], names: tuple[str, ...]) -> Converters:
    fields = {field.attname: field for field in model._meta.concrete_fields}
    needed = []
    for place, name in enumerate(names):
        field = fields[name]
        column = Col(model._meta.db_table, field)
        convert = (*connection.ops.get_db_converters(column), *field.get_db_converters(connection))  # type: ignore[attr-defined]  # the stubs do not know it
        if convert:
            needed.append((place, convert, column))
    return tuple(needed)
