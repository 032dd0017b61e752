"""The threads in which sockets meet the database: many for whoever asks, some for acts, one for the hub.

Acts wait for the record, for half a minute if it has to be, and whoever only asks must not wait for them.
Must not decide anything; it says only where a function runs and what becomes of its connection.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections, connection

Result = TypeVar("Result")

# Not the event loop's own pool: that has as many threads as there are processors, and a few more.
_asking = ThreadPoolExecutor(max_workers=16, thread_name_prefix="ask")
_acting = ThreadPoolExecutor(max_workers=16, thread_name_prefix="act")
# Delivery and revocations wait for nobody.
_hub_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hub")


async def in_database(function: Callable[..., Result], *args: Any) -> Result:
    """Run a function that reads the database, in a thread of the pool, with fresh connections."""
    return await _run(partial(function, *args), executor=_asking)


async def as_act(function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
    """Run an act, which may wait for the record, in one of the threads for acts."""
    return await _run(partial(function, *args, **kwargs), executor=_acting)


async def in_hub_thread(function: Callable[..., Result], *args: Any) -> Result:
    """Run a function that reads in the one thread of the hub, which keeps its connection as long as all goes well.

    It reads twice a second and after each commit: to take a connection and give it back would be half of the work.
    """
    return await asyncio.get_running_loop().run_in_executor(_hub_thread, partial(_read, function, *args))


async def _run(function: Callable[[], Result], *, executor: ThreadPoolExecutor) -> Result:
    def call() -> Result:
        close_old_connections()
        try:
            return function()
        finally:
            close_old_connections()

    return await sync_to_async(call, thread_sensitive=False, executor=executor)()


def _read(function: Callable[..., Result], *args: Any) -> Result:
    try:
        return function(*args)
    except Exception:
        connection.close()
        raise
