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
    names, converters = _loading(model)
    found = list(values)
    for place, convert, column in converters:
        for one in convert:
            found[place] = one(found[place], column, connection)
    return model.from_db(connection.alias, names, found)


@cache
def _loading(model: type[models.Model]) -> tuple[list[str], Converters]:
    fields = model._meta.concrete_fields
    needed = []
    for place, field in enumerate(fields):
        column = Col(model._meta.db_table, field)
        convert = (*connection.ops.get_db_converters(column), *field.get_db_converters(connection))  # type: ignore[attr-defined]  # the stubs do not know it
        if convert:
            needed.append((place, convert, column))
    return [field.attname for field in fields], tuple(needed)
