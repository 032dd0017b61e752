"""The threads in which an event loop's requests meet the database: many for whoever asks, one for the hub.

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

# Delivery and revocations do not wait for posts that wait for the record.
_hub_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hub")


async def in_database(
    function: Callable[..., Result], *args: Any, executor: ThreadPoolExecutor | None = None, **kwargs: Any
) -> Result:
    """Run a function that reads or writes the database, in a thread of the pool, with fresh connections."""

    def call() -> Result:
        close_old_connections()
        try:
            return function(*args, **kwargs)
        finally:
            close_old_connections()

    return await sync_to_async(call, thread_sensitive=False, executor=executor)()


async def in_hub_thread(function: Callable[..., Result], *args: Any) -> Result:
    """Run a function that reads in the one thread of the hub, which keeps its connection as long as all goes well.

    It reads twice a second and after each commit: to take a connection and give it back would be half of the work.
    """
    return await asyncio.get_running_loop().run_in_executor(_hub_thread, partial(_read, function, *args))


def _read(function: Callable[..., Result], *args: Any) -> Result:
    try:
        return function(*args)
    except Exception:
        connection.close()
        raise
