"""Rows that other rooms derive from entries, made again for entries that came back from a segment.

The archive knows nothing of those rows: whoever keeps them registers how they are made. It must not change the record.
"""

from collections.abc import Callable, Sequence

from archive.ledger.comparing import PAGE, Recorded, open_page

Rebuild = Callable[[Sequence[Recorded]], None]
_registered: dict[str, tuple[str, Rebuild]] = {}


def register_rebuilding(name: str, *, streams: str, rebuild: Rebuild) -> None:
    """Have `rebuild` called with entries of the streams whose names begin so, in order and a page at a time."""
    _registered[name] = (streams, rebuild)


def rebuild(*, first: int, size: int) -> None:
    """Call everybody who registered with the entries `first` to `size` - 1, inside the caller's transaction."""
    for streams, call in _registered.values():
        for start in range(first, size, PAGE):
            upto = min(start + PAGE, size) - 1
            call(list(open_page(streams, after=start - 1 if start else None, upto=upto)))
