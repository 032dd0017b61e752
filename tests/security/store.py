"""What is stored: every row of every table, as digests, to say whether a refusal left anything behind.

A request that sent no writing statement stored nothing, so only the others need the look at every table.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

# Housekeeping, not acts: a session that ended elsewhere is forgotten when its cookie comes again, and allauth notes
# a person's address for itself before it looks whether the key of a password reset is right.
HOUSEKEEPING = frozenset({"django_session", "account_emailaddress"})
WRITING = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")

Digests = dict[str, str]


def digests() -> Digests:
    """Return one digest for each table; equal exactly when the same rows stand in it."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return {name: _digest(name) for name in sorted(set(names) - HOUSEKEEPING)}


def _digest(table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 (Django's own names)
        rows = sorted(repr(row) for row in cursor.fetchall())
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


@dataclass
class Watch:
    """Notes whether a request wrote to the database at all."""

    has_written: bool = False

    def note(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:  # Any: Django's hook
        self.has_written |= sql.lstrip().upper().startswith(WRITING)
        return execute(sql, *rest)

    def changes_since(self, before: Digests) -> list[str]:
        """Return the tables that are not as they were; asked before the request is undone."""
        if not self.has_written:
            return []
        after = digests()
        return [name for name in after if after[name] != before.get(name)]


@contextmanager
def undone() -> Iterator[Watch]:
    """Run a request in a savepoint and undo it: the next one finds the same world."""
    watch = Watch()
    with transaction.atomic():
        with connection.execute_wrapper(watch.note):
            yield watch
        transaction.set_rollback(True)
