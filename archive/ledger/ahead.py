"""One step ahead: while the caller works on one part, a thread makes the next.

Worth it where the caller waits for a database outside Python's lock. The thread must not use the database: it would
get a connection of its own, outside the caller's transaction.
"""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Part = TypeVar("Part")
Made = TypeVar("Made")


def made_ahead(parts: Sequence[Part], *, make: Callable[[Part], Made]) -> Generator[Made, None, None]:
    """Yield what `make` makes of each part, one part after another; raises what it raises.

    Once the iterator is closed or at its end, nothing is being made any more.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="record-maker") as thread:
        coming = thread.submit(make, parts[0])
        for part in parts[1:]:
            made = coming.result()
            coming = thread.submit(make, part)
            yield made
        yield coming.result()
