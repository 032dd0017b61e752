"""An end for a call into somebody else's library that has none: who waits goes on without it.

The call itself cannot be broken off; its thread ends when the other side does. So it must be one that may end at any
time later without harm, and that uses no connection to our database.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

MOST_OVERDUE = 4  # threads that a slow side may hold; more of them would not make it faster
_T = TypeVar("_T")
_overdue: dict[str, list[threading.Thread]] = {}
_lock = threading.Lock()


class TooSlow(Exception):
    """The call did not end in time, or too many before it have not. Trying again later may help."""


def within(limit_s: float, call: Callable[[], _T], *, whom: str) -> _T:
    """Return what the call returns, or raise what it raises, after `limit_s` at most. Raises TooSlow.

    `whom` names the other side, so that a slow one holds up nobody but itself.
    """
    _refuse_overdue(whom)
    outcome: Future[_T] = Future()
    thread = threading.Thread(target=_fulfil, args=(outcome, call), name=f"call to {whom}", daemon=True)
    thread.start()
    thread.join(limit_s)
    if thread.is_alive():
        with _lock:
            _overdue.setdefault(whom, []).append(thread)
        raise TooSlow(f"it has not answered in {limit_s:g} s")
    return outcome.result()


def _refuse_overdue(whom: str) -> None:
    with _lock:
        waiting = [thread for thread in _overdue.get(whom, []) if thread.is_alive()]
        _overdue[whom] = waiting
    if len(waiting) >= MOST_OVERDUE:
        raise TooSlow(f"{len(waiting)} calls before have not been answered yet")


def _fulfil(outcome: "Future[_T]", call: Callable[[], _T]) -> None:
    try:
        outcome.set_result(call())
    except Exception as error:  # noqa: BLE001  # whoever waits hears of it
        outcome.set_exception(error)
