"""Futures of threads, awaited in an event loop: those that are settled together wake the loop once, not once each.

Must not run anything in the threads that settle them.
"""

import asyncio
from collections import deque
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

Result = TypeVar("Result")


class Waking:
    """Those who wait in one event loop."""

    def __init__(self) -> None:
        self._settled: deque[asyncio.Future[None]] = deque()
        self._is_called = False

    async def wait(self, future: "Future[Result]") -> Result:
        """Return what a thread puts into the future, or raise it. Who is cancelled cancels the future."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.add_done_callback(partial(self._note, waiter))
        try:
            await waiter
        except asyncio.CancelledError:
            future.cancel()
            raise
        return future.result()

    # Any: whatever the future holds.
    def _note(self, waiter: "asyncio.Future[None]", _: "Future[Any]") -> None:
        self._settled.append(waiter)
        # Called in any thread. `_wake` takes the word back before it looks: what is appended later calls again.
        if not self._is_called and not (loop := waiter.get_loop()).is_closed():
            self._is_called = True
            loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._is_called = False
        while self._settled:
            waiter = self._settled.popleft()
            if not waiter.done():
                waiter.set_result(None)


_wakings: WeakKeyDictionary[asyncio.AbstractEventLoop, Waking] = WeakKeyDictionary()


async def settled(future: "Future[Result]") -> Result:
    """Wait in the running event loop for what a thread puts into the future; return it or raise it."""
    return await _wakings.setdefault(asyncio.get_running_loop(), Waking()).wait(future)
