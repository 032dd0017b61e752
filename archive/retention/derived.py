"""Who keeps rows or files that were made from entries: they erase them when the entries are disposed of.

The archive knows nothing of those rows: their rooms register here when the app is loaded. It must not decide what goes.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from archive.models import Entry
from archive.spans import Span


@dataclass(frozen=True)
class Erased:
    """An entry that is disposed of: its number, its place, and what kind it was."""

    seq: int
    stream: str
    n: int
    kind: str


RowEraser = Callable[[Sequence[Erased]], None]
FileEraser = Callable[[Sequence[Span]], None]
Keeper = Callable[[], None]


@dataclass(frozen=True)
class _Rows:
    erase: RowEraser
    tables: tuple[str, ...]


_rows: dict[str, _Rows] = {}
_files: dict[str, FileEraser] = {}
_keepers: dict[str, Keeper] = {}


def register_rows(name: str, *, erase: RowEraser, tables: Iterable[str]) -> None:
    """Have `erase` called in the transaction of each disposal, under the head's lock; `tables` are cleared after it."""
    _rows[name] = _Rows(erase, tuple(tables))


def register_files(name: str, *, erase: FileEraser) -> None:
    """Have `erase` called after the commit of each disposal with the numbers that went, until it came through once.

    It may be called again with the same numbers.
    """
    _files[name] = erase


def register_keeper(name: str, *, keep: Keeper) -> None:
    """Have `keep` called before wrapping keys are destroyed: it takes down how entries that stay are wrapped now."""
    _keepers[name] = keep


def keep_what_stays() -> None:
    for keep in _keepers.values():
        keep()


def erase_rows(seqs: Sequence[int]) -> None:
    """Call every eraser of rows for these entries."""
    rows = Entry.objects.filter(seq__in=seqs).order_by("seq").values_list("seq", "stream__name", "n", "kind")
    erased = [Erased(*row) for row in rows]
    for registered in _rows.values():
        registered.erase(erased)


def erase_files(entries: Sequence[Span]) -> None:
    for erase in _files.values():
        erase(entries)


def tables() -> tuple[str, ...]:
    """Return the tables of all registered rows."""
    return tuple(sorted({table for registered in _rows.values() for table in registered.tables}))
